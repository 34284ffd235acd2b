import { useMemo, useState } from 'preact/hooks';
import type { GetCallerResponse } from '../../../gen/es/latchkey/v1/admin_pb.js';
import { type Lock, LockCause } from '../../../gen/es/latchkey/v1/lock_pb.js';
import { Action } from '../parts/action.tsx';
import { CloseButton, Dialog } from '../parts/dialog.tsx';
import { admin, isOvertaken, locks, newRequestId } from '../state/api.ts';
import { msOf, serverNow, useNow } from '../state/clock.ts';
import { whyNot } from '../state/session.ts';
import { absoluteWords, actorOf, roughly } from '../words.ts';
import { CodeForm, PasswordForm } from './password.tsx';
import { AskForm, ReasonField, textOf } from './reason.tsx';

/** Whom a dialog is about. */
export interface Subject {
  readonly userId: string;
  readonly name: string;
  readonly loginName: string;
  /** What an application calls them. */
  readonly externalId?: string;
  readonly organizationId: string;
  /** Its name, where the caller may see it. */
  readonly organization: string | undefined;
}

interface UnlockProps {
  readonly me: GetCallerResponse;
  readonly person: Subject;
  /** As it was when the dialog opened: a newer one is left alone. */
  readonly lock: Lock;
  readonly reasonRequired: boolean;
  /** Why no password can be set; undefined: it can, or nobody has looked. */
  readonly noPassword?: string | undefined;
  readonly onDone: () => void;
  readonly onClose: () => void;
}

type Step =
  | { readonly kind: 'ask' | 'done' | 'password' | 'code' }
  | { readonly kind: 'overtaken'; readonly text: string };

const identifications = ['Called back', 'ID shown', 'Manager confirmed'];

/** Asks what has to be known, unlocks, and offers what people need next. */
export function UnlockDialog(props: UnlockProps) {
  const { me, person, lock, reasonRequired, noPassword, onDone, onClose } = props;
  // Of the dialog, not of the press: a second press is the same unlock.
  const requestId = useMemo(newRequestId, []);
  const [step, setStep] = useState<Step>({ kind: 'ask' });
  const send = async (form: FormData) => {
    const { userId } = person;
    const identification = textOf(form, 'identification');
    const request = {
      ...{ userId, requestId, expectedGeneration: lock.generation },
      reason: textOf(form, 'reason'),
      ticket: textOf(form, 'ticket'),
      identification: identification === 'Other' ? textOf(form, 'other') || 'Other' : identification,
    };
    try {
      await locks.unlockUser(request);
      onDone();
      setStep({ kind: 'done' });
    } catch (error) {
      if (!isOvertaken(error)) throw error;
      setStep({ kind: 'overtaken', text: await whatHappened(userId) });
    }
  };
  return (
    <Dialog title={`Unlock ${person.name || person.loginName}`} onClose={onClose}>
      <Whom person={person} />
      {step.kind === 'ask' && (
        <AskForm verb="Unlock" onSend={send}>
          <Consequence lock={lock} />
          <ReasonField required={reasonRequired} />
          <label>
            Ticket (may be left out)
            <input name="ticket" maxLength={200} autocomplete="off" />
          </label>
          <Identification />
        </AskForm>
      )}
      {step.kind === 'overtaken' && (
        <>
          <p role="status">{step.text}</p>
          <p class="buttons">
            <CloseButton />
          </p>
        </>
      )}
      {step.kind === 'done' && <Done {...{ me, person, noPassword, setStep }} />}
      {step.kind === 'password' && <PasswordForm userId={person.userId} />}
      {step.kind === 'code' && <CodeForm userId={person.userId} />}
    </Dialog>
  );
}

