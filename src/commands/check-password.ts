import { setTimeout as delay } from 'node:timers/promises';
import { decideFailure, failuresOf } from '../domain/attempt.ts';
import type { CodeKind } from '../domain/code.ts';
import { DomainError } from '../domain/errors.ts';
import { type EventMeta, instanceStream } from '../domain/events.ts';
import type { UserId } from '../domain/ids.ts';
import type { User } from '../domain/user.ts';
import { sourceOf } from '../sign-in/address-failures.ts';
import { type PasswordWait, withNextCheckEnd } from '../sign-in/hash-threads.ts';
import { type CheckCost, spendVerification } from '../sign-in/password.ts';
import { inTurn } from '../sign-in/turn.ts';
import type { Decision } from './change-user.ts';
import { type CheckClaim, claimCheck, claimMs } from './check-claim.ts';
import { loadCredential, mayTry } from './credential.ts';
import { type CheckFacts, deviceTokenFor, renewedHash } from './right-password.ts';
import { factsOf, loadLivingUser, policyFor, type SignInApp, type SignInFacts } from './sign-in-facts.ts';

export interface PasswordCheck {
  /** undefined: nobody of that name. */
  readonly userId: UserId | undefined;
  /** What the user was called; checks of one name that nobody has wait for one another. */
  readonly name: string;
  readonly password: string;
  /** Where `password` is a code: of which kind. */
  readonly code?: CodeKind | undefined;
  /** Where the attempt comes from, as far as that is known. */
  readonly address: string | undefined;
  readonly deviceToken: string | undefined;
  readonly meta: EventMeta;
  /** Aborted when the caller is gone: what has not begun by then is not done, and counts for nothing. */
  readonly signal?: AbortSignal | undefined;
  /** The same, also aborted where its place is another's: no longer waits what has not begun, but no answer comes sooner by it. */
  readonly waiting?: AbortSignal | undefined;
  /** Looks at the user as loaded, before anything is told of them; throws where the caller may not. */
  readonly admit: (user: User) => void;
  /** What a right password makes of the user. */
  readonly right: (facts: SignInFacts) => Decision | Promise<Decision>;
}

export interface CheckedPassword {
  readonly user: User;
  /** The known device that it came from. */
  readonly deviceId: string | undefined;
  /** For a stranger's device, where the policy knows devices: with it, it is known from now on. */
  readonly deviceToken: string | undefined;
}

/** Longer than a claim lasts that nobody renews. */
const claimWaitMsMax = 2 * claimMs;
const attemptsMax = 3;

/**
 * The one way to try a password. Throws userNotFound, signInNotActive, signInLocked (it was locked while this one
 * waited), passwordNotSet, passwordWrong, addressFailing, overloaded, conflict; all but the last three take as long as
 * a wrong password. Never more are verified than the policy allows, on however many servers: a check begins with a
 * claim on the user's version, which one server gets, and ends with the append that moves it.
 */
export async function checkPassword(app: SignInApp, check: PasswordCheck): Promise<CheckedPassword> {
  const told = { startedMs: performance.now(), isKnownDevice: false };
  try {
    const checked = await admitAndCheck(app, check, (isKnownDevice) =>
      Object.assign(told, { isKnownDevice }),
    );
    app.signIns.tell({ ...told, error: undefined });
    return checked;
  } catch (error) {
    app.signIns.tell({ ...told, error });
    if (error instanceof DomainError) error.about = check.userId;
    throw error;
  }
}

async function admitAndCheck(
  app: SignInApp,
  check: PasswordCheck,
  hearDevice: (isKnown: boolean) => void,
): Promise<CheckedPassword> {
  const user = check.userId && (await loadLivingUser(app, check.userId));
  if (user === undefined) return refuseUnknown(app, check);
  check.admit(user);
  const facts = await factsOf(app, user, check.deviceToken);
  hearDevice(facts.deviceId !== undefined);
  const { address, signal } = check;
  return inTurn(app, { ...facts, key: `id ${user.userId}`, address, signal }, async (waiting) => {
    const turned = { ...check, waiting };
    if (!mayTry(turned, facts)) return refuse(app, turned, { ...facts, error: 'signInNotActive' });
    return untilRecorded(app, turned, facts);
  });
}

