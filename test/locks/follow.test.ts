import type { MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type FollowLocksRequestSchema, LockEnd, LockService } from '../../gen/es/latchkey/v1/lock_pb.js';
import { startServer, type TestServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';

describe.each(stores)('FollowLocks on %s', (kind, openDatabase) => {
  /** More events than any page holds; a second server's round trips would take half a minute over them. */
  const roundsOfLife = kind === 'sqlite' ? 501 : 20;
  const resources = new AsyncDisposableStack();
  const servers: TestServer[] = [];
  let instance: string;
  let acme: string;
  let beta: string;

  beforeAll(async () => {
    const { database } = resources.use(await openDatabase());
    for (let count = 0; count < 2; count += 1) servers.push(resources.use(await startServer({ database })));
    const { people } = firstServer();
    for (const id of ['acme', 'beta']) await people.organization(id);
    const readerOf = (organization: string) =>
      people.caller({ organization, roles: [{ role: 'ORG_USER_UNLOCKER', organization }] });
    instance = await people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
    [acme, beta] = [await readerOf('acme'), await readerOf('beta')];
  }, 60_000);
  afterAll(() => resources.disposeAsync());

  const firstServer = (): TestServer => servers[0] ?? never();

  /** A stream on one of the servers, as told: `what userId generation`. */
  function follow(
    token: string,
    request: MessageInitShape<typeof FollowLocksRequestSchema> = {},
    server = firstServer(),
  ) {
    const hangUp = new AbortController();
    const signal = AbortSignal.any([hangUp.signal, AbortSignal.timeout(20_000)]);
    const client = createClient(LockService, createGrpcTransport({ baseUrl: server.url }));
    const headers = { authorization: `Bearer ${token}` };
    const stream = client.followLocks(request, { headers, signal })[Symbol.asyncIterator]();
    const told: string[] = [];
    const positions: string[] = [];
    async function next(): Promise<string> {
      const { value, done } = await stream.next();
      if (done) throw new Error('ended');
      positions.push(value.position);
      const { news } = value;
      const text = textOf(news);
      told.push(text);
      return text;
    }
    return {
      next,
      positions,
      /** Reads until so much is told, heartbeats apart. */
      async take(count: number) {
        const found: string[] = [];
        while (found.length < count) {
          const text = await next();
          if (text !== 'heartbeat') found.push(text);
        }
        return found;
      },
      close: () => hangUp.abort(),
    };
  }

  test('begins with a heartbeat at once, then tells each lock and what ended it', async () => {
    const { people } = firstServer();
    const stream = follow(acme);
    expect(await stream.next()).toBe('heartbeat');
    const userId = await people.user({ organization: 'acme' });
    for (const action of ['lock', 'unlock', 'lock', 'deactivate', 'reactivate', 'deactivate'] as const) {
      await people.act(userId, action);
    }
    await people.act(userId, 'reactivate');
    await people.act(userId, 'lock');
    await people.act(userId, 'delete');
    expect(await stream.take(6)).toEqual([
      `locked ${userId} 2`,
      `UNLOCKED ${userId} 2 by operator`,
      `locked ${userId} 4`,
      `DEACTIVATED ${userId} 4 by operator`,
      `locked ${userId} 9`,
      `DELETED ${userId} 9 by operator`,
    ]);
    stream.close();
  });

  test('never tells one organization of another, nor one that the caller asks for and may not read', async () => {
    const { people } = firstServer();
    const streams = {
      acme: follow(acme),
      beta: follow(beta),
      all: follow(instance),
      onlyBeta: follow(instance, { organizationId: 'beta' }),
      abroad: follow(acme, { organizationId: 'beta' }),
    };
    for (const stream of Object.values(streams)) expect(await stream.next()).toBe('heartbeat');
    const ids: string[] = [];
    for (const organization of ['acme', 'beta', 'acme', 'beta']) {
      ids.push(await people.user({ organization, state: 'locked' }));
    }
    const locked = ids.map((id) => `locked ${id} 2`);
    const [first, second, third, fourth] = locked;
    expect(await streams.acme.take(2)).toEqual([first, third]);
    expect(await streams.beta.take(2)).toEqual([second, fourth]);
    expect(await streams.all.take(4)).toEqual(locked);
    expect(await streams.onlyBeta.take(2)).toEqual([second, fourth]);
    const nothing = streams.abroad.take(1).catch(() => 'nothing');
    setTimeout(() => streams.abroad.close(), 500);
    expect(await nothing).toBe('nothing');
    for (const stream of Object.values(streams)) stream.close();
  });

  test('goes on without gap or repeat, from one server to the other, while others write', async () => {
    const { people } = firstServer();
    const all: string[] = [];
    const first = follow(acme);
    await first.next();
    let position = first.positions.at(-1) ?? '';
    first.close();
    const userIds = await Promise.all(Array.from({ length: 8 }, () => people.user({ organization: 'acme' })));
    const writing = Promise.all(
      userIds.map(async (userId) => {
        for (let round = 0; round < 5; round += 1) {
          await people.act(userId, 'lock');
          await people.act(userId, 'unlock');
        }
      }),
    );
    for (let turn = 0; all.length < 80; turn += 1) {
      const stream = follow(acme, { afterPosition: position }, servers[turn % 2]);
      const wanted = Math.min(7, 80 - all.length);
      all.push(...(await stream.take(wanted)));
      position = stream.positions.at(-1) ?? '';
      stream.close();
    }
    await writing;
    for (const userId of userIds) {
      const own = all.filter((text) => text.includes(userId));
      const rounds = [2, 4, 6, 8, 10];
      expect(own).toEqual(
        rounds.flatMap((generation) => [
          `locked ${userId} ${generation}`,
          `UNLOCKED ${userId} ${generation} by operator`,
        ]),
      );
    }
  }, 30_000);

  test('tells nobody by a position what happens elsewhere: it is sealed, new each time, and taken as it was given', async () => {
    const positions = new Set<string>();
    for (let time = 0; time < 5; time += 1) {
      const stream = follow(acme);
      await stream.next();
      stream.close();
      positions.add(stream.positions[0] ?? '');
    }
    expect(positions.size).toBe(5);
    expect(new Set([...positions].map(({ length }) => length)).size).toBe(1);
    const [own = ''] = positions;
    const forged = `${own.slice(0, -4)}AAAA`;
    for (const afterPosition of ['1', '-1', 'x', forged, own.slice(4), 'A'.repeat(201)]) {
      const refused = await follow(instance, { afterPosition }).next().catch(ConnectError.from);
      expect(refused).toMatchObject({ code: Code.InvalidArgument });
    }
    const fromTheFirst = follow(instance, { afterPosition: '0' });
    expect((await fromTheFirst.take(1))[0]).toMatch(/^locked/);
    // The first position of all is as long as the newest one.
    expect(new Set([...fromTheFirst.positions, own].map(({ length }) => length)).size).toBe(1);
    fromTheFirst.close();
  });

  test('a lock of the earlier life of an id is told to nobody, however long that was', async () => {
    const { people } = firstServer();
    const userId = await people.user({ organization: 'beta', state: 'locked' });
    for (let round = 0; round < roundsOfLife; round += 1) {
      await people.act(userId, 'unlock');
      await people.act(userId, 'lock');
    }
    await people.act(userId, 'delete');
    await people.user({ organization: 'acme', userId, state: 'locked' });
    const marker = await people.user({ organization: 'acme', state: 'locked' });
    const stream = follow(acme, { afterPosition: '0' });
    const told: string[] = [];
    while (told.at(-1) !== `locked ${marker} 2`) told.push(...(await stream.take(1)));
    stream.close();
    expect(told.filter((text) => text.includes(userId))).toHaveLength(1);
  }, 60_000);
});

function textOf(news: { readonly case: string | undefined; readonly value?: unknown }): string {
  if (news.case === 'heartbeat' || news.case === undefined) return String(news.case);
  const value = news.value as {
    readonly userId: string;
    readonly generation: bigint;
    readonly end: LockEnd;
    readonly endedBy: string;
  };
  const { userId, generation, end, endedBy } = value;
  if (news.case === 'locked') return `locked ${userId} ${generation}`;
  return `${LockEnd[end]} ${userId} ${generation} by ${endedBy}`;
}

function never(): never {
  throw new Error('no server');
}
