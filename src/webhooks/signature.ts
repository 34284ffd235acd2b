import { createHmac, hkdfSync } from 'node:crypto';
import type { Subscription } from '../domain/subscription.ts';
import type { Store } from '../store/store.ts';

const secretBytes = 32;

/** Signs what is sent, as the Standard Webhooks specification 1.0 says. */
export interface Signer {
  /** `whsec_` and base64, as its libraries take it: the one in force. */
  secretOf(subscription: Subscription): string;
  /** The value of `webhook-signature`: by the secret in force and, while that is valid, by the one before it. */
  sign(message: MessageToSign, subscription: Subscription, nowMs: number): string;
}

export interface MessageToSign {
  readonly id: string;
  readonly timestampSeconds: number;
  readonly body: string;
}

type Numbered = Pick<Subscription, 'subscriptionId'>;

/**
 * No secret is stored: each follows from the key of this database, so that none is in a row, an export or a list. Who
 * holds the database holds them all, as with tokens of devices.
 */
export async function openSigner(store: Pick<Store, 'loadSigningKey'>): Promise<Signer> {
  const key = await store.loadSigningKey();
  const secret = ({ subscriptionId }: Numbered, number: number): Buffer =>
    Buffer.from(hkdfSync('sha256', key, subscriptionId, `latchkey webhook secret ${number}`, secretBytes));
  return {
    secretOf: (subscription) => `whsec_${secret(subscription, subscription.secretNumber).toString('base64')}`,
    sign({ id, timestampSeconds, body }, subscription, nowMs) {
      const { secretNumber, previousSecretUntil } = subscription;
      const numbers = previousSecretUntil > nowMs ? [secretNumber, secretNumber - 1] : [secretNumber];
      const signed = `${id}.${timestampSeconds}.${body}`;
      return numbers
        .map((number) => createHmac('sha256', secret(subscription, number)).update(signed).digest('base64'))
        .map((signature) => `v1,${signature}`)
        .join(' ');
    },
  };
}
