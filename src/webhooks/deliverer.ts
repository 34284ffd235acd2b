import type { Subscription } from '../domain/subscription.ts';
import type { Way } from '../outbound/outbound.ts';
import { untilNext } from '../queries/events.ts';
import { newestPosition } from '../queries/newest-position.ts';
import { type DeliveryApp, deliver, holdMs } from './delivery.ts';
import { createGiveWay } from './give-way.ts';
import { openSigner } from './signature.ts';

export interface DelivererApp
  extends Pick<DeliveryApp, 'store' | 'now' | 'random' | 'log' | 'measures' | 'tracer'> {
  readonly newId: () => string;
  /** Nothing is configured that a subscription may lead to. */
  readonly way: Way;
}

/** How often a server looks for subscriptions that nobody delivers. */
const lookMs = 1_000;
const takenAtOnce = 100;
/** How often it looks for news, for all subscriptions together. */
const pollMs = 200;
/** So long at most a subscription without news rests before its hold is looked at. */
const newsMsMax = 5_000;

/**
 * Delivers subscriptions beside serving. On any number of servers of a database each subscription has one deliverer, who holds
 * its row for a while and says so again; where that ends, any other goes on. Disposing stops at once: a try that is under
 * way is made again by whoever goes on.
 */
export function startDeliverer(app: DelivererApp): AsyncDisposable {
  const stopping = new AbortController();
  const { signal } = stopping;
  const holder = app.newId();
  const running = new Map<string, Promise<void>>();
  const news = createNews(app, signal);
  const giveWay = createGiveWay();
  let isFailing = false;

  const take = async (delivery: DeliveryApp, free: Subscription): Promise<void> => {
    const { subscriptionId, sequence } = free;
    const held = { ...free, holder, heldUntil: app.now() + holdMs, sequence: sequence + 1 };
    // One server gets it.
    if (running.has(subscriptionId) || !(await app.store.changeSubscription(free, held))) return;
    running.set(
      subscriptionId,
      deliver(delivery, held, signal).finally(() => running.delete(subscriptionId)),
    );
  };
  const look = async (): Promise<void> => {
    const free = await app.store.listSubscriptionsFree(app.now(), takenAtOnce);
    if (free.length === 0) return;
    const delivery = { ...app, signer: await openSigner(app.store), giveWay, untilNews: news.until };
    for (const one of free) await take(delivery, one);
  };
  const whole = (async () => {
    while (!signal.aborted) {
      try {
        await look();
        isFailing = false;
      } catch (error) {
        if (!isFailing) app.log.error({ err: error }, 'subscriptions cannot be looked for; trying again');
        isFailing = true;
      }
      await untilNext(lookMs, signal);
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await whole;
      await Promise.all(running.values());
    },
  };
}

/** One look for news for all who wait, and none while nobody does. */
function createNews(app: Pick<DelivererApp, 'store'>, signal: AbortSignal) {
  let newest = 0;
  let looking: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    await untilNext(pollMs, signal);
    if (!signal.aborted) newest = Math.max(newest, await newestPosition(app));
  };
  return {
    async until(position: number): Promise<void> {
      const endMs = performance.now() + newsMsMax;
      // Always once: who asks has just found nothing.
      do {
        looking ??= look().finally(() => {
          looking = undefined;
        });
        await looking;
      } while (!signal.aborted && newest <= position && performance.now() < endMs);
    },
  };
}
