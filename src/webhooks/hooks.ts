import { DomainError } from '../domain/errors.ts';
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

/** Tests that one server makes at once; each may last as long as a try. */
const testsMax = 32;
/** Of one organization: it has as many subscriptions as would fill all places. */
const testsOfOneMax = 8;

/** What commands ask for beside the deliverer. */
export function createHooks({ store, way, now, newId }: HooksApp) {
  const testing = new Map<string, Subscription['organizationId']>();
  const isFull = ({ subscriptionId, organizationId }: Subscription): boolean => {
    const ofOne = [...testing.values()].filter((other) => other === organizationId).length;
    return testing.has(subscriptionId) || testing.size >= testsMax || ofOne >= testsOfOneMax;
  };
  return {
    newestPosition: () => newestPosition({ store }),
    secretOf: async (subscription: Subscription) => (await openSigner(store)).secretOf(subscription),
    /** One at a time of a subscription: nobody has this server knock at doors by the thousand. Throws tooManyCalls. */
    async test(subscription: Subscription) {
      const { subscriptionId } = subscription;
      if (isFull(subscription)) {
        throw new DomainError('tooManyCalls', { retryAfterMs: 1_000, metadata: { limit: 'test' } });
      }
      testing.set(subscriptionId, subscription.organizationId);
      try {
        const signer = await openSigner(store);
        const message = testMessage(subscription, newId(), now());
        return (await attempt({ way, signer, now }, { ...subscription, tries: 0 }, message)).attempt;
      } finally {
        testing.delete(subscriptionId);
      }
    },
  };
}
