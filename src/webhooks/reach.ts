import { may, readScope, requireOnInstance } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import { DomainError } from '../domain/errors.ts';
import { instanceStream, type RecordedEvent } from '../domain/events.ts';
import type { Scope } from '../domain/filter.ts';
import type { OrganizationId, UserId } from '../domain/ids.ts';
import { roleHolds } from '../domain/roles.ts';
import type { Subscription } from '../domain/subscription.ts';
import type { User } from '../domain/user.ts';
import { newestBirth } from '../queries/earlier-life.ts';
import type { Store } from '../store/store.ts';

/** What of the log a subscription may tell, by the rights that its owner has now. */
export interface Reach {
  readonly scope: Scope;
  /** Whether the owner may read the log itself. */
  readonly isWhole: boolean;
}

/** undefined where the owner is gone, cannot sign in, or may not have such a subscription any more. */
export function reachOf({ organizationId }: Subscription, owner: User | undefined): Reach | undefined {
  if (owner?.state !== 'active') return undefined;
  const caller: Caller = { grants: owner.grants, meta: {}, organizationId: undefined };
  const isWhole = owner.grants.some(({ role }) => roleHolds(role, 'events.read'));
  if (organizationId !== undefined) {
    const isAllowed =
      may(caller, 'subscription.write', organizationId) && may(caller, 'user.read', organizationId);
    return isAllowed ? { scope: [organizationId], isWhole } : undefined;
  }
  try {
    requireOnInstance(caller, 'subscription.write');
    return { scope: readScope(caller, 'user.read'), isWhole };
  } catch (error) {
    if (error instanceof DomainError) return undefined;
    throw error;
  }
}

/** Whether that is in reach; what belongs to no organization, or to nobody who is there now, is for 'all' alone. */
export function isInReach({ scope }: Reach, organizationId: OrganizationId | undefined): boolean {
  return scope === 'all' || (organizationId !== undefined && scope.includes(organizationId));
}

type Owners = { readonly store: Pick<Store, 'loadUser' | 'listEvents'> };

/** By event, the organization that it happened in; none where it belongs to none, or to an earlier life of its user's id. */
export async function organizationsOf(
  app: Owners,
  events: readonly RecordedEvent[],
): Promise<ReadonlyMap<RecordedEvent, OrganizationId | undefined>> {
  const userIds = new Set(events.map(({ userId }) => userId).filter((userId) => userId !== instanceStream));
  const users = new Map<UserId, User | undefined>(
    await Promise.all(
      [...userIds].map(async (userId) => [userId, await app.store.loadUser(userId)] as const),
    ),
  );
  const found = new Map<RecordedEvent, OrganizationId | undefined>();
  for (const event of events) {
    const user = users.get(event.userId);
    const isTheirs = user !== undefined && (await isOfThisLife(app, user, event));
    const named = event.payload.organizationId as OrganizationId | undefined;
    found.set(event, event.userId === instanceStream ? named : isTheirs ? user.organizationId : undefined);
  }
  return found;
}

async function isOfThisLife(
  app: Owners,
  { userId, createdAt }: User,
  event: RecordedEvent,
): Promise<boolean> {
  if (event.createdAt > createdAt) return true;
  return (await newestBirth(app, userId, event.position)) === 0;
}
