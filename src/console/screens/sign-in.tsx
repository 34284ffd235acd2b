import { useState } from 'preact/hooks';
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
  const run = (work: () => Promise<void>) => {
    setBusy(true);
    setFailure(undefined);
    work()
      .catch((error: unknown) => setFailure(wordsOf(error)))
      .finally(() => setBusy(false));
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget;
    if (!(form instanceof HTMLFormElement)) return;
    const token = String(new FormData(form).get('token') ?? '');
    form.reset();
    run(() => signIn(token));
  };
  return (
    <main class="sign-in" id="main">
      <h1>Latchkey</h1>
      <p>Lock and unlock user accounts.</p>
      {isOver && (
        <p role="status">
          Your session is over. Sign in again to go on where you were; what was not sent is not kept.
        </p>
      )}
      {failure !== undefined && <Failure text={failure} />}
      {hasSignOn && (
        <button type="button" class="main" disabled={isBusy} onClick={() => run(signOn)}>
          Sign in with your company’s account
        </button>
      )}
      <form onSubmit={submit}>
        <label for="token">{hasSignOn ? 'Or with a token' : 'Your token'}</label>
        <input
          id="token"
          name="token"
          type="password"
          autocomplete="off"
          required
          aria-describedby="token-hint"
        />
        <p class="hint" id="token-hint">
          The one that you were handed, such as 1234567890.aBcD… It is kept where no page can read it, and
          forgotten after 8 hours.
        </p>
        <button type="submit" class={hasSignOn ? undefined : 'main'} disabled={isBusy}>
          Sign in
        </button>
      </form>
    </main>
  );
}

function wordsOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return /token|auth/i.test(text) && !/encrypted/.test(text) ? `${text}. Is it whole, and still good?` : text;
}
