import { afterAll, expect, test } from '@jest/globals';
import type { RecordedEvent } from '../../src/domain/events.ts';
import { repetitions } from '../support/repetitions.ts';
import { stores } from '../support/stores.ts';
import { type Hooked, startHooked } from './hooked.ts';
import { messageIn, startReceiver } from './receiver.ts';

const resources = new AsyncDisposableStack();
afterAll(() => resources.disposeAsync());

const usersCount = 100;
const timeoutMs = 300_000;
const types = ['user.locked', 'user.unlocked'];

/** Locks everybody, unlocks everybody, and so on: so many events. */
async function lockAndUnlock({ door }: Hooked, userIds: readonly string[], events: number): Promise<void> {
  for (let wave = 0; wave * userIds.length < events; wave += 1) {
    const method = wave % 2 === 0 ? 'LockUser' : 'UnlockUser';
    await Promise.all(userIds.map((userId) => door.ask(method, { userId })));
  }
}

async function logged({ server }: Hooked, afterPosition: number): Promise<readonly string[]> {
  const all: RecordedEvent[] = [];
  for (let after = afterPosition; ; ) {
    const events = await server.app.store.listEvents({ afterPosition: after, limit: 1_000 });
    const newest = events.at(-1);
    if (newest === undefined) break;
    all.push(...events);
    after = newest.position;
  }
  return all.filter(({ type }) => types.includes(type)).map(({ eventId }) => eventId);
}

test.each(stores)(
  '%s: what many did while it was paused is all told when it is resumed, in order',
  async (store) => {
    const count = repetitions({ few: 1_000, many: 10_000 });
    await using hooked = await startHooked({ store });
    await using to = await startReceiver();
    const userIds: string[] = [];
    for (let nth = 0; nth < usersCount; nth += 1) {
      userIds.push(await hooked.server.people.user({ organization: 'home' }));
    }
    const { subscriptionId } = await hooked.subscribe({ url: to.url, eventTypes: types });
    await hooked.door.ask('PauseSubscription', { subscriptionId });
    await lockAndUnlock(hooked, userIds, count);
    const startedMs = performance.now();
    await hooked.door.ask('ResumeSubscription', { subscriptionId });
    await to.until(count);
    process.stderr.write(
      `${store}: ${count} events told in ${Math.round(performance.now() - startedMs)} ms\n`,
    );
    const all = await logged(hooked, 0);
    expect(all).toHaveLength(count);
    expect(to.received.map((one) => messageIn(one).data.eventId)).toEqual(all);
  },
  timeoutMs,
);
