import { useLayoutEffect, useRef } from 'preact/hooks';
import { serverNow, useNow } from '../state/clock.ts';
import { navigate, type Route, to } from '../state/route.ts';
import { renewNow, type Session, signOut } from '../state/session.ts';
import { durationWords } from '../words.ts';
import { announce } from './notices.tsx';

const warnBeforeMs = 2 * 60_000;

interface HeaderProps {
  readonly session: Extract<Session, { kind: 'in' }>;
  readonly route: Route;
}

/** Where one can go, the one search box, and who one is. */
export function Header({ session, route }: HeaderProps) {
  const { me } = session;
  const link = (screen: Route['screen'], href: string, text: string) => (
    <a href={href} aria-current={route.screen === screen ? 'page' : undefined}>
      {text}
    </a>
  );
  return (
    <header>
      <nav aria-label="Screens">
        {link('locked', to.locked, 'Locked now')}
        {link('waves', to.waves, 'Waves')}
        {link('policy', to.policy, 'Policy')}
        {link('about', to.about, 'About')}
      </nav>
      <SearchBox text={route.screen === 'search' ? (route.query.get('q') ?? '') : ''} />
      <span class="me">
        <bdi>{me.loginName || me.subject || me.userId}</bdi>
        <button
          type="button"
          onClick={() =>
            void signOut().catch(() => announce('You are still signed in: the server cannot be reached.'))
          }
        >
          Sign out
        </button>
      </span>
      <Warning idleEndsAt={session.ends.idleEndsAt} />
    </header>
  );
}

/** "/" leads here from everywhere. */
function SearchBox({ text }: { readonly text: string }) {
  const box = useRef<HTMLInputElement>(null);
  // Before anybody sees it: who types at once is heard too.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const isTyping =
        event.target instanceof Element && event.target.closest('input, textarea, select, dialog') !== null;
      if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      box.current?.focus();
      box.current?.select();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  return (
    <form
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        navigate(to.search(box.current?.value.trim() ?? ''));
      }}
    >
      <input
        ref={box}
        key={text}
        type="search"
        name="q"
        defaultValue={text}
        maxLength={200}
        placeholder="Name, login name, e-mail or id  ( / )"
        aria-label="Search people by name, login name, e-mail address or id"
        aria-keyshortcuts="/"
      />
      <button type="submit">Search</button>
    </form>
  );
}

/** In time, so that whoever is still there can stay. */
function Warning({ idleEndsAt }: { readonly idleEndsAt: number }) {
  useNow();
  const leftMs = idleEndsAt - serverNow();
  return (
    <div role="alert" class="warning">
      {leftMs < warnBeforeMs && (
        <p>
          You will be signed out in {durationWords(leftMs)}.{' '}
          <button type="button" onClick={renewNow}>
            Stay signed in
          </button>
        </p>
      )}
    </div>
  );
}
