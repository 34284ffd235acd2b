import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { mayEverywhere, requireHeldAnywhere } from '../../auth/authorize.ts';
import type { Caller } from '../../auth/caller.ts';
import { attemptsLeft } from '../../domain/attempt.ts';
import { DomainError } from '../../domain/errors.ts';
import { instanceStream } from '../../domain/events.ts';
import type { UserId } from '../../domain/ids.ts';
import type { User } from '../../domain/user.ts';
import { sourceOf } from '../../sign-in/address-failures.ts';
import type { StoredAttempt } from '../../store/store.ts';
import {
  factsOf,
  loadLivingUser,
  maySignIn,
  policyFor,
  type SignInApp,
  type SignInFacts,
} from '../sign-in-facts.ts';
import { isOver, settleAttempt } from './settle.ts';
import { findTried, refusalOf, type Tried } from './subject.ts';

export interface NewAttempt extends Tried {
  /** Where the user is, as the application says. */
  readonly address: string | undefined;
  readonly userAgent: string | undefined;
  readonly deviceToken: string | undefined;
  /** Aborted when the caller is gone: what has not begun by then does not begin. */
  readonly signal: AbortSignal;
}

export interface BegunAttempt {
  readonly attempt: StoredAttempt;
  readonly attemptsLeft: number | undefined;
}

/** How long one waits for another's end, once it is their turn on this server. */
const waitMsMax = 10_000;
const pauseMsMax = 50;
/** Who is not told why hears a refusal no sooner: a name, a row and a policy that are there take a little longer than none. */
const untoldMs = 10;

/**
 * The right to check one password of the user: one on all servers, until it is ended or its time is over. Whoever gets
 * it has seen every failure before it. Throws permissionMissing, fieldInvalid, addressFailing, overloaded,
 * attemptUnderWay, and what refusalOf makes.
 */
export async function beginAttempt(
  app: SignInApp,
  caller: Caller,
  request: NewAttempt,
): Promise<BegunAttempt> {
  requireHeldAnywhere(caller, 'session.write');
  const startedMs = performance.now();
  // It begins before the work and ends by itself, so nothing of what the work took is in it.
  const untold = mayEverywhere(caller, 'user.read') ? undefined : delay(untoldMs, undefined, { ref: false });
  const userId = await findTried(app, caller, request);
  const seen = await look(app, userId, request);
  try {
    return await entered(app, caller, { request, userId, seen });
  } catch (error) {
    app.signIns.tell({ startedMs, error, isKnownDevice: seen.deviceId !== undefined });
    await untold;
    throw error;
  }
}

/** What stands in the way of a user, or of nobody. */
type Seen = Pick<SignInFacts, 'policy' | 'deviceId' | 'nowMs'> & { readonly user: User | undefined };

// Nobody is looked for as somebody is: neither what is asked of the store nor the time that it takes tells them apart.
async function look(app: SignInApp, userId: UserId | undefined, { deviceToken }: NewAttempt): Promise<Seen> {
  const user = await loadLivingUser(app, userId ?? instanceStream);
  if (user !== undefined) return factsOf(app, user, deviceToken);
  return { user, policy: await policyFor(app, undefined), deviceId: undefined, nowMs: app.now() };
}

interface Entering {
  readonly request: NewAttempt;
  /** undefined: nobody of that name. */
  readonly userId: UserId | undefined;
  readonly seen: Seen;
}

// The entrance of a password check: a place, what the address has left, and the user's turn.
async function entered(app: SignInApp, caller: Caller, entering: Entering): Promise<BegunAttempt> {
  const { queue, addresses, open } = app.signIns;
  const { request, userId, seen } = entering;
  const { address, signal } = request;
  const { policy, deviceId } = seen;
  const isKnownDevice = deviceId !== undefined;
  const comer = { key: keyOf(request, userId), source: sourceOf(address), isKnownDevice };
  using place = queue.enter(comer);
  const waiting = AbortSignal.any([signal, place.signal]);
  using taken = new DisposableStack();
  const limit = { failuresMax: policy.addressFailuresMax, now: app.now, signal: waiting };
  if (!isKnownDevice || policy.maxPasswordAttempts === 0) {
    taken.use(await addresses.begin(address, limit));
  }
  const work = () => untilBegun(app, caller, { ...entering, request: { ...request, signal: waiting } });
  const begun = await queue.inTurn(comer, work, waiting);
  const { attemptId, until } = begun.attempt;
  const held = { attemptId, taken: taken.move(), forMs: Math.max(until - app.now(), 1) };
  open.hold(held, async () => (await app.store.loadAttempt({ attemptId })) !== undefined);
  return begun;
}

