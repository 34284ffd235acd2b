import type { Caller } from '../auth/caller.ts';
import { DomainError } from '../domain/errors.ts';
import type { RecordedEvent, UserEvent, UserLocked, UserUnlocked } from '../domain/events.ts';
import { evolve } from '../domain/evolve/evolve.ts';
import { lockedOut } from '../domain/evolve/lockout.ts';
import { parseText, type UserId } from '../domain/ids.ts';
import { type Lock, noLockout } from '../domain/lock.ts';
import type { User } from '../domain/user.ts';
import { transitions } from '../domain/user-state.ts';
import { type CommandApp, changeUser } from './change-user.ts';
import { findRequest } from './request-id.ts';
import { lockedBy, ruleOf, unlockedBy } from './user-state.ts';

/** What both orders say. Texts are empty where nothing is said. */
interface Order {
  readonly userId: UserId;
  /** Beats the reason that came with the call. */
  readonly reason: string;
  /** AIP-155. */
  readonly requestId: string;
  /** AIP-163: everything but the append; the answer is what it would have been. */
  readonly validateOnly: boolean;
}

export interface LockOrder extends Order {
  /** Milliseconds since 1970; undefined: until somebody unlocks. */
  readonly until: number | undefined;
}

export interface UnlockOrder extends Order {
  readonly ticket: string;
  readonly identification: string;
  /** undefined: whichever lock it is. */
  readonly expectedGeneration: bigint | undefined;
}

/** The user after the order, and the event that it wrote, or would have. */
interface Carried<Payload> {
  readonly user: User;
  readonly payload: Payload;
}

/** A year and a day of leap: beyond it a lock is meant to last. */
export const lockMsMax = 366 * 86_400_000;

/**
 * Locks, with an end where one is given. Anybody who may lock may lock themselves, and the last administrator too: the
 * command line on the database is the way back. Throws lockEndInvalid, requestIdUsed, and as LockUser of the user API.
 */
export async function lockUser(
  app: CommandApp,
  caller: Caller,
  order: LockOrder,
): Promise<{ readonly user: User; readonly lock: Lock }> {
  const { until, requestId } = order;
  const { user, payload } = await carryOut<UserLocked>(app, named(caller, order), {
    order,
    action: 'lock',
    event: (found, by) => {
      if (until !== undefined) requireWithin(until, app.now());
      return lockedBy(by, found, { ...(until !== undefined && { until }), ...(requestId && { requestId }) });
    },
  });
  const { lock } = lockedOut({ ...user, lockout: noLockout }, payload);
  if (lock === undefined) throw new Error('bug: locked without a lock');
  return { user, lock };
}

/**
 * Unlocks, and answers which lock ended. Throws lockIsAnother where it is not the one expected, requestIdUsed, and as
 * UnlockUser of the user API.
 */
export async function unlockUser(
  app: CommandApp,
  caller: Caller,
  order: UnlockOrder,
): Promise<{ readonly user: User; readonly generation: number }> {
  const { ticket, identification, requestId, expectedGeneration } = order;
  parseText(ticket, 'ticket');
  parseText(identification, 'identification');
  const { user, payload } = await carryOut<UserUnlocked>(app, named(caller, order), {
    order,
    action: 'unlock',
    event: (found, by) => {
      // First the state: what is not locked has no lock to be another one.
      const event = unlockedBy(by, found, {
        ...(ticket && { ticket }),
        ...(identification && { identification }),
        ...(requestId && { requestId }),
      });
      requireGeneration(found, expectedGeneration);
      return event;
    },
  });
  return { user, generation: payload.generation ?? 0 };
}

function named(caller: Caller, { reason, requestId }: Order): Caller {
  parseText(requestId, 'request_id');
  return withReason(caller, reason);
}

/** The reason beats the one that came with the call; an empty one is none. Throws fieldInvalid. */
export function withReason(caller: Caller, reason: string): Caller {
  if (reason === '') return caller;
  return { ...caller, meta: { ...caller.meta, reason: parseText(reason, 'reason') } };
}

function requireWithin(until: number, nowMs: number): void {
  if (until <= nowMs || until > nowMs + lockMsMax) throw new DomainError('lockEndInvalid');
}

function requireGeneration(user: User, expected: bigint | undefined): void {
  const generation = user.lockout.lock?.generation ?? 0;
  if (expected === undefined || expected === BigInt(generation)) return;
  throw new DomainError('lockIsAnother', { metadata: { generation: String(generation) } });
}

interface Task {
  readonly order: Order;
  readonly action: 'lock' | 'unlock';
  readonly event: (user: User, caller: Caller) => UserEvent;
}

/** The way of both: look whether it was done already, then do it, or only look what it would do. */
async function carryOut<Payload>(app: CommandApp, caller: Caller, task: Task): Promise<Carried<Payload>> {
  const { userId, requestId, validateOnly } = task.order;
  const { event: type } = transitions[task.action];
  const rule = ruleOf(userId, task.action);
  const told: { user?: User; payload?: unknown } = {};
  const after = await changeUser(app, caller, rule, async (user) => {
    const earlier = await findRequest(app, caller, { user, requestId, type });
    if (earlier !== undefined) {
      Object.assign(told, asThen(user, earlier));
      return { events: [] };
    }
    const event = task.event(user, caller);
    told.payload = event.payload;
    if (!validateOnly) return { events: [event] };
    told.user = evolve(user, event, { userId, createdAt: app.now() });
    return { events: [] };
  });
  return parseCarried({ user: told.user ?? after, payload: told.payload });
}

/** What the first of two equal requests was answered, from the event that it wrote. */
function asThen(user: User, { sequence, createdAt, payload }: RecordedEvent): Carried<unknown> {
  return { user: { ...user, sequence, changedAt: createdAt }, payload };
}

// The event's type was looked at: it says what the payload is.
function parseCarried<Payload>(carried: Carried<unknown>): Carried<Payload> {
  return carried as Carried<Payload>;
}
