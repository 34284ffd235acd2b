import { useEffect, useState } from 'preact/hooks';
import type { GetCallerResponse } from '../../../gen/es/latchkey/v1/admin_pb.js';
import { type ExplainUserResponse, type Lock, LockCause } from '../../../gen/es/latchkey/v1/lock_pb.js';
import { UserState } from '../../../gen/es/zitadel/user/v2/user_pb.js';
import { howMany } from '../../domain/words/how-many.ts';
import { sentenceParts } from '../../domain/words/lock-sentence.ts';
import { LockDialog } from '../dialogs/lock.tsx';
import { CodeForm, PasswordForm } from '../dialogs/password.tsx';
import { type Subject, UnlockDialog, Whom } from '../dialogs/unlock.tsx';
import { Action } from '../parts/action.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { Failure } from '../parts/failure.tsx';
import { Since, Until } from '../parts/time.tsx';
import { Timeline } from '../parts/timeline.tsx';
import { Who } from '../parts/who.tsx';
import { locks, users } from '../state/api.ts';
import { msOf } from '../state/clock.ts';
import { follow } from '../state/follow.ts';
import { useLoad } from '../state/load.ts';
import { loadOrganizations, personOf } from '../state/people.ts';
import { whyNot } from '../state/session.ts';
import { absoluteWords, causeWords, stateWords } from '../words.ts';
import { State } from './search.tsx';

interface UserScreenProps {
  readonly userId: string;
  readonly me: GetCallerResponse;
  readonly reasonRequired: boolean;
}

interface Known {
  readonly person: Subject;
  readonly state: UserState;
  readonly noPassword: string | undefined;
  readonly explained: ExplainUserResponse;
  /** With the newest failed sign-ins. */
  readonly lock: Lock | undefined;
}

/** All about one person: why they cannot sign in, what would change it, and what happened. */
export function UserScreen({ userId, me, reasonRequired }: UserScreenProps) {
  const { value, failure, reload } = useLoad(`user ${userId}`, (signal) => loadUser(userId, signal));
  const [changes, setChanges] = useState(0);
  const changed = () => {
    setChanges((before) => before + 1);
    reload();
  };
  useEffect(
    () =>
      follow((news) => {
        if ((news.case === 'locked' || news.case === 'ended') && news.value.userId === userId) changed();
      }),
    [userId],
  );
  if (value === undefined)
    return (
      <main id="main">
        <h1>User</h1>
        {failure === undefined ? <p role="status">Loading…</p> : <Failure text={failure} onRetry={reload} />}
      </main>
    );
  const { person, state, explained, lock } = value;
  return (
    <main id="main">
      <h1>
        <bdi>{person.name}</bdi> <State state={state} />
      </h1>
      {failure !== undefined && <Failure text={failure} onRetry={reload} />}
      <Whom person={person} />
      <Actions known={value} {...{ me, reasonRequired, changed }} />
      <section aria-labelledby="why">
        <h2 id="why">Can they sign in?</h2>
        <p class="summary">
          <Sentence text={explained.summary} lock={lock} />
        </p>
        <Obstacles explained={explained} lock={lock} />
      </section>
      {lock !== undefined && <LockCard lock={lock} />}
      <Timeline userId={userId} changes={changes} />
    </main>
  );
}

async function loadUser(userId: string, signal: AbortSignal): Promise<Known> {
  const [found, explained, organizations] = await Promise.all([
    users.getUserByID({ userId }, { signal }),
    locks.explainUser({ userId }, { signal }),
    loadOrganizations(signal),
  ]);
  if (found.user === undefined) throw new Error('the server answered without the user');
  const person = personOf(found.user);
  // It may end between the two questions: then what ExplainUser said of it is all there is.
  const lock = explained.lock && (await locks.getLock({ userId }, { signal }).catch(() => undefined))?.lock;
  return {
    person: { ...person, organization: organizations.get(person.organizationId) },
    state: explained.state,
    noPassword: passwordElsewhere[found.user.type.case ?? 'external'],
    explained,
    lock: lock ?? explained.lock,
  };
}

interface ActionsProps {
  readonly known: Known;
  readonly me: GetCallerResponse;
  readonly reasonRequired: boolean;
  readonly changed: () => void;
}

type Opened = 'unlock' | 'lock' | 'password' | 'code' | undefined;

function Actions({ known, me, reasonRequired, changed }: ActionsProps) {
  const [opened, setOpened] = useState<Opened>();
  // What the dialog is about stays as it was when it opened.
  const [lock, setLock] = useState<Lock>();
  const { person } = known;
  const close = () => {
    setOpened(undefined);
    changed();
  };
  const why = reasonsNot(known, me);
  return (
    <p class="buttons">
      <Action
        kind="main"
        whyNot={why.unlock}
        onPress={() => {
          setLock(known.lock);
          setOpened('unlock');
        }}
      >
        Unlock
      </Action>
      <Action kind="danger" whyNot={why.lock} onPress={() => setOpened('lock')}>
        Lock
      </Action>
      <Action whyNot={why.password} onPress={() => setOpened('password')}>
        Set a password
      </Action>
      <Action whyNot={why.code} onPress={() => setOpened('code')}>
        Make a reset code
      </Action>
      {opened === 'unlock' && lock !== undefined && (
        <UnlockDialog
          {...{ me, person, lock, reasonRequired, noPassword: known.noPassword }}
          onDone={changed}
          onClose={close}
        />
      )}
      {opened === 'lock' && <LockDialog {...{ person, reasonRequired }} onDone={changed} onClose={close} />}
      {(opened === 'password' || opened === 'code') && (
        <Dialog title={opened === 'code' ? 'Make a reset code' : 'Set a password'} onClose={close}>
          <Whom person={person} />
          {opened === 'code' ? <CodeForm userId={person.userId} /> : <PasswordForm userId={person.userId} />}
        </Dialog>
      )}
    </p>
  );
}

