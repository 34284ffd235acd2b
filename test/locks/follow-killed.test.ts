import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { expect, test } from '@jest/globals';
import { LockService } from '../../gen/es/latchkey/v1/lock_pb.js';
import { openApp } from '../../src/app/app.ts';
import { type ChildServer, standBy } from '../support/child-server.ts';
import { createPeople } from '../support/people.ts';
import { repetitions } from '../support/repetitions.ts';
import { stores } from '../support/stores.ts';

const writers = 8;
/** A lock and an unlock each; enough that some of them happen in every life of a server. */
const rounds = repetitions({ few: 12, many: 60 });
const perWriter = 2 * rounds;
const kills = repetitions({ few: 3, many: 15 });
const organizations = ['acme', 'beta'] as const;
type Organization = (typeof organizations)[number];
const messageMsMax = 30_000;

/** What a follower was told, and where it goes on. */
interface Told {
  readonly organization: Organization;
  readonly token: string;
  position: string;
  readonly news: string[];
}

/** Reads until the follower was told so much, or its server is gone. */
async function follow(server: ChildServer, told: Told, enough: number): Promise<void> {
  const hangUp = new AbortController();
  const client = createClient(LockService, createGrpcTransport({ baseUrl: server.url }));
  const headers = { authorization: `Bearer ${told.token}` };
  const watchdog = setTimeout(() => hangUp.abort(new Error('told nothing for too long')), messageMsMax);
  try {
    const request = { afterPosition: told.position };
    for await (const { position, news } of client.followLocks(request, { headers, signal: hangUp.signal })) {
      watchdog.refresh();
      told.position = position;
      if (news.case === 'locked') told.news.push(`locked ${news.value.userId} ${news.value.generation}`);
      if (news.case === 'ended') told.news.push(`ended ${news.value.userId} ${news.value.generation}`);
      if (told.news.length >= enough) return;
    }
  } catch (error) {
    // Whoever was killed says nothing more: the connection is gone, or nobody listens.
    if (!isGone(error)) throw error;
  } finally {
    clearTimeout(watchdog);
    hangUp.abort();
  }
}

const isGone = (error: unknown): boolean =>
  [Code.Unavailable, Code.Aborted, Code.Internal, Code.Canceled].includes(ConnectError.from(error).code);

test.each(stores)(
  'FollowLocks on %s goes on without gap or repeat while 8 writers write and servers are killed, and tells no organization of another',
  async (_, openDatabase) => {
    await using resources = new AsyncDisposableStack();
    const { database } = resources.use(await openDatabase());
    const app = resources.use(await openApp({ database, passwordAttemptsMax: 5, logLevel: 'silent' }));
    const people = createPeople(app);
    const followers: Told[] = [];
    for (const organization of organizations) {
      await people.organization(organization);
      const roles = [{ role: 'ORG_USER_UNLOCKER', organization }] as const;
      const token = await people.caller({ organization, roles });
      followers.push({ organization, token, position: '0', news: [] });
    }
    const start = () => resources.use(standBy(['--db', database])).start();
    const servers = await Promise.all([start(), start()]);

    const expected: Record<Organization, Map<string, string[]>> = { acme: new Map(), beta: new Map() };
    const writing = Promise.all(
      Array.from({ length: writers }, async (_none, nth) => {
        const organization = organizations[nth % 2] ?? 'acme';
        const userId = await people.user({ organization });
        const own: string[] = [];
        expected[organization].set(userId, own);
        for (let round = 0; round < rounds; round += 1) {
          await people.act(userId, 'lock');
          own.push(`locked ${userId} ${2 * round + 2}`);
          await people.act(userId, 'unlock');
          own.push(`ended ${userId} ${2 * round + 2}`);
        }
      }),
    );
    const wanted = (writers / organizations.length) * perWriter;
    const killing = killInTurns(servers, followers, wanted, start);
    const following = followers.map(async (told, nth) => {
      for (let turn = nth; told.news.length < wanted; turn += 1) {
        const server = servers[turn % servers.length];
        if (server !== undefined) await follow(server, told, wanted);
      }
    });
    await Promise.all([writing, killing, ...following]);

    for (const { organization, news } of followers) {
      expect(news).toHaveLength(wanted);
      const ids = [...expected[organization].keys()];
      expect(news.filter((text) => !ids.includes(text.split(' ')[1] ?? ''))).toEqual([]);
      for (const [userId, own] of expected[organization]) {
        expect(news.filter((text) => text.includes(` ${userId} `))).toEqual(own);
      }
    }
  },
  240_000,
);

/** Kills one server after another, each when its followers were told some more, and starts the next in its place. */
async function killInTurns(
  servers: ChildServer[],
  followers: readonly Told[],
  wanted: number,
  start: () => Promise<ChildServer>,
): Promise<void> {
  for (let kill = 0; kill < kills; kill += 1) {
    const share = Math.floor((wanted * (kill + 1)) / (kills + 2));
    await until(() => followers.every(({ news }) => news.length >= share));
    const at = kill % servers.length;
    servers[at]?.kill('SIGKILL');
    await servers[at]?.exited;
    servers[at] = await start();
  }
}

async function until(isSo: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + messageMsMax;
  while (!isSo()) {
    if (performance.now() > deadlineMs) throw new Error('the followers are told nothing new');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
