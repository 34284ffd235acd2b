import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { attemptOutcomes } from '../../src/domain/subscription.ts';
import { stores } from '../support/stores.ts';
import { type Hooked, startHooked } from '../webhooks/hooked.ts';
import { type Receiver, startReceiver } from '../webhooks/receiver.ts';
import { type Exposition, metricsText, readMetrics, sumOf } from './exposition.ts';

const deliveries = 'latchkey_webhook_deliveries_total';
const subscriptions = 'latchkey_webhook_subscriptions';
const behind = 'latchkey_webhook_behind_seconds';

describe.each(stores)('on %s', (store) => {
  const resources = new AsyncDisposableStack();
  const clock = { aheadMs: 0 };
  let hooked: Hooked;

  beforeAll(async () => {
    const flags = ['--metrics-listen', '127.0.0.1:0'];
    hooked = resources.use(await startHooked({ store, clock, flags }));
  });
  afterAll(() => resources.disposeAsync());

  // On a busy machine the database answers later than a reader is kept waiting: then nothing is told of subscriptions.
  const read = async (): Promise<Exposition> => {
    for (let look = 0; ; look += 1) {
      const metrics = await readMetrics(hooked.server.metricsUrl);
      if (look === 100 || metrics.samples.some(({ name }) => name === subscriptions)) return metrics;
    }
  };
  const receiver = async (): Promise<Receiver> => resources.use(await startReceiver());
  const lockSomeone = async (): Promise<void> => {
    const userId = await hooked.server.people.user({ organization: 'home' });
    await hooked.door.ask('LockUser', { userId });
  };
  const subscribe = async ({ url }: Receiver): Promise<string> =>
    (await hooked.subscribe({ url, eventTypes: ['user.locked'] })).subscriptionId;
  const remove = (subscriptionId: string) => hooked.door.ask('DeleteSubscription', { subscriptionId });
  const until = async (isRight: (metrics: Exposition) => boolean): Promise<Exposition> => {
    for (let look = 0; look < 300; look += 1) {
      const metrics = await read();
      if (isRight(metrics)) return metrics;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error((await metricsText(hooked.server.metricsUrl)).replace(/^(?!latchkey_webhook).*\n/gm, ''));
  };
  const outcomes = (metrics: Exposition) =>
    Object.fromEntries(attemptOutcomes.map((outcome) => [outcome, sumOf(metrics, deliveries, { outcome })]));
  const standing = (metrics: Exposition) =>
    metrics.samples
      .filter(({ name, value }) => name === subscriptions && value > 0)
      .map(({ labels, value }) => [labels.state, labels.cause ?? '', value]);

  test('all is there at zero before there is a subscription', async () => {
    const metrics = await read();
    expect(Object.values(outcomes(metrics))).toEqual(attemptOutcomes.map(() => 0));
    expect(standing(metrics)).toEqual([]);
    expect(metrics.samples.filter(({ name }) => name === subscriptions)).toHaveLength(5);
    expect(metrics.samples.filter(({ name }) => name === behind)).toMatchObject([{ labels: {}, value: 0 }]);
  });

  test('every try is counted once, by what came of it; a test is none', async () => {
    const [good, bad] = [await receiver(), await receiver()];
    bad.answer = (res) => res.writeHead(500).end();
    const before = await read();
    const ids = [await subscribe(good), await subscribe(bad)];
    const refused = await hooked.subscribe({ url: 'https://10.0.0.1/', eventTypes: ['user.locked'] });
    ids.push(refused.subscriptionId);
    for (let nth = 0; nth < 5; nth += 1) await lockSomeone();
    await good.until(5);
    const sum = (metrics: Exposition) => sumOf(metrics, deliveries) - sumOf(before, deliveries);
    const after = await until((metrics) => sum(metrics) >= 7);
    const [old, now] = [outcomes(before), outcomes(after)];
    const moved = Object.entries(now).map(([name, value]) => [name, value - (old[name] ?? 0)]);
    expect(moved.filter(([, change]) => change !== 0)).toEqual([
      ['delivered', 5],
      ['refused', 1],
      ['not_allowed', 1],
    ]);
    const seconds = 'latchkey_webhook_delivery_seconds';
    expect(sumOf(after, `${seconds}_count`) - sumOf(before, `${seconds}_count`)).toBe(7);
    await hooked.door.ask('TestSubscription', { subscriptionId: ids[0] ?? '' });
    expect(sumOf(await read(), deliveries)).toBe(sumOf(after, deliveries));
    for (const id of ids) await remove(id);
  });

  test('a receiver that is away makes an age, whatever others were told, and one that comes back ends it', async () => {
    const [good, away] = [await receiver(), await receiver()];
    away.answer = (res) => res.writeHead(503, { 'retry-after': '7200' }).end();
    const ids = [await subscribe(good), await subscribe(away)];
    await lockSomeone();
    await hooked.untilShown(ids[1] ?? '', { failedTries: 1 });
    clock.aheadMs += 1_000_000;
    await lockSomeone();
    await good.until(2);
    const seconds = sumOf(await read(), behind);
    expect(seconds).toBeGreaterThanOrEqual(1_000);
    expect(seconds).toBeLessThan(1_300);
    away.answer = (res) => res.writeHead(204).end();
    await hooked.door.ask('ResumeSubscription', { subscriptionId: ids[1] ?? '' });
    await away.until(3);
    await until((metrics) => sumOf(metrics, behind) === 0);
    for (const id of ids) await remove(id);
  });

  test('who sends nothing is counted by why, and is not behind', async () => {
    const [first, second] = [await receiver(), await receiver()];
    const [asked, gone] = [await subscribe(first), await subscribe(second)];
    second.answer = (res) => res.writeHead(410).end();
    await hooked.door.ask('PauseSubscription', { subscriptionId: asked });
    await lockSomeone();
    await hooked.untilShown(gone, { state: 'SUBSCRIPTION_STATE_DISABLED' });
    clock.aheadMs += 1_000_000;
    const metrics = await read();
    expect(standing(metrics)).toEqual([
      ['paused', 'asked', 1],
      ['disabled', 'gone', 1],
    ]);
    expect(sumOf(metrics, behind)).toBe(0);
    for (const id of [asked, gone]) await remove(id);
    expect(standing(await read())).toEqual([]);
  });

  test('thirty subscriptions add no series, and none tells of an id or a URL', async () => {
    const to = await receiver();
    const before = await read();
    const ids: string[] = [];
    for (let nth = 0; nth < 30; nth += 1)
      ids.push(await subscribe({ ...to, url: `${to.url}made-up-${nth}` }));
    await lockSomeone();
    await to.until(30);
    const text = await metricsText(hooked.server.metricsUrl);
    // A method may have been called for the first time.
    const series = ({ samples }: Exposition) =>
      samples.filter(({ name }) => name.startsWith('latchkey_webhook'));
    const after = await until((metrics) => sumOf(metrics, subscriptions, { state: 'active' }) === 30);
    expect(series(after)).toHaveLength(series(before).length);
    for (const part of ['made-up', String(to.port), ...ids]) expect(text).not.toContain(part);
    for (const id of ids) await remove(id);
  });
});
