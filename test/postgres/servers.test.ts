import { dirname } from 'node:path';
import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openApp } from '../../src/app/app.ts';
import { firstRun } from '../../src/app/first-run.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import type { Answer } from '../support/answer.ts';
import { restDialect } from '../support/dialects/all.ts';
import { askBare } from '../support/dialects/bare.ts';
import type { MethodName } from '../support/methods.ts';
import { createPostgresDatabase } from '../support/postgres.ts';
import { repetitions } from '../support/repetitions.ts';
import { historyOf } from '../support/replay.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { temporaryDatabase } from '../support/temporary.ts';
import { openWire, type Wire } from '../support/wire.ts';

const servers: TestServer[] = [];
const wires: Wire[] = [];
const resources = new AsyncDisposableStack();
let administrator: string;

beforeAll(async () => {
  const database = await createPostgresDatabase();
  for (let nth = 0; nth < 2; nth += 1) {
    const server = resources.use(await startServer({ database }));
    servers.push(server);
    wires.push(resources.use(openWire(server.url)));
  }
  await here().people.organization('acme');
  administrator = await here().people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
});
afterAll(() => resources.disposeAsync());

function here(): TestServer {
  const [server] = servers;
  if (server === undefined) throw new Error('no server');
  return server;
}

/** Calls the nth server, counting round and round. */
function ask(nth: number, method: MethodName, message: JsonObject, token = administrator): Promise<Answer> {
  const wire = wires[nth % wires.length];
  if (wire === undefined) throw new Error('no server');
  return askBare(wire, restDialect, { method, message, token });
}

const rounds = repetitions({ few: 10, many: 100 });
test(`of 64 unlocks at once through two servers one wins, ${rounds} times`, async () => {
  const userId = await here().people.user({ organization: 'acme', kind: 'machine' });
  for (let round = 0; round < rounds; round += 1) {
    expect(await ask(round, 'LockUser', { userId })).toMatchObject({ code: 'OK' });
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_none, nth) => ask(nth, 'UnlockUser', { userId })),
    );
    const codes = answers.map(({ code }) => code).sort();
    expect(codes).toEqual([...Array(63).fill('FailedPrecondition'), 'OK']);
  }
  const types = (await historyOf(here().app.store, userId)).map(({ type }) => type);
  expect(types.slice(1)).toEqual(
    Array.from({ length: rounds }, () => ['user.locked', 'user.unlocked']).flat(),
  );
  expect(await verify(here().app.store)).toMatchObject({ problems: [] });
}, 120_000);

test('servers that start together on an empty database: one has the first run, all serve', async () => {
  await using cleanup = new AsyncDisposableStack();
  const database = await createPostgresDatabase();
  const starts = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const app = cleanup.use(await openApp({ database, passwordAttemptsMax: 5, logLevel: 'silent' }));
      const dataFolder = dirname(temporaryDatabase());
      return { app, first: await firstRun(app, { dataFolder, osUser: 'root', demo: false }) };
    }),
  );
  expect(starts.filter(({ first }) => first !== undefined).length).toBe(1);
  for (const { app } of starts) {
    expect((await app.store.listOrganizations('all', { offset: 0, limit: 9, ascending: true })).total).toBe(
      1,
    );
    expect(await verify(app.store)).toMatchObject({ users: 1, problems: [] });
  }
});

test('what one server takes away, the other refuses from the next call on', async () => {
  const { people } = here();
  const target = await people.user({ organization: 'acme', kind: 'machine', state: 'locked' });
  for (let round = 0; round < 10; round += 1) {
    const userId = await people.user({ organization: 'acme', kind: 'machine' });
    await people.grant(userId, 'IAM_OWNER');
    const [revoked, kept] = [await people.token(userId), await people.token(userId)];
    const there = async (token: string) => (await ask(1, 'UnlockUser', { userId: target }, token)).code;
    // From the second round on the target is not locked: permitted all the same.
    expect(await there(revoked)).toBe(round === 0 ? 'OK' : 'FailedPrecondition');

    const tokenId = revoked.split('.')[0] ?? '';
    expect(await ask(0, 'RemovePersonalAccessToken', { userId, tokenId })).toMatchObject({ code: 'OK' });
    expect(await there(revoked)).toBe('Unauthenticated');

    expect(await there(kept)).toBe('FailedPrecondition');
    expect(await ask(0, 'RemoveGrant', { userId, role: 'IAM_OWNER' })).toMatchObject({ code: 'OK' });
    expect(await there(kept)).toBe('PermissionDenied');

    expect(await ask(0, 'LockUser', { userId })).toMatchObject({ code: 'OK' });
    expect(await there(kept)).toBe('Unauthenticated');
  }
});
