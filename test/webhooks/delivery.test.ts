import type { ServerResponse } from 'node:http';
import type { JsonValue } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { stores } from '../support/stores.ts';
import { type Hooked, startHooked } from './hooked.ts';
import { messageIn, type Received, type Receiver, startReceiver } from './receiver.ts';

describe.each(stores)('on %s', (store) => {
  const resources = new AsyncDisposableStack();
  const clock = { aheadMs: 0 };
  let hooked: Hooked;
  const receiver = async (): Promise<Receiver> => resources.use(await startReceiver());

  beforeAll(async () => {
    hooked = resources.use(await startHooked({ store, clock }));
  });
  afterAll(() => resources.disposeAsync());

  const people = () => hooked.server.people;
  const someone = (organization = 'home') => people().user({ organization });
  /** Locks somebody; answers the id. */
  const lockSomeone = async (organization = 'home'): Promise<string> => {
    const userId = await someone(organization);
    await hooked.door.ask('LockUser', { userId });
    return userId;
  };
  /** Milliseconds from the newest try to the next one, which are the same on a slow machine. */
  const waitedFor = async (subscriptionId: string, nextTry: JsonValue | undefined): Promise<number> => {
    const [newest] = await hooked.attempts(subscriptionId);
    return Date.parse(String(nextTry)) - Date.parse(String(newest?.time));
  };
  const usersOf = ({ received }: Receiver) => received.map((one) => messageIn(one).data.userId);

  test('each event is sent once, in order, signed, from the moment of the subscription on', async () => {
    const to = await receiver();
    await lockSomeone();
    const { secret } = await hooked.subscribe({ url: to.url, eventTypes: ['user.locked', 'user.unlocked'] });
    const userIds: string[] = [];
    for (let nth = 0; nth < 5; nth += 1) userIds.push(await lockSomeone());
    await hooked.door.ask('UnlockUser', { userId: userIds[0] ?? '' });
    await to.until(6);
    expect(usersOf(to)).toEqual([...userIds, userIds[0]]);
    expect(to.received.map((one) => messageIn(one).type)).toEqual([
      ...Array(5).fill('user.locked'),
      'user.unlocked',
    ]);
    expect(new Set(to.received.map(({ id }) => id)).size).toBe(6);
    for (const { body, headers } of to.received) {
      expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
      expect(headers['content-type']).toBe('application/json');
    }
  });

  test('one that fails is tried again by the schedule, before any other, and by the same name', async () => {
    const to = await receiver();
    const { subscriptionId } = await hooked.subscribe({ url: to.url, eventTypes: ['user.locked'] });
    to.answer = (res) => res.writeHead(500).end();
    const [first, second] = [await lockSomeone(), await lockSomeone()];
    await to.until(1);
    await hooked.untilShown(subscriptionId, { failedTries: 1 });
    const { nextTry } = await hooked.shown(subscriptionId);
    expect(await waitedFor(subscriptionId, nextTry)).toBeGreaterThanOrEqual(4_500);
    expect(Date.parse(String(nextTry)) - Date.now() - clock.aheadMs).toBeLessThanOrEqual(5_500);
    to.answer = (res) => res.writeHead(204).end();
    clock.aheadMs += 6_000;
    await to.until(3);
    expect(usersOf(to)).toEqual([first, first, second]);
    expect(to.received[0]?.id).toBe(to.received[1]?.id);
    await hooked.untilShown(subscriptionId, { failedTries: 0 });
    const tries = (await hooked.attempts(subscriptionId)).map(({ nth, outcome, status }) => ({
      ...{ nth, outcome, status },
    }));
    expect(tries).toEqual([
      { nth: 1, outcome: 'ATTEMPT_OUTCOME_DELIVERED', status: 204 },
      { nth: 2, outcome: 'ATTEMPT_OUTCOME_DELIVERED', status: 204 },
      { nth: 1, outcome: 'ATTEMPT_OUTCOME_REFUSED', status: 500 },
    ]);
  });

  test('after the last try it pauses, and resumed it goes on where it stopped', async () => {
    const to = await receiver();
    const { subscriptionId } = await hooked.subscribe({ url: to.url, eventTypes: ['user.locked'] });
    to.answer = (res) => res.writeHead(503).end();
    const userIds = [await lockSomeone(), await lockSomeone()];
    for (let nth = 1; nth < 10; nth += 1) {
      await to.until(nth);
      await hooked.untilShown(subscriptionId, { failedTries: nth });
      clock.aheadMs += 90 * 3_600_000;
    }
    await hooked.untilShown(subscriptionId, {
      state: 'SUBSCRIPTION_STATE_PAUSED',
      pauseCause: 'PAUSE_CAUSE_FAILED',
    });
    expect(usersOf(to)).toEqual(Array(10).fill(userIds[0]));
    to.answer = (res) => res.writeHead(200).end('thank you');
    expect((await hooked.door.ask('ResumeSubscription', { subscriptionId })).ok).toBe(true);
    await to.until(12);
    expect(usersOf(to).slice(10)).toEqual(userIds);
  });

  test('paused it sends nothing, resumed all that came meanwhile', async () => {
    const to = await receiver();
    const { subscriptionId } = await hooked.subscribe({ url: to.url, eventTypes: ['user.locked'] });
    const before = await lockSomeone();
    await to.until(1);
    expect((await hooked.door.ask('PauseSubscription', { subscriptionId })).ok).toBe(true);
    const again = await hooked.door.ask('PauseSubscription', { subscriptionId });
    expect(again.details[0]?.id).toBe('LATCH-subspaus');
    const meanwhile = [await lockSomeone(), await lockSomeone('abroad')];
    expect(await hooked.shown(subscriptionId)).toMatchObject({ pauseCause: 'PAUSE_CAUSE_ASKED' });
    expect(usersOf(to)).toEqual([before]);
    await hooked.door.ask('ResumeSubscription', { subscriptionId });
    await to.until(3);
    expect(usersOf(to)).toEqual([before, ...meanwhile]);
    const twice = await hooked.door.ask('ResumeSubscription', { subscriptionId });
    expect(twice.details[0]?.id).toBe('LATCH-subsact1');
  });

  test('what a receiver asks for with Retry-After is kept to', async () => {
    const to = await receiver();
    const { subscriptionId } = await hooked.subscribe({ url: to.url, eventTypes: ['user.locked'] });
    to.answer = (res) => res.writeHead(429, { 'retry-after': '3600' }).end();
    await lockSomeone();
    await hooked.untilShown(subscriptionId, { failedTries: 1 });
    const { nextTry } = await hooked.shown(subscriptionId);
    expect(await waitedFor(subscriptionId, nextTry)).toBeGreaterThanOrEqual(3_600_000);
    expect(Date.parse(String(nextTry)) - Date.now() - clock.aheadMs).toBeLessThanOrEqual(3_600_000);
  });

  test('410 disables it', async () => {
    const to = await receiver();
    const { subscriptionId } = await hooked.subscribe({ url: to.url, eventTypes: ['user.locked'] });
    to.answer = (res) => res.writeHead(410).end();
    await lockSomeone();
    await hooked.untilShown(subscriptionId, {
      state: 'SUBSCRIPTION_STATE_DISABLED',
      pauseCause: 'PAUSE_CAUSE_GONE',
    });
    expect(to.received).toHaveLength(1);
  });

  const switching = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n';
  const elsewhere = 'http://169.254.169.254/latest/meta-data/';
  test.each<[string, string, number, (res: ServerResponse, received: Received) => unknown]>([
    ['redirects to metadata', 'REFUSED', 302, (res) => res.writeHead(302, { location: elsewhere }).end()],
    ['fails', 'REFUSED', 500, (res) => res.writeHead(500).end('x'.repeat(1_000))],
    ['hangs up', 'UNREACHABLE', 0, (res) => res.destroy()],
    ['speaks another protocol', 'INVALID_ANSWER', 0, (res) => res.socket?.end('220 ESMTP\r\n')],
    ['goes over to another protocol', 'INVALID_ANSWER', 0, (res) => res.socket?.end(switching)],
    ['says yes and sends a gigabyte', 'DELIVERED', 200, (res) => flood(res, 200)],
    ['fails and sends a gigabyte', 'REFUSED', 500, (res) => flood(res, 500)],
    ['says yes and no more', 'DELIVERED', 200, (res) => hangUp(res)],
  ])('a receiver that %s: %s', async (_, outcome, status, answer) => {
    const to = await receiver();
    const { subscriptionId } = await hooked.subscribe({ url: to.url, eventTypes: ['user.locked'] });
    to.answer = answer;
    await lockSomeone();
    await to.until(1);
    const delivered = outcome === 'DELIVERED';
    for (let look = 0; look < 1_000 && (await hooked.attempts(subscriptionId)).length === 0; look += 1) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(await hooked.attempts(subscriptionId)).toMatchObject([
      { outcome: `ATTEMPT_OUTCOME_${outcome}`, nth: 1, ...(status !== 0 && { status }) },
    ]);
    expect(await hooked.shown(subscriptionId)).toMatchObject(delivered ? {} : { failedTries: 1 });
    await hooked.door.ask('DeleteSubscription', { subscriptionId });
  });

  test('Test sends a message of its own and answers what came of it', async () => {
    const to = await receiver();
    const { subscriptionId, secret } = await hooked.subscribe({ url: to.url });
    await hooked.door.ask('PauseSubscription', { subscriptionId });
    const { response } = await hooked.door.ask('TestSubscription', { subscriptionId });
    expect(response.attempt).toMatchObject({ outcome: 'ATTEMPT_OUTCOME_DELIVERED', status: 204, nth: 1 });
    const [one] = to.received;
    expect(one && messageIn(one)).toMatchObject({ type: 'latchkey.test', data: { subscriptionId } });
    clock.aheadMs = 0;
    await hooked.door.ask('TestSubscription', { subscriptionId });
    const newest = to.received.at(-1);
    expect(newest && new Webhook(secret).verify(newest.body, newest.headers)).toBeTruthy();
  });

  test('Test of a subscription is under way once at a time', async () => {
    const to = await receiver();
    const { subscriptionId } = await hooked.subscribe({ url: to.url });
    await hooked.door.ask('PauseSubscription', { subscriptionId });
    const held: ServerResponse[] = [];
    to.answer = (res) => held.push(res);
    const test = () => hooked.door.ask('TestSubscription', { subscriptionId });
    const first = test();
    await to.until(1);
    expect(await test()).toMatchObject({ code: 'ResourceExhausted' });
    for (const res of held) res.writeHead(204).end();
    expect((await first).response.attempt).toMatchObject({ status: 204 });
    to.answer = (res) => res.writeHead(204).end();
    expect((await test()).code).toBe('OK');
    expect(to.received).toHaveLength(2);
  });

  test('Tests of one organization are 8 at once, and 32 in all', async () => {
    const to = await receiver();
    const held: ServerResponse[] = [];
    to.answer = (res) => held.push(res);
    const test = (subscriptionId: string) => hooked.door.ask('TestSubscription', { subscriptionId });
    const paused = async (organizationId: string): Promise<string> => {
      const { subscriptionId } = await hooked.subscribe({ url: to.url, organizationId });
      await hooked.door.ask('PauseSubscription', { subscriptionId });
      return subscriptionId;
    };
    // All of it first: a test that is held lasts 15 seconds.
    const subscriptions: string[][] = [];
    for (let nth = 1; nth <= 4; nth += 1) {
      const organization = await people().organization(`testing-${nth}`);
      subscriptions.push(await Promise.all(Array.from({ length: 9 }, () => paused(organization))));
    }
    const fifth = await paused(await people().organization('testing-5'));
    const underWay: ReturnType<typeof test>[] = [];
    for (const ofOne of subscriptions) {
      underWay.push(...ofOne.slice(0, 8).map(test));
      await to.until(underWay.length);
      expect(await test(ofOne[8] ?? '')).toMatchObject({ code: 'ResourceExhausted' });
    }
    expect(await test(fifth)).toMatchObject({ code: 'ResourceExhausted' });
    for (const res of held.splice(0)) res.writeHead(204).end();
    for (const answer of await Promise.all(underWay)) expect(answer.code).toBe('OK');
    to.answer = (res) => res.writeHead(204).end();
    expect(await test(fifth)).toMatchObject({ code: 'OK' });
  });
});

function flood(res: ServerResponse, status: number): void {
  const chunk = Buffer.alloc(65_536);
  let left = 16_384;
  res.writeHead(status, { 'content-length': String(left * chunk.length) });
  const more = (): void => {
    while (left > 0 && !res.destroyed && res.write(chunk)) left -= 1;
  };
  res.on('drain', more);
  more();
}

function hangUp(res: ServerResponse): void {
  res.writeHead(200, { 'content-length': '1000' }).flushHeaders();
  setImmediate(() => res.socket?.end());
}