async function refuseUnknown(app: SignInApp, check: PasswordCheck): Promise<never> {
  const stranger = { policy: await policyFor(app, undefined), deviceId: undefined };
  const { address, signal } = check;
  return inTurn(app, { ...stranger, key: `name ${check.name}`, address, signal }, (waiting) =>
    refuse(app, { ...check, waiting }, { ...stranger, error: 'userNotFound' }),
  );
}

type Refusal = 'userNotFound' | 'signInNotActive' | 'passwordNotSet';

async function refuse(
  app: SignInApp,
  check: PasswordCheck,
  { error, ...source }: Source & { readonly error: Refusal },
): Promise<never> {
  await spendCheck(app, check, source);
  throw new DomainError(error);
}

/** Under which policy, and from which known device, an attempt is made. */
type Source = Pick<SignInFacts, 'policy' | 'deviceId'> & Partial<Pick<SignInFacts, 'user'>>;

// As a check that fails: the two commits of one that counts, around as much work, so that a slow disk tells no names
// either. It counts for the address: what counts nowhere could be sent for ever. So a known device has to wait as well,
// since what it asks for here would not let it in.
async function spendCheck(app: SignInApp, check: PasswordCheck, source: Source): Promise<void> {
  const { serverId: holder, addresses, answers } = app.signIns;
  addresses.require(check.address, source.policy.addressFailuresMax, app.now());
  await withNextCheckEnd(waitOf(check, source));
  const nowMs = app.now();
  const nobody = { userId: instanceStream, sequence: nowMs, holder, nowMs, until: nowMs };
  await app.store.claimCheck(nobody);
  const spent = await spendVerification(check.password, waitOf(check, source));
  answers.checked(spent);
  await answers.fill(spent, check.signal);
  await app.store.claimCheck(nobody);
  addresses.add(check.address, app.now());
}

// Only a check that was recorded is answered: where the row moved, it counted for nothing and is made again.
async function untilRecorded(
  app: SignInApp,
  check: PasswordCheck,
  admitted: SignInFacts,
): Promise<CheckedPassword> {
  const { userId } = admitted.user;
  const deadlineMs = performance.now() + claimWaitMsMax;
  let isFirstLook = true;
  for (let attempt = 0; attempt < attemptsMax; ) {
    const user = await loadLivingUser(app, userId);
    if (user === undefined) return refuse(app, check, { ...admitted, error: 'userNotFound' });
    check.admit(user);
    const facts = await factsOf(app, user, check.deviceToken);
    // It came in as a known device, ahead of strangers, and has become one of them in the meantime.
    if (admitted.deviceId !== undefined && facts.deviceId === undefined) throw new DomainError('conflict');
    if (!mayTry(check, facts)) return refuseShut(app, check, facts, attempt);
    const credential = await loadCredential(app, check, facts);
    if (credential === undefined) return refuse(app, check, { ...facts, error: 'passwordNotSet' });
    const guess = { userId, password: check.password, hash: credential.hash, nowMs: facts.nowMs };
    if (facts.policy.repeatsCountOnce && app.signIns.repeats.has(guess)) {
      return refuseRepeat(app, check, facts);
    }
    if (isFirstLook) await withNextCheckEnd(waitOf(check, facts));
    isFirstLook = false;
    await using claim = await claimCheck(app, user);
    if (claim !== undefined) {
      const checked = await verifyAndRecord(app, check, { ...facts, ...credential }, claim);
      if (checked !== undefined) return checked;
      attempt += 1;
    } else if (performance.now() > deadlineMs) throw new DomainError('overloaded');
    else await delay(claimPauseMs());
  }
  throw new DomainError('conflict');
}

