import { readScope } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import { loadSubscription } from '../auth/subscription-access.ts';
import type { Attempt } from '../domain/subscription.ts';
import type { Store } from '../store/store.ts';
import { type PageRequest, parsePage } from './page.ts';

const permission = 'subscription.write';

type Reading = { readonly store: Pick<Store, 'loadSubscription' | 'listSubscriptions'> };

export { loadSubscription as getSubscription } from '../auth/subscription-access.ts';

/** Those that the caller may change. Throws limitTooLarge, permissionMissing. */
export function listSubscriptions(
  app: Reading,
  caller: Caller,
  request: PageRequest,
): ReturnType<Store['listSubscriptions']> {
  const page = parsePage(request);
  return app.store.listSubscriptions({ scope: readScope(caller, permission), page });
}

/** Its last tries, newest first. Throws as getSubscription does. */
export async function listAttempts(
  app: Reading,
  caller: Caller,
  subscriptionId: string,
): Promise<readonly Attempt[]> {
  return (await loadSubscription(app, caller, subscriptionId)).attempts;
}