/** Why no password can be set, by the type of the user. */
const passwordElsewhere = {
  human: undefined,
  machine: 'Only people have passwords, and this is a machine.',
  external: 'An application keeps their password: it is set there.',
} as const;

/** Why each button may not be pressed; undefined: it may. */
function reasonsNot({ person, state, noPassword, lock }: Known, me: GetCallerResponse) {
  const held = (permission: string) => whyNot(me, permission, person.organizationId);
  const isLocked = state === UserState.LOCKED && lock !== undefined;
  const canLock = state === UserState.ACTIVE || state === UserState.INITIAL;
  return {
    unlock: held('user.unlock') ?? (isLocked ? undefined : 'They are not locked.'),
    lock:
      held('user.write') ?? (canLock ? undefined : `They are ${stateWords[state].toLowerCase()} already.`),
    password: held('user.credential.write') ?? noPassword,
    code: held('user.credential.write') ?? noPassword,
  };
}

interface ObstaclesProps {
  readonly explained: ExplainUserResponse;
  readonly lock: Lock | undefined;
}

function Obstacles({ explained, lock }: ObstaclesProps) {
  const { obstacles, attemptsLeft = 0, devices, summary } = explained;
  return (
    <ul class="obstacles">
      {obstacles.map((one) => (
        <li key={one.code} class={one.blocks ? 'blocks' : undefined}>
          <p>
            {one.text === summary ? '' : <Sentence text={one.text} lock={lock} />}{' '}
            {one.remedy !== '' && <span class="remedy">{one.remedy}</span>}
          </p>
          {one.ends !== undefined && (
            <p>
              Ends by itself: <Until ms={msOf(one.ends)} />
            </p>
          )}
          {one.sparesKnownDevices && (
            <p>Devices from which they have signed in before get through all the same.</p>
          )}
        </li>
      ))}
      {attemptsLeft > 0 && <li>After {howMany(attemptsLeft, 'more wrong password')} they are locked.</li>}
      {devices.length > 0 && (
        <li>
          {howMany(devices.length, 'of their known devices has', 'of their known devices have')} failed
          lately.
        </li>
      )}
    </ul>
  );
}

/** A sentence of the server, with its times as people read them, and whoever locked by name. */
function Sentence({ text, lock }: { readonly text: string; readonly lock: Lock | undefined }) {
  const by = lock?.cause === LockCause.ADMINISTRATOR ? lock.lockedBy : '';
  const shown = {
    words: (words: string) => words,
    time: (time: string) => absoluteWords(Date.parse(time)),
    who: (id: string) => <Who id={id} atMs={msOf(lock?.since)} />,
  };
  return <>{sentenceParts(text, by).map((part) => shown[part.kind](part.text))}</>;
}

function LockCard({ lock }: { readonly lock: Lock }) {
  return (
    <section class="card" aria-labelledby="lock">
      <h2 id="lock">The lock</h2>
      <dl class="facts">
        <dt>Cause</dt>
        <dd>{causeWords[lock.cause]}</dd>
        {lock.reason !== '' && (
          <>
            <dt>Reason</dt>
            <dd>
              <bdi>{lock.reason}</bdi>
            </dd>
          </>
        )}
        <dt>By</dt>
        <dd>
          {lock.lockedBy === '' ? (
            lock.cause === LockCause.POLICY ? (
              'the lockout policy'
            ) : (
              'not known'
            )
          ) : (
            <Who id={lock.lockedBy} atMs={msOf(lock.since)} />
          )}
        </dd>
        <dt>Since</dt>
        <dd>
          <Since ms={msOf(lock.since)} />
        </dd>
        <dt>Until</dt>
        <dd>
          <Until ms={msOf(lock.until)} />
        </dd>
        <dt>Wrong passwords</dt>
        <dd>{lock.failedAttempts}</dd>
      </dl>
      {lock.failedSignIns.length > 0 && <FailedSignIns lock={lock} />}
    </section>
  );
}

function FailedSignIns({ lock }: { readonly lock: Lock }) {
  return (
    <>
      <h3>The newest failed sign-ins</h3>
      <ul>
        {lock.failedSignIns.map((one) => (
          <li key={`${one.time?.seconds}.${one.time?.nanos}`}>
            <Since ms={msOf(one.time)} /> {one.ip !== '' && `from ${one.ip}`}
            <small>
              <bdi>{one.userAgent}</bdi>
            </small>
          </li>
        ))}
      </ul>
    </>
  );
}