// Who only waited is refused with as much work as a name that nobody has: of many guesses at once those after the lock
// would all be answered together. Who was checked already has done the work.
async function refuseShut(
  app: SignInApp,
  check: PasswordCheck,
  facts: SignInFacts,
  checksBefore: number,
): Promise<never> {
  if (checksBefore === 0) return refuse(app, check, { ...facts, error: 'signInNotActive' });
  throw new DomainError(facts.user.state === 'locked' ? 'signInLocked' : 'signInNotActive');
}

// Several servers wait for the one that checks: not in step.
const claimPauseMs = () => 2 + Math.random() * 8;

// It says nothing new of the user, whose count stays.
async function refuseRepeat(app: SignInApp, check: PasswordCheck, facts: SignInFacts): Promise<never> {
  await spendCheck(app, check, facts);
  throw wrong(check, failuresOf(facts.user, facts.policy, facts));
}

function waitOf({ waiting, address, name }: PasswordCheck, { deviceId, user }: Source): PasswordWait {
  const organization = user?.organizationId ?? `name ${name}`;
  return {
    line: deviceId === undefined ? 'strangers' : 'trusted',
    source: sourceOf(address),
    organization,
    signal: waiting,
  };
}

function wrong({ code }: PasswordCheck, failedAttempts: number): DomainError {
  const text = code && { text: 'Code is wrong, used or too old' };
  return new DomainError('passwordWrong', { metadata: { failedAttempts: String(failedAttempts) }, ...text });
}

/** undefined: the row moved meanwhile. */
async function verifyAndRecord(
  app: SignInApp,
  check: PasswordCheck,
  facts: CheckFacts,
  claim: CheckClaim,
): Promise<CheckedPassword | undefined> {
  try {
    const { answers } = app.signIns;
    const spent: CheckCost[] = [];
    const onChecked = (cost: CheckCost) => spent.push(cost);
    const isRight = await app.signIns.within('check password', () =>
      facts.verify({ ...waitOf(check, facts), onChecked }),
    );
    for (const cost of spent) {
      answers.checked(cost);
      if (!isRight) await answers.fill(cost, check.signal);
    }
    // This server stood still for so long that an attempt may have begun: it was not made, and is made again.
    if (!(await claim.holds())) return undefined;
    // It happened when it was known, however long the queue was.
    const known = { ...facts, nowMs: app.now() };
    return isRight ? await recordRight(app, check, known) : await recordWrong(app, check, known);
  } catch (error) {
    if (!(error instanceof DomainError && error.error === 'passwordWrong')) await claim.letGo();
    throw error;
  }
}

async function recordRight(
  app: SignInApp,
  check: PasswordCheck,
  facts: CheckFacts,
): Promise<CheckedPassword | undefined> {
  const decision = await check.right(facts);
  const isCode = check.code !== undefined;
  const passwordHash = isCode ? undefined : await renewedHash(check.password, facts, decision);
  const renewed = passwordHash === undefined ? decision : { ...decision, secrets: { passwordHash } };
  const user = await append(app, check, facts, renewed);
  if (user === undefined) return undefined;
  const deviceToken = isCode ? undefined : await deviceTokenFor(app, facts, passwordHash);
  return { user, deviceId: facts.deviceId, deviceToken };
}

// The attempt that reaches the limit and the lock it sets are one append: no crash falls between them.
async function recordWrong(app: SignInApp, check: PasswordCheck, facts: CheckFacts): Promise<undefined> {
  const { user, policy, nowMs, hash, codesAfterWrong: codes } = facts;
  const events = decideFailure(user, policy, facts);
  const decision = { events, ...(codes && { codes }) };
  if ((await append(app, check, facts, decision)) === undefined) return undefined;
  app.signIns.repeats.add({ userId: user.userId, password: check.password, hash, nowMs });
  app.signIns.addresses.add(check.address, nowMs);
  throw wrong(check, failuresOf(user, policy, facts) + 1);
}

async function append(
  app: SignInApp,
  { meta }: PasswordCheck,
  { user, nowMs }: SignInFacts,
  decision: Decision,
): Promise<User | undefined> {
  const at = { createdAt: nowMs, eventId: app.newId() };
  const after = await app.store.append({ before: user, userId: user.userId, at, meta, ...decision });
  return typeof after === 'string' ? undefined : after;
}
