import { render } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { Failure } from './parts/failure.tsx';
import { Header } from './parts/header.tsx';
import { Notices } from './parts/notices.tsx';
import { About } from './screens/about.tsx';
import { Locked } from './screens/locked.tsx';
import { Policy } from './screens/policy.tsx';
import { Search } from './screens/search.tsx';
import { SignIn } from './screens/sign-in.tsx';
import { UserScreen } from './screens/user.tsx';
import { Run } from './screens/waves/run.tsx';
import { Waves } from './screens/waves/waves.tsx';
import { type Route, to, useRoute } from './state/route.ts';
import { beginSession, type Session, useSession, watchSession } from './state/session.ts';

const titles: Readonly<Record<Route['screen'], string>> = {
  locked: 'Locked now',
  search: 'Search',
  user: 'User',
  waves: 'Waves',
  run: 'Run',
  policy: 'Policy',
  about: 'About',
  nowhere: 'Nothing here',
};

function App() {
  const session = useSession();
  const route = useRoute();
  useEffect(() => {
    document.title = `${session.kind === 'in' ? titles[route.screen] : 'Sign in'} – Latchkey`;
  }, [route.screen, session.kind]);
  if (session.kind === 'unknown') return <main id="main">Loading…</main>;
  if (session.kind === 'unreached')
    return (
      <main id="main">
        <h1>Latchkey</h1>
        <Failure text="The server cannot be reached." onRetry={() => void beginSession()} />
      </main>
    );
  if (session.kind === 'out') return <SignIn hasSignOn={session.facts.signOn} isOver={session.isOver} />;
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Header {...{ session, route }} />
      <Screen {...{ session, route }} />
      <Notices />
    </>
  );
}

function Screen({ session, route }: { session: Extract<Session, { kind: 'in' }>; route: Route }) {
  const { me, facts } = session;
  const reasonRequired = facts.reason === 'required';
  useHeadOfPlace(route);
  switch (route.screen) {
    case 'locked':
      return <Locked query={route.query} {...{ me, reasonRequired }} />;
    case 'search':
      return <Search query={route.query} />;
    case 'user':
      return <UserScreen key={route.userId} userId={route.userId} {...{ me, reasonRequired }} />;
    case 'waves':
      return <Waves query={route.query} {...{ me, reasonRequired }} />;
    case 'run':
      return <Run key={route.runId} runId={route.runId} {...{ me, reasonRequired }} />;
    case 'policy':
      return <Policy me={me} />;
    case 'about':
      return <About session={session} />;
    case 'nowhere':
      return (
        <main id="main">
          <h1>Nothing here</h1>
          <p>
            <a href={to.locked}>Who is locked now?</a>
          </p>
        </main>
      );
  }
}

/** Whoever follows a link is at the head of what they find, and not nowhere because the link is gone. */
function useHeadOfPlace(route: Route): void {
  const place = 'userId' in route ? route.userId : 'runId' in route ? route.runId : route.screen;
  const before = useRef(place);
  useLayoutEffect(() => {
    if (before.current === place) return;
    before.current = place;
    const head = document.querySelector<HTMLElement>('main h1');
    if (head === null || document.activeElement !== document.body) return;
    head.tabIndex = -1;
    head.focus({ preventScroll: true });
  }, [place]);
}

const root = document.getElementById('app');
if (root !== null) {
  watchSession();
  void beginSession();
  render(<App />, root);
}
