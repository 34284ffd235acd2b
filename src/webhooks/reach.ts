import { may, mayEverywhere } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import { instanceStream, type RecordedEvent } from '../domain/events.ts';
import type { Scope } from '../domain/filter.ts';
import type { OrganizationId, UserId } from '../domain/ids.ts';
import { type Permission, roleHolds } from '../domain/roles.ts';
import type { Subscription } from '../domain/subscription.ts';
import type { User } from '../domain/user.ts';
import { birthsAmong } from '../queries/earlier-life.ts';
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
  const holds = (permission: Permission): boolean =>
    organizationId === undefined
      ? mayEverywhere(caller, permission)
      : may(caller, permission, organizationId);
  if (!holds('subscription.write') || !holds('user.read')) return undefined;
  return { scope: organizationId === undefined ? 'all' : [organizationId], isWhole };
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
  const bornAt = await birthsAmong(app, users, events);
  const found = new Map<RecordedEvent, OrganizationId | undefined>();
  for (const event of events) {
    const user = users.get(event.userId);
    const isTheirs = user !== undefined && event.position >= (bornAt.get(user.userId) ?? 0);
    const named = event.payload.organizationId as OrganizationId | undefined;
    found.set(event, event.userId === instanceStream ? named : isTheirs ? user.organizationId : undefined);
  }
  return found;
}
