import { DomainError, type ErrorName } from './errors.ts';
import type { StateEventType } from './events.ts';
import type { User, UserState } from './user.ts';

export type UserAction = 'lock' | 'unlock' | 'deactivate' | 'reactivate' | 'delete';
type LivingState = Exclude<UserState, 'deleted'>;

interface Transition {
  readonly event: StateEventType;
  /** The next state, or the error that refuses. */
  readonly from: Record<LivingState, { readonly to: UserState } | { readonly error: ErrorName }>;
  readonly notFound: ErrorName;
}

const to = (state: UserState) => ({ to: state });
const refused = (error: ErrorName) => ({ error });

/** The transitions table: action × state. */
export const transitions = {
  lock: {
    event: 'user.locked',
    notFound: 'lockUserNotFound',
    from: {
      initial: to('locked'),
      active: to('locked'),
      inactive: refused('userNotActiveOrInitial'),
      locked: refused('userNotActiveOrInitial'),
    },
  },
  unlock: {
    event: 'user.unlocked',
    notFound: 'unlockUserNotFound',
    from: {
      initial: refused('userNotLocked'),
      active: refused('userNotLocked'),
      inactive: refused('userNotLocked'),
      locked: to('active'),
    },
  },
  deactivate: {
    event: 'user.deactivated',
    notFound: 'deactivateUserNotFound',
    from: {
      initial: refused('userInitial'),
      active: to('inactive'),
      inactive: refused('userAlreadyInactive'),
      locked: to('inactive'),
    },
  },
  reactivate: {
    event: 'user.reactivated',
    notFound: 'reactivateUserNotFound',
    from: {
      initial: refused('userNotInactive'),
      active: refused('userNotInactive'),
      inactive: to('active'),
      locked: refused('userNotInactive'),
    },
  },
  delete: {
    event: 'user.removed',
    notFound: 'deleteUserNotFound',
    from: {
      initial: to('deleted'),
      active: to('deleted'),
      inactive: to('deleted'),
      locked: to('deleted'),
    },
  },
} as const satisfies Record<UserAction, Transition>;

/** The event that the action makes of this user. Throws the DomainError that the table names. */
export function decide<Action extends UserAction>(
  user: User,
  action: Action,
): (typeof transitions)[Action]['event'] {
  if (user.state === 'deleted') throw new DomainError(transitions[action].notFound);
  const outcome = transitions[action].from[user.state];
  if ('error' in outcome) throw new DomainError(outcome.error);
  return transitions[action].event;
}
