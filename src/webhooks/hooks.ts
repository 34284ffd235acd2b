import type { Subscription } from '../domain/subscription.ts';
import type { Way } from '../outbound/outbound.ts';
import { newestPosition } from '../queries/newest-position.ts';
import type { Store } from '../store/store.ts';
import { attempt } from './attempt.ts';
import { testMessage } from './message.ts';
import { openSigner } from './signature.ts';

export interface HooksApp {
  readonly store: Pick<Store, 'loadSigningKey' | 'listOrganizations'>;
  readonly way: Way;
  readonly now: () => number;
  readonly newId: () => string;
}

/** What commands ask for beside the deliverer. */
export function createHooks({ store, way, now, newId }: HooksApp) {
  return {
    newestPosition: () => newestPosition({ store }),
    secretOf: async (subscription: Subscription) => (await openSigner(store)).secretOf(subscription),
    async test(subscription: Subscription) {
      const signer = await openSigner(store);
      const message = testMessage(subscription, newId(), now());
      return (await attempt({ way, signer, now }, { ...subscription, tries: 0 }, message)).attempt;
    },
  };
}
