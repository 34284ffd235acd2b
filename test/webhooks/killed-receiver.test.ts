import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import type { Store } from '../../src/store/store.ts';
import { type Door, openDoor } from '../support/door.ts';
import { repetitions } from '../support/repetitions.ts';
import { startServer } from '../support/start-server.ts';
import { openEmptyDatabase, type StoreKind } from '../support/stores.ts';

const kills = repetitions({ few: 4, many: 40 });
const timeoutMs = 60_000 + kills * 10_000;
const looksMax = 1_200;
const types = ['user.locked', 'user.unlocked'];
const script = fileURLToPath(new URL('process-of-receiver.ts', import.meta.url));

/** A receiver in a process of its own, on the same port after every death. */
async function openReceiver(resources: AsyncDisposableStack) {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-receiver-'));
  resources.defer(() => rm(folder, { recursive: true }));
  const path = join(folder, 'came');
  const start = async (port: number) => {
    const argv = ['--no-warnings', script, String(port), path];
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    return { child, port: Number(line) };
  };
  let running = await start(0);
  const kill = async () => {
    const gone = once(running.child, 'exit');
    running.child.kill('SIGKILL');
    await gone;
  };
  resources.defer(kill);
  return {
    url: `http://127.0.0.1:${running.port}/`,
    /** Killed -9 in the middle of whatever it does, and started anew a moment later. */
    async dieAndComeBack() {
      const { port } = running;
      await kill();
      await delay(200 * Math.random());
      running = await start(port);
    },
    /** The ids of events that it has said yes to or was about to, in order. */
    came: (): readonly string[] =>
      readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.split('-')[1] ?? ''),
  };
}

const withoutRepeats = (ids: readonly string[]): readonly string[] =>
  ids.filter((id, index) => id !== ids[index - 1]);

async function logged(store: Store): Promise<readonly string[]> {
  const found: string[] = [];
  for (let after = 0; ; ) {
    const events = await store.listEvents({ afterPosition: after, limit: 500 });
    found.push(...events.filter(({ type }) => types.includes(type)).map(({ eventId }) => eventId));
    const newest = events.at(-1);
    if (newest === undefined) return found;
    after = newest.position;
  }
}

/** So many servers on one database, with an administrator's token at each. */
async function openSite(resources: AsyncDisposableStack, store: StoreKind, count: number) {
  const { database } = resources.use(await openEmptyDatabase(store));
  const flags = ['--outbound-allow', '127.0.0.1'];
  const servers = [];
  for (let nth = 0; nth < count; nth += 1) {
    servers.push(resources.use(await startServer({ database, flags, clocks: { now: Date.now } })));
  }
  const [first] = servers;
  if (first === undefined) throw new Error('no server');
  const { people, app } = first;
  await people.organization('home');
  const token = await people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
  const userIds: string[] = [];
  for (let nth = 0; nth < 10; nth += 1) userIds.push(await people.user({ organization: 'home' }));
  const doors = servers.map(({ url }) => resources.use(openDoor(url, token)));
  return { doors, userIds, store: app.store };
}

/** Locks and unlocks by one door after the other until the signal; any event may be on its way when the receiver dies. */
async function keepLocking(doors: readonly Door[], userIds: readonly string[], signal: AbortSignal) {
  for (let nth = 0; !signal.aborted; nth += 1) {
    const method = Math.floor(nth / userIds.length) % 2 === 0 ? 'LockUser' : 'UnlockUser';
    await doors[nth % doors.length]?.ask(method, { userId: userIds[nth % userIds.length] ?? '' });
    await delay(10);
  }
}

test.each([
  ['sqlite', 1],
  ['postgres', 2],
] as const)(
  `on %s with %i servers: a receiver that is killed ${kills} times is told of everything, in the order of the log`,
  async (kind, count) => {
    await using resources = new AsyncDisposableStack();
    const { doors, userIds, store } = await openSite(resources, kind, count);
    const receiver = await openReceiver(resources);
    const [door] = doors;
    if (door === undefined) throw new Error('no door');
    const made = await door.ask('CreateSubscription', { url: receiver.url, eventTypes: types });
    const { subscriptionId } = made.response.subscription as { subscriptionId: string };
    /** What the next try waits for is not to be waited for here. */
    const goOn = async () => {
      const { response } = await door.ask('GetSubscription', { subscriptionId });
      const { nextTry } = response.subscription as { nextTry?: string };
      if (nextTry !== undefined) await door.ask('ResumeSubscription', { subscriptionId });
    };
    const until = async (isReached: () => boolean | Promise<boolean>) => {
      for (let look = 0; look < looksMax; look += 1) {
        if (await isReached()) return;
        await goOn();
        await delay(50);
      }
      throw new Error(`${receiver.came().length} came`);
    };
    const stopping = new AbortController();
    const locking = keepLocking(doors, userIds, stopping.signal);
    for (let nth = 0; nth < kills; nth += 1) {
      const before = receiver.came().length;
      await until(() => receiver.came().length >= before + 5);
      await receiver.dieAndComeBack();
    }
    stopping.abort();
    await locking;
    const all = await logged(store);
    await until(() => new Set(receiver.came()).size >= all.length);
    expect(all.length).toBeGreaterThan(kills * 5);
    // Not only in the order of their first coming: what is repeated is the last one, and nothing before it.
    expect(withoutRepeats(receiver.came())).toEqual(all);
  },
  timeoutMs,
);
