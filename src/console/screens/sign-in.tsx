import type { RefObject } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Failure } from '../parts/failure.tsx';
import { signIn, signOn } from '../state/session.ts';

interface SignInProps {
  readonly hasSignOn: boolean;
  /** Somebody was signed in here, and is not any more. */
  readonly isOver: boolean;
}

/** The first screen of whoever is not signed in. */
export function SignIn({ hasSignOn, isOver }: SignInProps) {
  const [failure, setFailure] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const company = useRef<HTMLButtonElement>(null);
  const token = useRef<HTMLInputElement>(null);
  // Whoever has nothing but a keyboard is where they were sent, also from the middle of something else.
  useLayoutEffect(() => (company.current ?? token.current)?.focus(), []);
  const run = (work: () => Promise<void>) => {
    setBusy(true);
    setFailure(undefined);
    work()
      .catch((error: unknown) => setFailure(wordsOf(error)))
      .finally(() => setBusy(false));
  };
  return (
    <main class="sign-in" id="main">
      <h1>Latchkey</h1>
      <p>Lock and unlock user accounts.</p>
      {isOver && (
        <p role="status" id="over">
          Your session is over. Sign in again to go on where you were; what was not sent is not kept.
        </p>
      )}
      {failure !== undefined && <Failure text={failure} />}
      {hasSignOn && (
        <button
          ref={company}
          type="button"
          class="main"
          aria-describedby={isOver ? 'over' : undefined}
          disabled={isBusy}
          onClick={() => run(signOn)}
        >
          Sign in with your company’s account
        </button>
      )}
      <TokenForm
        {...{ hasSignOn, isOver, isBusy }}
        field={token}
        onToken={(text) => run(() => signIn(text))}
      />
    </main>
  );
}

interface TokenFormProps extends SignInProps {
  readonly isBusy: boolean;
  readonly field: RefObject<HTMLInputElement | null>;
  readonly onToken: (text: string) => void;
}

function TokenForm({ hasSignOn, isOver, isBusy, field, onToken }: TokenFormProps) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget;
    if (!(form instanceof HTMLFormElement)) return;
    const text = String(new FormData(form).get('token') ?? '');
    form.reset();
    onToken(text);
  };
  return (
    <form onSubmit={submit}>
      <label for="token">{hasSignOn ? 'Or with a token' : 'Your token'}</label>
      <input
        ref={field}
        id="token"
        name="token"
        type="password"
        autocomplete="off"
        required
        aria-describedby={isOver ? 'over token-hint' : 'token-hint'}
      />
      <p class="hint" id="token-hint">
        The one that you were handed, such as 1234567890.aBcD… It is kept where no page can read it, and
        forgotten after 8 hours.
      </p>
      <button type="submit" class={hasSignOn ? undefined : 'main'} disabled={isBusy}>
        Sign in
      </button>
    </form>
  );
}

function wordsOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return /token|auth/i.test(text) && !/encrypted/.test(text) ? `${text}. Is it whole, and still good?` : text;
}
