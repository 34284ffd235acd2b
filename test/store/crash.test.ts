import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { openApp } from '../../src/app/app.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import { type ChildServer, standBy } from '../support/child-server.ts';
import { dialects } from '../support/dialects/all.ts';
import { askBare } from '../support/dialects/bare.ts';
import { createPeople } from '../support/people.ts';
import { pick, seededRandom } from '../support/random.ts';
import { repetitions } from '../support/repetitions.ts';
import { historyOf, replay } from '../support/replay.ts';
import { openWire } from '../support/wire.ts';

const kills = repetitions({ few: 6, many: 50 });
const userIds = Array.from({ length: 6 }, (_none, nth) => `user-${nth}`);
const methods = ['LockUser', 'UnlockUser'] as const;
const eventOf = { LockUser: 'user.locked', UnlockUser: 'user.unlocked' } as const;
/** Each with several calls in flight, on connections of its own. */
const speakers = dialects.filter(({ name }) =>
  ['REST, HTTP/1.1', 'gRPC proto, bare', 'Connect JSON, HTTP/2'].includes(name),
);
const lanesEach = 4;

/** A change that a client was told is done. */
interface Acknowledged {
  readonly userId: string;
  readonly sequence: number;
  readonly type: string;
  readonly requestId: string;
}

test(`killed ${kills} times amid locks and unlocks: what was acknowledged is there, every row is its fold`, async () => {
  await using resources = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-crash-'));
  resources.defer(() => rm(folder, { recursive: true }));
  const acknowledged: Acknowledged[] = [];
  let unanswered = 0;
  let standby = resources.use(standBy(['--data', folder]));
  for (let round = 0; round < kills; round += 1) {
    const server = await standby.start();
    if (round === 0) await createUsers(folder);
    else await expectAllThere(folder, acknowledged);
    standby = resources.use(standBy(['--data', folder]));
    const token = (await readFile(join(folder, 'admin-token'), 'utf8')).trim();
    unanswered += await killAmidCalls(server, { token, round, acknowledged });
    expect(await server.exited).toBe('SIGKILL');
  }
  await standby.start();
  await expectAllThere(folder, acknowledged);
  process.stdout.write(`${acknowledged.length} acknowledged, ${unanswered} unanswered in ${kills} kills\n`);
  expect(acknowledged.length).toBeGreaterThan(5 * kills);
  expect(unanswered).toBeGreaterThan(kills);
}, 240_000);

async function createUsers(folder: string): Promise<void> {
  await using app = await openApp(appConfig(folder));
  const people = createPeople(app);
  await people.organization('acme');
  for (const userId of userIds) await people.user({ organization: 'acme', kind: 'machine', userId });
}

function appConfig(folder: string) {
  return { database: join(folder, 'latchkey.db'), passwordAttemptsMax: 5, logLevel: 'silent' };
}

interface Round {
  readonly token: string;
  readonly round: number;
  /** Grows with what is answered. */
  readonly acknowledged: Acknowledged[];
}

/** Sends calls from every speaker, kills the server after some answers; resolves to how many calls got none. */
async function killAmidCalls(server: ChildServer, { token, round, acknowledged }: Round): Promise<number> {
  await using wires = new AsyncDisposableStack();
  const random = seededRandom(round);
  const enough = acknowledged.length + Math.floor(random() * 40);
  const exited = server.exited.then(() => undefined);
  const talk = async (name: string, send: Send): Promise<void> => {
    for (let turn = 0; turn < 10_000; turn += 1) {
      const [userId, method] = [pick(random, userIds), pick(random, methods)];
      const requestId = `${round}.${name}.${turn}`;
      const headers = { 'x-request-id': requestId };
      const sent = send({ method, message: { userId }, token, headers }).catch(() => undefined);
      if (acknowledged.length >= enough) server.kill('SIGKILL');
      const answer = await Promise.race([sent, exited]);
      if (answer === undefined) return;
      expect(['OK', 'FailedPrecondition', 'Aborted']).toContain(answer.code);
      if (!answer.ok) continue;
      const sequence = Number((answer.response.details as { sequence: string }).sequence);
      acknowledged.push({ userId, sequence, type: eventOf[method], requestId });
    }
  };
  const lanes = speakers.flatMap((speaker, which) => {
    const wire = wires.use(openWire(server.url));
    return Array.from({ length: lanesEach }, (_none, nth) =>
      talk(`${which}.${nth}`, (ask) => askBare(wire, speaker, ask)),
    );
  });
  await Promise.all(lanes);
  return lanes.length;
}

type Send = (ask: Parameters<typeof askBare>[2]) => ReturnType<typeof askBare>;

/** Looks into the database beside the server that has just started on it. */
async function expectAllThere(folder: string, acknowledged: readonly Acknowledged[]): Promise<void> {
  await using app = await openApp(appConfig(folder));
  expect(await verify(app.store)).toMatchObject({ users: userIds.length + 1, problems: [] });
  const recorded = new Map<string, string>();
  for (const userId of userIds) {
    const events = await historyOf(app.store, userId);
    replay(events);
    for (const { sequence, type, meta } of events) {
      recorded.set(`${userId} ${sequence}`, `${type} ${meta.requestId}`);
    }
  }
  const lost = acknowledged.filter(
    ({ userId, sequence, type, requestId }) =>
      recorded.get(`${userId} ${sequence}`) !== `${type} ${requestId}`,
  );
  expect(lost).toEqual([]);
}