/** Nobody else: two people may share a name. */
export function Whom({ person }: { readonly person: Subject }) {
  return (
    <dl class="facts">
      <dt>Login name</dt>
      <dd>
        <bdi>{person.loginName || '–'}</bdi>
      </dd>
      <dt>Organization</dt>
      <dd>
        <bdi>{person.organization ?? person.organizationId}</bdi>
      </dd>
      <dt>Id</dt>
      <dd>
        <bdi>{person.userId}</bdi>
      </dd>
      {person.externalId && (
        <>
          <dt>External id</dt>
          <dd>
            <bdi>{person.externalId}</bdi>
          </dd>
        </>
      )}
    </dl>
  );
}

function Consequence({ lock }: { readonly lock: Lock }) {
  const now = useNow();
  const since = msOf(lock.since);
  const age = since === undefined ? '' : ` of ${roughly(now - since)} ago`;
  const whose = lock.cause === LockCause.POLICY ? 'The lock for wrong passwords' : 'The lock';
  return (
    <p>
      {whose}
      {age} ends at once, and failed sign-ins are forgotten. The password stays as it is; sessions and tokens
      that the lock ended stay ended.
    </p>
  );
}

function Identification() {
  const [chosen, setChosen] = useState('');
  return (
    <fieldset>
      <legend>How do you know who it is?</legend>
      {[...identifications, 'Other'].map((one) => (
        <label key={one} class="choice">
          <input
            type="radio"
            name="identification"
            value={one}
            checked={chosen === one}
            onChange={() => setChosen(one)}
          />
          {one}
        </label>
      ))}
      {chosen === 'Other' && (
        <label>
          In which way?
          <input name="other" maxLength={500} autocomplete="off" />
        </label>
      )}
    </fieldset>
  );
}

interface DoneProps {
  readonly noPassword: string | undefined;
  readonly me: GetCallerResponse;
  readonly person: Subject;
  readonly setStep: (step: Step) => void;
}

function Done({ me, person, noPassword, setStep }: DoneProps) {
  const why = whyNot(me, 'user.credential.write', person.organizationId) ?? noPassword;
  const whyReset = whyNot(me, 'user.write', person.organizationId);
  return (
    <>
      <p role="status">
        <strong>
          <bdi>{person.name || person.loginName}</bdi> is unlocked.
        </strong>{' '}
        Have they forgotten their password?
      </p>
      <p class="buttons">
        <Action whyNot={why} onPress={() => setStep({ kind: 'password' })}>
          Set a password
        </Action>
        <Action whyNot={why ?? whyReset} onPress={() => setStep({ kind: 'code' })}>
          Make a reset code
        </Action>
        <CloseButton />
      </p>
    </>
  );
}

/** A name is written as it is; words of ours begin a sentence. */
const ownWords: Readonly<Record<string, string>> = {
  'the lockout policy': 'The lockout policy',
  'nobody known': 'Nobody known',
};

/** Who was faster, and when: "Kim unlocked them 3 seconds ago, ticket 4711". */
async function whatHappened(userId: string): Promise<string> {
  const { entries } = await admin.listUserHistory({ userId, limit: 100 });
  const newest = entries.find(({ event }) =>
    ['user.unlocked', 'user.locked', 'user.deactivated', 'user.removed'].includes(event?.type ?? ''),
  );
  if (newest?.event === undefined) return 'The lock is not there any more. Nothing was changed.';
  const { type, creationDate, payload } = newest.event;
  const at = msOf(creationDate) ?? serverNow();
  const verb = { 'user.unlocked': 'unlocked', 'user.locked': 'locked', 'user.deactivated': 'deactivated' }[
    type
  ];
  const ticket =
    typeof payload?.ticket === 'string' && payload.ticket !== '' ? `, ticket ${payload.ticket}` : '';
  const when = `${roughly(serverNow() - at)} ago (${absoluteWords(at)})`;
  const again = type === 'user.locked' ? ' That is another lock than the one you looked at.' : '';
  const who = actorOf(newest);
  return `${ownWords[who] ?? who} ${verb ?? 'deleted'} them ${when}${ticket}.${again} You changed nothing.`;
}
