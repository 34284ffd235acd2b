import { useState } from 'preact/hooks';
import { CloseButton } from '../parts/dialog.tsx';
import { users } from '../state/api.ts';
import { AskForm } from './reason.tsx';

/** Sets a password that is good for one sign-in, unless said otherwise. */
export function PasswordForm({ userId }: { readonly userId: string }) {
  const [isDone, setDone] = useState(false);
  if (isDone)
    return <Finished text="The password is set. Tell them on the way by which you know that it is them." />;
  const send = async (form: FormData) => {
    const password = String(form.get('password') ?? '');
    const changeRequired = form.get('change') !== null;
    await users.setPassword({ userId, newPassword: { password, changeRequired } });
    setDone(true);
  };
  return (
    <AskForm verb="Set the password" onSend={send}>
      <label>
        New password
        <input name="password" type="password" autocomplete="new-password" required maxLength={200} />
      </label>
      <label class="choice">
        <input name="change" type="checkbox" defaultChecked />
        They must set another at their next sign-in
      </label>
    </AskForm>
  );
}

/** Makes a code with which they set a password of their own. */
export function CodeForm({ userId }: { readonly userId: string }) {
  const [code, setCode] = useState<string>();
  if (code !== undefined)
    return <Finished text="Read them this code; with it they set a password of their own:" code={code} />;
  const send = async () => {
    const { verificationCode } = await users.passwordReset({
      userId,
      medium: { case: 'returnCode', value: {} },
    });
    setCode(verificationCode ?? '');
  };
  return (
    <AskForm verb="Make a code" onSend={send}>
      <p>A code with which they set a password of their own. One made before is good no more.</p>
    </AskForm>
  );
}

function Finished({ text, code }: { readonly text: string; readonly code?: string }) {
  return (
    <>
      <p role="status">{text}</p>
      {code !== undefined && (
        <p>
          <code class="big">{code}</code>
        </p>
      )}
      <p class="buttons">
        <CloseButton />
      </p>
    </>
  );
}
