import { DomainError } from '../domain/errors.ts';
import type { Subscription } from '../domain/subscription.ts';
import type { Store } from '../store/store.ts';
import { may, mayEverywhere, permissionMissing, requireHeldAnywhere } from './authorize.ts';
import type { Caller } from './caller.ts';

const permission = 'subscription.write';

/** Throws permissionMissing, and subscriptionNotFound for an unknown and a hidden one alike. */
export async function loadSubscription(
  app: { readonly store: Pick<Store, 'loadSubscription'> },
  caller: Caller,
  subscriptionId: string,
): Promise<Subscription> {
  requireHeldAnywhere(caller, permission);
  return requireOnSubscription(caller, await app.store.loadSubscription(subscriptionId));
}

/**
 * One of an organization is for those who may have it there, one of the whole instance for those who may there: to anybody
 * else it is not found.
 */
function requireOnSubscription(caller: Caller, found: Subscription | undefined): Subscription {
  if (found === undefined) throw new DomainError('subscriptionNotFound');
  const { organizationId } = found;
  if (organizationId === undefined) {
    if (!mayEverywhere(caller, permission)) throw new DomainError('subscriptionNotFound');
    return found;
  }
  if (!may(caller, 'user.read', organizationId)) throw new DomainError('subscriptionNotFound');
  if (!may(caller, permission, organizationId)) throw permissionMissing(permission);
  return found;
}
