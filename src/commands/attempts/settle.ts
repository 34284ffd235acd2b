import { decideFailure, isKnownDevice } from '../../domain/attempt.ts';
import { DomainError } from '../../domain/errors.ts';
import { leaseLeftMs } from '../../domain/lease.ts';
import type { User } from '../../domain/user.ts';
import type { StoredAttempt } from '../../store/store.ts';
import { loadLivingUser, maySignIn, policyFor, type SignInApp, type SignInFacts } from '../sign-in-facts.ts';

/** No attempt lasts longer. */
const attemptMsMax = 120_000;
export const attemptMsDefault = 30_000;

/** Whoever else ended it has moved the row; whatever else moved the row has left it open. */
export const endsMax = 10;
const settledMax = 1_000;

/** Whether nobody can end it any more but as failed. */
export function isOver({ until }: StoredAttempt, nowMs: number): boolean {
  return leaseLeftMs(until, { nowMs, msMax: attemptMsMax }) <= 0;
}

/** The user that the attempt is about, as they stand now; undefined where they are gone, or another has their id. */
export async function triedUser(app: SignInApp, attempt: StoredAttempt): Promise<User | undefined> {
  const user = await loadLivingUser(app, attempt.userId);
  return user?.createdAt === attempt.createdAt ? user : undefined;
}

/** The attempt as the policy sees it now. */
export async function factsOfAttempt(
  app: SignInApp,
  attempt: StoredAttempt,
  user: User,
): Promise<SignInFacts> {
  const nowMs = app.now();
  const { deviceId } = attempt;
  const policy = await policyFor(app, user.organizationId);
  const isKnown = isKnownDevice(user, policy, { nowMs, deviceId });
  return { user, policy, nowMs, deviceId: isKnown ? deviceId : undefined };
}

/** An attempt that nobody has ended in time has failed, once, whoever finds it. Throws conflict, storeUnavailable. */
export async function settleAttempt(app: SignInApp, attempt: StoredAttempt): Promise<void> {
  const { attemptId, userId, meta, address } = attempt;
  for (let tries = 0; tries < endsMax; tries += 1) {
    const user = await triedUser(app, attempt);
    const facts = user && (await factsOfAttempt(app, attempt, user));
    if (facts === undefined || !maySignIn(facts)) {
      await app.store.dropAttempt(attempt);
      return;
    }
    const events = decideFailure(facts.user, facts.policy, facts);
    const at = { createdAt: facts.nowMs, eventId: app.newId() };
    const after = await app.store.append({ before: facts.user, userId, events, at, meta, attemptId });
    if (typeof after !== 'string') {
      app.signIns.addresses.add(address, facts.nowMs);
      return;
    }
    if ((await app.store.loadAttempt({ attemptId })) === undefined) return;
  }
  throw new DomainError('conflict');
}

/** Counts all that nobody has ended in time. */
export async function sweepAttempts(app: SignInApp): Promise<void> {
  const over = await app.store.listAttemptsOver(app.now(), settledMax);
  await Promise.all(over.map((attempt) => settleAttempt(app, attempt)));
}
