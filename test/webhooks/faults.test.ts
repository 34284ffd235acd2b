import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { type ChildServer, standBy } from '../support/child-server.ts';
import { type Door, openDoor } from '../support/door.ts';
import { makePostgres } from '../support/postgres/process.ts';
import { clusterOptions } from '../support/postgres/shared.ts';
import { type Receiver, startReceiver } from './receiver.ts';

/** A killed server is missed for half a minute. */
const timeoutMs = 240_000;
const untilToldMs = 120_000;

interface Place {
  readonly database: string;
  readonly folder: string;
  readonly resources: AsyncDisposableStack;
}

async function startOne({ database, folder, resources }: Place): Promise<ChildServer> {
  const flags = [
    '--db',
    database,
    '--data',
    folder,
    '--outbound-allow',
    '127.0.0.1',
    '--log-level',
    'silent',
  ];
  return resources.use(standBy(flags)).start();
}

/** Locks and unlocks, one after the other, on whichever server answers, until it is told to stop. */
async function keepLocking(doors: () => readonly Door[], userIds: readonly string[], signal: AbortSignal) {
  for (let nth = 0; !signal.aborted; nth += 1) {
    const [userId = '', all] = [userIds[nth % userIds.length], doors()];
    const method = Math.floor(nth / userIds.length) % 2 === 0 ? 'LockUser' : 'UnlockUser';
    // A server that is killed answers nothing; what became of the call the log says.
    await all[nth % all.length]?.ask(method, { userId }).catch(() => undefined);
    await delay(20);
  }
}

const types = ['user.locked', 'user.unlocked'];

/** The ids of all that is to be told, in the order of the log. */
async function logged(store: Store, afterPosition: number): Promise<readonly string[]> {
  const found: string[] = [];
  for (let after = afterPosition; ; ) {
    const events = await store.listEvents({ afterPosition: after, limit: 500 });
    found.push(...events.filter(({ type }) => types.includes(type)).map(({ eventId }) => eventId));
    const newest = events.at(-1);
    if (newest === undefined) return found;
    after = newest.position;
  }
}

/** The ids in the order in which each first came. */
const firstTold = (receivers: readonly Receiver[]): readonly string[] => [
  ...new Set(receivers.flatMap(({ received }) => received.map(({ id }) => id.split('-')[1] ?? ''))),
];

/** Two servers on one PostgreSQL, and twenty people. */
async function openSite(resources: AsyncDisposableStack) {
  const postgres = resources.use(await makePostgres(clusterOptions));
  await postgres.start();
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-'));
  resources.defer(() => rm(folder, { recursive: true }));
  const place = { database: postgres.url, folder, resources };
  const servers = [await startOne(place), await startOne(place)];
  const token = readFileSync(join(folder, 'admin-token'), 'utf8').trim();
  const doors = servers.map(({ url }) => openDoor(url, token));
  resources.defer(async () => {
    for (const door of doors) await door[Symbol.asyncDispose]();
  });
  const ask = async (...asked: Parameters<Door['ask']>) => {
    const [door] = doors;
    if (door === undefined) throw new Error('no server');
    const answer = await door.ask(...asked);
    if (!answer.ok) throw new Error(`${answer.code} ${answer.message}`);
    return answer.response;
  };
  const { organizationId = '' } = await ask('GetCaller', {});
  const userIds: string[] = [];
  for (let nth = 0; nth < 20; nth += 1) {
    const human = { profile: { givenName: 'A', familyName: 'B' }, email: { email: `a${nth}@b.example` } };
    userIds.push(String((await ask('CreateUser', { organizationId, human })).id));
  }
  /** Kills one, and starts another in its place. */
  const replace = async (index: number): Promise<void> => {
    servers[index]?.kill('SIGKILL');
    await servers[index]?.exited;
    await doors[index]?.[Symbol.asyncDispose]();
    const next = await startOne(place);
    servers[index] = next;
    doors[index] = openDoor(next.url, token);
  };
  return { postgres, database: place.database, doors, ask, userIds, replace };
}

test(
  'two servers: whatever is killed, all is told in the order of the log, and nothing is left out',
  async () => {
    await using resources = new AsyncDisposableStack();
    const { postgres, database, doors, ask, userIds, replace } = await openSite(resources);
    const receivers = [await startReceiver()];
    const [first] = receivers;
    if (first === undefined) throw new Error('no receiver');
    resources.defer(async () => receivers.at(-1)?.[Symbol.asyncDispose]());
    const wanted = { url: first.url, eventTypes: types };
    const { subscriptionId } = (await ask('CreateSubscription', wanted)).subscription as {
      subscriptionId: string;
    };
    const stopping = new AbortController();
    const locking = keepLocking(() => doors, userIds, stopping.signal);
    await first.until(30);

    // Its receiver, which is back within the first wait.
    await first[Symbol.asyncDispose]();
    await delay(1_000);
    receivers.push(await startReceiver(first.port));
    await receivers.at(-1)?.until(10);

    await postgres.stop('SIGQUIT');
    await delay(500);
    await postgres.start();
    await receivers.at(-1)?.until((receivers.at(-1)?.received.length ?? 0) + 10);

    // Each server once: one of them was it.
    for (const index of [0, 1]) {
      await replace(index);
      await delay(1_000);
    }
    stopping.abort();
    await locking;

    await using store = await openStore({ database });
    const all = await logged(store, 0);
    const endMs = Date.now() + untilToldMs;
    while (Date.now() < endMs && firstTold(receivers).length < all.length) {
      const { nextTry } = (await ask('GetSubscription', { subscriptionId })).subscription as {
        nextTry?: string;
      };
      if (nextTry !== undefined) await ask('ResumeSubscription', { subscriptionId });
      await delay(500);
    }
    expect(all.length).toBeGreaterThan(100);
    expect(firstTold(receivers)).toEqual(all);
  },
  timeoutMs,
);
