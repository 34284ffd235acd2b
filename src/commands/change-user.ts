import { requireAnywhere, requireOnUser } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import { DomainError, type ErrorName } from '../domain/errors.ts';
import type { UserEvent } from '../domain/events.ts';
import type { UserId } from '../domain/ids.ts';
import type { Permission } from '../domain/roles.ts';
import type { User } from '../domain/user.ts';
import type { Change, Store } from '../store/store.ts';

/** What every command asks of the app. */
export interface CommandApp {
  readonly store: Store;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly newId: () => string;
}

export interface UserRule {
  readonly userId: UserId;
  readonly permission: Permission;
  /** What unknown, deleted and hidden users are answered with: the same for all three. */
  readonly notFound: ErrorName;
}

/** What a decision makes of the user as loaded. */
export interface Decision {
  /** None: nothing is written, and the user is answered as they stand. */
  readonly events: readonly UserEvent[];
  readonly secrets?: NonNullable<Change['secrets']>;
}

const attemptsMax = 3;

/**
 * The way of every change to one user: coarse permission → load → readable? → permission there → decide → append;
 * where the row moved meanwhile, load and decide again. Throws what `decide` throws, `rule.notFound`,
 * permissionMissing, and conflict after three lost races.
 */
export async function changeUser(
  app: CommandApp,
  caller: Caller,
  rule: UserRule,
  decide: (user: User) => Decision | Promise<Decision>,
): Promise<User> {
  requireAnywhere(caller, rule.permission);
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const before = requireOnUser(caller, await app.store.loadUser(rule.userId), rule);
    const decided = decide(before);
    // Most decisions are pure look-ups: no turn of the queue for them.
    const decision = decided instanceof Promise ? await decided : decided;
    if (decision.events.length === 0) return before;
    const at = { createdAt: app.now(), eventId: app.newId() };
    const after = await app.store.append({
      before,
      userId: rule.userId,
      at,
      meta: caller.meta,
      ...decision,
    });
    if (typeof after !== 'string') return after;
  }
  throw new DomainError('conflict');
}
