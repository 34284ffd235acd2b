import type { ServerResponse } from 'node:http';
import { afterAll, expect, test } from '@jest/globals';
import { repetitions } from '../support/repetitions.ts';
import { startHooked } from './hooked.ts';
import { startReceiver } from './receiver.ts';

const resources = new AsyncDisposableStack();
afterAll(() => resources.disposeAsync());

const isLong = repetitions({ few: 0, many: 1 }) === 1;
const why = isLong ? '' : ' (skipped: takes 15 s; test/long/run.sh runs it)';

/** A header a second: never idle for long, and never a whole answer. */
function trickle(res: ServerResponse): void {
  res.socket?.write('HTTP/1.1 200 OK\r\n');
  const timer = setInterval(() => res.socket?.write('x-more: please\r\n'), 1_000);
  res.socket?.once('close', () => clearInterval(timer));
}

(isLong ? test : test.skip)(
  `whoever never answers, or never ends an answer, has 15 seconds, and then it is a failure like others${why}`,
  async () => {
    const hooked = resources.use(await startHooked());
    const [silent, slow] = [resources.use(await startReceiver()), resources.use(await startReceiver())];
    silent.answer = () => undefined;
    slow.answer = trickle;
    const ids: string[] = [];
    for (const { url } of [silent, slow]) {
      ids.push((await hooked.subscribe({ url, eventTypes: ['user.locked'] })).subscriptionId);
    }
    const userId = await hooked.server.people.user({ organization: 'home' });
    await hooked.door.ask('LockUser', { userId });
    await Promise.all([silent.until(1), slow.until(1)]);
    for (const subscriptionId of ids) {
      // It looks for 15 s by itself.
      await hooked.untilShown(subscriptionId, { failedTries: 1 }).catch(() => undefined);
      await hooked.untilShown(subscriptionId, { failedTries: 1 });
      const [attempt, ...more] = await hooked.attempts(subscriptionId);
      expect(more).toEqual([]);
      expect(attempt).toMatchObject({ outcome: 'ATTEMPT_OUTCOME_TIMEOUT', nth: 1 });
      expect(attempt).not.toHaveProperty('status');
      expect(Number.parseFloat(String(attempt?.duration))).toBeGreaterThanOrEqual(14.9);
    }
    // The message is the same one: it is said again once they answer.
    for (const to of [silent, slow]) to.answer = (res) => res.writeHead(204).end();
    for (const subscriptionId of ids) await hooked.door.ask('ResumeSubscription', { subscriptionId });
    await Promise.all([silent.until(2), slow.until(2)]);
    for (const { received } of [silent, slow]) expect(new Set(received.map(({ id }) => id)).size).toBe(1);
  },
  90_000,
);
