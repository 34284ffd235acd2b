import { requireHeldAnywhere } from '../../auth/authorize.ts';
import type { Caller } from '../../auth/caller.ts';
import { attemptsLeft, decideAbandonment, decideFailure } from '../../domain/attempt.ts';
import { DomainError } from '../../domain/errors.ts';
import type { UserEvent } from '../../domain/events.ts';
import type { User } from '../../domain/user.ts';
import { noPassword } from '../../sign-in/device-token.ts';
import type { StoredAttempt } from '../../store/store.ts';
import { deviceTokenFor } from '../right-password.ts';
import { maySignIn, type SignInApp, type SignInFacts } from '../sign-in-facts.ts';
import { endsMax, factsOfAttempt, isOver, settleAttempt, triedUser } from './settle.ts';

export type Outcome = 'succeeded' | 'failed' | 'abandoned';

export interface AttemptEnd {
  readonly attemptId: string;
  readonly outcome: Outcome;
  /** Of the wrong password, under a key of the application's; undefined: it does not say. */
  readonly repeatDigest: string | undefined;
}

export interface EndedAttempt {
  /** As it left them. */
  readonly user: User;
  readonly attemptsLeft: number | undefined;
  /** For a device that was not known, to be known from now on. */
  readonly deviceToken: string | undefined;
}

/**
 * Counts what came of an attempt, once. Throws permissionMissing, attemptNotFound, userNotFound, conflict; and for a
 * success, where the user was locked or deactivated meanwhile, signInLocked or signInNotActive, or conflict where that is
 * over again: nobody is to be let in.
 */
export async function endAttempt(app: SignInApp, caller: Caller, end: AttemptEnd): Promise<EndedAttempt> {
  requireHeldAnywhere(caller, 'session.write');
  for (let tries = 0; tries < endsMax; tries += 1) {
    const attempt = await app.store.loadAttempt({ attemptId: end.attemptId });
    if (attempt === undefined) throw new DomainError('attemptNotFound');
    if (isOver(attempt, app.now())) {
      await settleAttempt(app, attempt);
      throw new DomainError('attemptNotFound');
    }
    const user = await triedUser(app, attempt);
    if (user === undefined) {
      await app.store.dropAttempt(attempt);
      throw new DomainError('userNotFound');
    }
    const ended = await endNow(app, attempt, { end, facts: await factsOfAttempt(app, attempt, user) });
    if (ended === undefined) continue;
    app.signIns.open.end(attempt.attemptId);
    return ended;
  }
  throw new DomainError('conflict');
}

interface Ending {
  readonly end: AttemptEnd;
  readonly facts: SignInFacts;
}

/** undefined: the user moved, or the attempt is no more. */
async function endNow(
  app: SignInApp,
  attempt: StoredAttempt,
  { end, facts }: Ending,
): Promise<EndedAttempt | undefined> {
  const isVoid = end.outcome === 'succeeded' && facts.user.tokensEndedSequence > attempt.sequence;
  if (!maySignIn(facts) || isVoid) return endShut(app, attempt, { end, facts });
  const repeat = repeatOf(end, facts);
  const isRepeat = repeat !== undefined && app.signIns.repeats.has(repeat);
  const events = isRepeat ? [] : eventsOf(end.outcome, facts);
  const user = await counted(app, attempt, { facts, events });
  if (user === undefined) return undefined;
  if (end.outcome === 'failed') {
    if (repeat !== undefined && !isRepeat) app.signIns.repeats.add(repeat);
    app.signIns.addresses.add(attempt.address, facts.nowMs);
  }
  tell(app, attempt, end.outcome);
  const left = attemptsLeft(user, facts.policy, facts);
  const deviceToken = end.outcome === 'succeeded' ? await tokenFor(app, { ...facts, user }) : undefined;
  return { user, attemptsLeft: left, deviceToken };
}

// Locked or deactivated while the application checked, be it over or not: it counts for nothing, and lets nobody in.
async function endShut(
  app: SignInApp,
  attempt: StoredAttempt,
  { end, facts }: Ending,
): Promise<EndedAttempt | undefined> {
  if (!(await app.store.dropAttempt(attempt))) return undefined;
  const { user } = facts;
  if (end.outcome !== 'succeeded') return { user, attemptsLeft: 0, deviceToken: undefined };
  app.signIns.open.end(attempt.attemptId);
  if (maySignIn(facts)) throw new DomainError('conflict');
  throw new DomainError(user.state === 'locked' ? 'signInLocked' : 'signInNotActive');
}

function eventsOf(outcome: Outcome, facts: SignInFacts): readonly UserEvent[] {
  const { user, policy, deviceId } = facts;
  switch (outcome) {
    case 'succeeded': {
      const payload = deviceId === undefined ? {} : { deviceId };
      return [{ type: 'user.human.password.check.succeeded', payload }];
    }
    case 'failed':
      return decideFailure(user, policy, facts);
    case 'abandoned':
      return decideAbandonment(user, policy, facts);
    default:
      return outcome satisfies never;
  }
}

/** The user after the events, with which the attempt ends; undefined: the user moved, or the attempt is no more. */
async function counted(
  app: SignInApp,
  attempt: StoredAttempt,
  { facts, events }: { readonly facts: SignInFacts; readonly events: readonly UserEvent[] },
): Promise<User | undefined> {
  const { attemptId, userId, meta } = attempt;
  const { user: before, nowMs } = facts;
  if (events.length === 0) return (await app.store.dropAttempt(attempt)) ? before : undefined;
  const at = { createdAt: nowMs, eventId: app.newId() };
  const after = await app.store.append({ before, userId, events, at, meta, attemptId });
  return typeof after === 'string' ? undefined : after;
}

function repeatOf({ outcome, repeatDigest }: AttemptEnd, { user, policy, nowMs }: SignInFacts) {
  if (outcome !== 'failed' || repeatDigest === undefined || !policy.repeatsCountOnce) return undefined;
  // An application's digests are in a world of their own, apart from what was held against a hash here.
  return { userId: user.userId, password: repeatDigest, hash: 'attempt', nowMs };
}

async function tokenFor(app: SignInApp, facts: SignInFacts): Promise<string | undefined> {
  const hash = (await app.store.loadPasswordHash(facts.user.userId)) ?? noPassword;
  return deviceTokenFor(app, { ...facts, hash }, undefined);
}

function tell(app: SignInApp, { begunAt, deviceId }: StoredAttempt, outcome: Outcome): void {
  if (outcome === 'abandoned') return;
  const startedMs = performance.now() - Math.max(app.now() - begunAt, 0);
  const error = outcome === 'failed' ? new DomainError('passwordWrong') : undefined;
  app.signIns.tell({ startedMs, error, isKnownDevice: deviceId !== undefined });
}