// Names that nobody has wait for one another as those of a user do.
function keyOf({ subject }: NewAttempt, userId: UserId | undefined): string {
  return userId === undefined ? `name ${JSON.stringify(subject)}` : `id ${userId}`;
}

function requireThere(signal: AbortSignal): void {
  if (signal.aborted) throw new DomainError('overloaded');
}

async function untilBegun(
  app: SignInApp,
  caller: Caller,
  { request, userId, seen: admitted }: Entering,
): Promise<BegunAttempt> {
  const attemptId = randomBytes(18).toString('base64url');
  const deadlineMs = performance.now() + waitMsMax;
  for (let pauseMs = 2; ; pauseMs = Math.min(pauseMs * 1.5, pauseMsMax)) {
    const seen = await look(app, userId, request);
    // It came in as a known device, ahead of strangers, and has become one of them in the meantime.
    if (admitted.deviceId !== undefined && seen.deviceId === undefined) throw new DomainError('conflict');
    const { user: tried, ...rest } = requireTriable(app, caller, { request, seen });
    const attempt = newAttempt(app, caller, { request, facts: { user: tried, ...rest }, attemptId });
    if (await claimed(app, attempt)) {
      if (await stands(app, attempt, request.signal)) {
        return { attempt, attemptsLeft: attemptsLeft(tried, rest.policy, rest) };
      }
      continue;
    }
    requireThere(request.signal);
    await waited(app, attempt, { pauseMs, deadlineMs });
  }
}

/** Throws why the user may not be tried; for the address that is a failure. */
function requireTriable(
  app: SignInApp,
  caller: Caller,
  { request, seen }: Pick<Entering, 'request' | 'seen'>,
): SignInFacts {
  const { user, ...rest } = seen;
  const isMachine = user?.kind === 'machine';
  if (user !== undefined && !isMachine && maySignIn({ user, ...rest })) return { user, ...rest };
  const nowMs = app.now();
  app.signIns.addresses.add(request.address, nowMs);
  const shut = user?.state === 'locked' ? 'signInLocked' : 'signInNotActive';
  throw refusalOf(caller, user, { error: isMachine ? 'passwordOfMachine' : shut, nowMs });
}

function newAttempt(
  app: SignInApp,
  { meta }: Caller,
  {
    request: { address, userAgent },
    facts,
    attemptId,
  }: { readonly request: NewAttempt; readonly facts: SignInFacts; readonly attemptId: string },
): StoredAttempt {
  const { user, deviceId } = facts;
  const nowMs = app.now();
  return {
    ...{ attemptId, userId: user.userId, sequence: user.sequence, createdAt: user.createdAt },
    ...{ begunAt: nowMs, until: nowMs + app.attemptMs },
    ...(deviceId !== undefined && { deviceId }),
    ...(address !== undefined && { address }),
    // The record says from where the user came, not the program through which they did.
    meta: {
      ...meta,
      ...(address !== undefined && { ip: address }),
      ...(userAgent !== undefined && { userAgent }),
    },
  };
}

async function claimed(app: SignInApp, attempt: StoredAttempt): Promise<boolean> {
  if (await app.store.beginAttempt(attempt, app.now())) return true;
  // Where an answer was lost, it is there all the same.
  return (await app.store.loadAttempt(attempt))?.attemptId === attempt.attemptId;
}

// Nobody else counts a failure from here on; whoever did since the user was loaded has moved the row.
async function stands(app: SignInApp, attempt: StoredAttempt, signal: AbortSignal): Promise<boolean> {
  const now: User | undefined = await app.store.loadUser(attempt.userId);
  if (now?.sequence === attempt.sequence && !signal.aborted) return true;
  await app.store.dropAttempt(attempt);
  requireThere(signal);
  return false;
}

// Whose time is over has failed, and is counted by whoever comes next.
async function waited(
  app: SignInApp,
  { userId }: StoredAttempt,
  { pauseMs, deadlineMs }: { readonly pauseMs: number; readonly deadlineMs: number },
): Promise<void> {
  const other = await app.store.loadAttempt({ userId });
  const nowMs = app.now();
  if (other !== undefined && isOver(other, nowMs)) return settleAttempt(app, other);
  if (performance.now() < deadlineMs) {
    // Several servers wait for the same end: not in step.
    await delay(pauseMs * (0.5 + Math.random()));
    return;
  }
  if (other === undefined) throw new DomainError('overloaded');
  throw new DomainError('attemptUnderWay', { retryAfterMs: other.until - nowMs });
}
