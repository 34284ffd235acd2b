import { requireAnywhere, requireNotAbove, requireOnUser } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import { verifyPassword } from '../auth/password.ts';
import { DomainError } from '../domain/errors.ts';
import type { UserEvent } from '../domain/events.ts';
import type { UserId } from '../domain/ids.ts';
import { decideFailure, defaultPolicy } from '../domain/lockout-policy.ts';
import type { User } from '../domain/user.ts';
import { type CommandApp, changeUser } from './change-user.ts';
import { hashOf, type NewPassword } from './create-user.ts';

export interface PasswordApp extends CommandApp {
  /** Wrong passwords in a row that lock the user; 0: never. */
  readonly passwordAttemptsMax: number;
}

export interface SetPasswordRequest {
  readonly userId: UserId;
  readonly newPassword: NewPassword;
  /** Checked where given; wrong ones count and lock like any sign-in. */
  readonly currentPassword: string | undefined;
}

/**
 * Sets a human user's password. Throws passwordOfMachine, passwordHashUnsupported, and with a current password
 * signInNotActive, signInLocked, passwordNotSet, passwordWrong, overloaded.
 */
export async function setPassword(
  app: PasswordApp,
  caller: Caller,
  request: SetPasswordRequest,
): Promise<User> {
  const { userId, currentPassword } = request;
  if (currentPassword === undefined) return change(app, caller, request);
  // Before the queue: who may not set it takes no place there, and no wait tells them that somebody signs in.
  const rule = ruleFor(userId);
  requireAnywhere(caller, rule.permission);
  requireOnUser(caller, await app.store.loadUser(userId), rule);
  return oneAtATime(userId, () => change(app, caller, request));
}

const ruleFor = (userId: UserId) =>
  ({ userId, permission: 'user.credential.write', notFound: 'userNotFound' }) as const;

async function change(app: PasswordApp, caller: Caller, request: SetPasswordRequest): Promise<User> {
  const { userId, newPassword, currentPassword } = request;
  let isRight = false;
  let wasOpen = false;
  const after = await changeUser(app, caller, ruleFor(userId), async (before) => {
    requireNotAbove(caller, before);
    if (before.kind !== 'human') throw new DomainError('passwordOfMachine');
    if (currentPassword !== undefined) requireOpen(before, wasOpen);
    wasOpen = true;
    isRight = currentPassword === undefined || (await isCurrent(app, userId, currentPassword));
    if (!isRight) return { events: failure(app, before) };
    const changed: UserEvent = {
      type: 'user.human.password.changed',
      payload: { changeRequired: newPassword.changeRequired },
    };
    return { events: [changed], secrets: { passwordHash: await hashOf(newPassword) } };
  });
  // Only a check that was recorded is answered: where the row moved, it counted for nothing and was made again.
  if (isRight) return after;
  throw new DomainError('passwordWrong', {
    metadata: { failedAttempts: String(after.failedPasswordAttempts) },
  });
}

function requireOpen(user: User, wasOpen: boolean): void {
  if (user.state === 'active' || user.state === 'initial') return;
  throw new DomainError(wasOpen && user.state === 'locked' ? 'signInLocked' : 'signInNotActive');
}

async function isCurrent(app: PasswordApp, userId: UserId, password: string): Promise<boolean> {
  const hash = await app.store.loadPasswordHash(userId);
  if (hash === undefined) throw new DomainError('passwordNotSet');
  return verifyPassword(password, hash);
}

// The attempt that reaches the limit and the lock it sets are one append: no crash falls between them.
function failure(app: PasswordApp, before: User): readonly UserEvent[] {
  const policy = { ...defaultPolicy, maxPasswordAttempts: app.passwordAttemptsMax };
  return decideFailure(before, policy, { nowMs: app.now(), deviceId: undefined });
}

const queues = new Map<UserId, Promise<unknown>>();
/** Of all users together, under way or waiting; the next one is turned away. */
const checksMax = 256;
let checks = 0;

/**
 * Checks of one user's password run one after the other: parallel guesses cannot all start before the first is
 * counted (CVE-2023-47111 and its kin). Other servers are held by the compare-and-set: a check that lost the race is
 * thrown away unanswered. Throws overloaded.
 */
async function oneAtATime<Value>(userId: UserId, work: () => Promise<Value>): Promise<Value> {
  if (checks >= checksMax) throw new DomainError('overloaded');
  checks += 1;
  const previous = queues.get(userId);
  const turn = (previous ?? Promise.resolve()).then(work, work);
  queues.set(userId, turn);
  try {
    return await turn;
  } finally {
    checks -= 1;
    if (queues.get(userId) === turn) queues.delete(userId);
  }
}
