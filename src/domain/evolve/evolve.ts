import { isBirth, type UserAdded, type UserEvent } from '../events.ts';
import type { UserId } from '../ids.ts';
import { noLockout } from '../lock.ts';
import type { Grant, PasswordFacts, User, UserState } from '../user.ts';
import { failed, lockedOut, succeeded, timedOut, withoutDevices, withoutReason } from './lockout.ts';

/**
 * The next row: user × event → user. Pure, total, and the only place that moves a user; `latchkey verify` and the
 * crash tests fold it over the log and compare. `before` is undefined for the first event of an id.
 */
export function evolve(before: User | undefined, event: UserEvent, at: EventTime): User {
  if (isAdded(event)) return added(before, event.payload, at);
  if (before === undefined) throw new Error(`bug: ${event.type} before the user was added`);
  return moved({ ...before, sequence: before.sequence + 1, changedAt: at.createdAt }, event);
}

export type AddedEvent = Extract<UserEvent, { payload: UserAdded }>;
type MovingEvent = Exclude<UserEvent, AddedEvent>;

/** Whether a user begins with it. */
export function isAdded(event: UserEvent): event is AddedEvent {
  return isBirth(event);
}

function moved(next: User, event: MovingEvent): User {
  switch (event.type) {
    case 'user.locked': {
      const lockout = lockedOut(next, event.payload);
      return { ...next, state: 'locked', lockout, tokensEndedSequence: next.sequence };
    }
    case 'user.unlocked': {
      const lockout = event.payload.cause === 'policy' ? timedOut(next.lockout) : noLockout;
      return { ...next, state: 'active', failedPasswordAttempts: 0, lockout };
    }
    case 'user.deactivated':
      return { ...inState(next, 'inactive'), tokensEndedSequence: next.sequence };
    case 'user.reactivated':
      return inState(next, 'active');
    case 'user.removed':
      return { ...inState(next, 'deleted'), tokensEndedSequence: next.sequence, grants: [] };
    case 'user.human.password.changed':
      // A lock once set stays, and so does its counter: only the ways out of locked clear it.
      if (next.state === 'locked') return next;
      if (event.payload.failuresStay) return { ...next, lockout: withoutDevices(next.lockout) };
      return { ...next, failedPasswordAttempts: 0, lockout: noLockout };
    case 'user.human.password.check.succeeded':
      return { ...next, ...succeeded(next, event.payload.deviceId) };
    case 'user.human.password.check.failed':
      return { ...next, ...failed(next, event.payload) };
    case 'user.attempt.abandoned':
      return { ...next, lockout: { ...next.lockout, abandoned: event.payload.abandoned } };
    case 'user.pat.added':
    case 'user.pat.removed':
    case 'user.human.email.code.added':
    case 'user.human.phone.code.added':
    case 'user.human.password.code.added':
    case 'user.username.changed':
    case 'user.external.id.changed':
    case 'user.external.id.removed':
    case 'user.human.profile.changed':
    case 'user.human.email.changed':
    case 'user.human.email.verified':
    case 'user.human.phone.changed':
    case 'user.human.phone.removed':
    case 'user.machine.changed':
    case 'user.metadata.set':
    case 'user.metadata.removed':
    case 'user.erased':
      return next;
    case 'user.lock.reason.removed':
      return { ...next, lockout: withoutReason(next.lockout) };
    case 'user.grant.added':
      return { ...next, grants: [...next.grants, event.payload] };
    case 'user.grant.removed':
      return { ...next, grants: next.grants.filter((grant) => !sameGrant(grant, event.payload)) };
    default:
      return event satisfies never;
  }
}

// Every way out of locked ends the lock wholly: the counters go with it.
function inState(next: User, state: UserState): User {
  return { ...next, state, failedPasswordAttempts: 0, lockout: noLockout };
}

export interface EventTime {
  readonly userId: UserId;
  /** Milliseconds since 1970, UTC. */
  readonly createdAt: number;
}

// A deleted id may be used again: the new user starts from nothing but the count of events.
function added(before: User | undefined, payload: UserAdded, at: EventTime): User {
  const sequence = (before?.sequence ?? 0) + 1;
  return {
    userId: at.userId,
    organizationId: payload.organizationId,
    kind: payload.profile.kind,
    state: payload.state,
    sequence,
    createdAt: at.createdAt,
    changedAt: at.createdAt,
    failedPasswordAttempts: 0,
    lockout: noLockout,
    tokensEndedSequence: sequence,
    grants: [],
  };
}

/** Whether two grants are the same role in the same place. */
export function sameGrant(one: Grant, other: Grant): boolean {
  return one.role === other.role && one.organizationId === other.organizationId;
}

/** The fold of what is known of a password; its hash is a secret and in no event. */
export function evolvePassword(
  before: PasswordFacts | undefined,
  event: UserEvent,
  createdAt: number,
): PasswordFacts | undefined {
  if (isAdded(event)) {
    return (
      event.payload.password && {
        changeRequired: event.payload.password.changeRequired,
        changedAt: createdAt,
      }
    );
  }
  if (event.type === 'user.human.password.changed') {
    return { changeRequired: event.payload.changeRequired, changedAt: createdAt };
  }
  return event.type === 'user.removed' ? undefined : before;
}
