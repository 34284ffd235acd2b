import { requireHeldAnywhere } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import { loadForCaller, type UserRule } from '../auth/load-user.ts';
import { DomainError } from '../domain/errors.ts';
import type { UserEvent } from '../domain/events.ts';
import type { Profile, User } from '../domain/user.ts';
import type { Change, Store } from '../store/store.ts';

/** What every command asks of the app. */
export interface CommandApp {
  readonly store: Store;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly newId: () => string;
  /** What an imported hash may cost to check, in units of one of our own. */
  readonly importedHashCostMax: number;
}

/** What a decision makes of the user as loaded. */
export interface Decision {
  /** None: nothing is written, and the user is answered as they stand. */
  readonly events: readonly UserEvent[];
  readonly secrets?: NonNullable<Change['secrets']>;
  readonly codes?: NonNullable<Change['codes']>;
  readonly metadata?: NonNullable<Change['metadata']>;
  /** What the events begin. */
  readonly session?: NonNullable<Change['session']>;
  /** As it was, where an event changes it. */
  readonly profile?: Profile;
}

const attemptsMax = 3;

/**
 * The way of every change to one user: coarse permission → load → readable? → permission there → above? → decide → append;
 * where the row moved meanwhile, load and decide again. Throws what `decide` throws, `rule.notFound`,
 * permissionMissing, userNameTaken, and conflict after three lost races.
 */
export async function changeUser(
  app: CommandApp,
  caller: Caller,
  rule: UserRule,
  decide: (user: User) => Decision | Promise<Decision>,
): Promise<User> {
  requireHeldAnywhere(caller, rule.permission);
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const before = await loadForCaller(app, caller, rule);
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
    if (after === 'user name taken') throw new DomainError('userNameTaken');
    if (after !== 'stale') return after;
  }
  throw new DomainError('conflict');
}
