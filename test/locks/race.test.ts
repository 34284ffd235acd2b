import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseUserId } from '../../src/domain/ids.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import type { Answer } from '../support/answer.ts';
import { type Clients, dialects, openClients } from '../support/dialects/all.ts';
import type { MethodName } from '../support/methods.ts';
import { pick, seededRandom } from '../support/random.ts';
import { repetitions } from '../support/repetitions.ts';
import { historyOf, replay } from '../support/replay.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';

/** Those that carry every method: a body of RPC finds no REST URL that takes DELETE. */
const everywhere = dialects.filter(({ frame, url }) => frame === 'rest' || url === 'rpc');

const actions = {
  LockUser: 'user.locked',
  UnlockUser: 'user.unlocked',
  DeactivateUser: 'user.deactivated',
  ReactivateUser: 'user.reactivated',
  DeleteUser: 'user.removed',
} as const;
type Action = keyof typeof actions;

const rounds = repetitions({ few: 10, many: 100 });

describe.each(stores)('on %s', (store) => {
  let server: TestServer;
  let clients: Clients;
  let token: string;

  beforeAll(async () => {
    server = await startServer({ store, flags: ['--lockout-attempts', '5'] });
    clients = openClients(server.url);
    await server.people.organization('acme');
    token = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
  });
  afterAll(async () => {
    await clients[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  /** The nth caller speaks the nth dialect. */
  function ask(nth: number, method: MethodName, message: Parameters<Clients['ask']>[1]['message']) {
    const dialect = pickNth(nth, method === 'DeleteUser' ? everywhere : dialects);
    return clients.ask(dialect, { method, message, token });
  }

  const inParallel = (count: number, call: (nth: number) => Promise<Answer>): Promise<Answer[]> =>
    Promise.all(Array.from({ length: count }, (_none, nth) => call(nth)));

  const expectSound = async () => expect(await verify(server.app.store)).toMatchObject({ problems: [] });

  test(`of 64 unlocks at once, over all dialects, one wins; ${rounds} times`, async () => {
    const userId = await server.people.user({ organization: 'acme', kind: 'machine' });
    for (let round = 0; round < rounds; round += 1) {
      await server.people.act(userId, 'lock');
      const answers = await inParallel(64, (nth) => ask(nth + round, 'UnlockUser', { userId }));
      expect(tally(answers)).toEqual({ OK: 1, 'User is not locked (COMMAND-olb9vb0oca)': 63 });
      const won = answers.find(({ ok }) => ok)?.response.details;
      expect(won).toMatchObject({ sequence: String(3 + 2 * round) });
    }
    const types = (await historyOf(server.app.store, userId)).map(({ type }) => type);
    expect(types).toEqual([
      'user.machine.added',
      ...Array.from({ length: rounds }, () => ['user.locked', 'user.unlocked']).flat(),
    ]);
    await expectSound();
  }, 180_000);

  test('32 clients lock, unlock, deactivate, reactivate and delete as they like', async () => {
    const userIds = ['storm-1', 'storm-2', 'storm-3'];
    for (const userId of userIds) await server.people.user({ organization: 'acme', kind: 'machine', userId });
    const acknowledged: string[] = [];
    const storm = async (nth: number) => {
      const random = seededRandom(nth);
      for (let turn = 0; turn < 60; turn += 1) {
        const [userId, action] = [pick(random, userIds), pick(random, Object.keys(actions) as Action[])];
        // A deletion is for good but for the next creation; without few of them nothing else would happen.
        const method = action === 'DeleteUser' && random() < 0.7 ? 'CreateUser' : action;
        const message =
          method === 'CreateUser'
            ? { userId, organizationId: 'acme', machine: { name: 'Storm' } }
            : { userId };
        const answer = await ask(nth + turn, method, message);
        expect(['OK', 'FailedPrecondition', 'NotFound', 'Aborted', 'AlreadyExists']).toContain(answer.code);
        if (!answer.ok || method === 'CreateUser') continue;
        const { sequence } = answer.response.details as { sequence: string };
        acknowledged.push(`${userId} ${sequence} ${actions[method]}`);
      }
    };
    await Promise.all(Array.from({ length: 32 }, (_none, nth) => storm(nth)));

    const recorded: string[] = [];
    for (const userId of userIds) {
      const events = await historyOf(server.app.store, userId);
      expect(replay(events)).toBe((await server.app.store.loadUser(parseUserId(userId)))?.state);
      const changes = events.filter(({ type }) => type !== 'user.machine.added');
      recorded.push(...changes.map(({ sequence, type }) => `${userId} ${sequence} ${type}`));
    }
    // Each acknowledged change is one event, and no event is without its acknowledgement.
    expect(recorded.toSorted()).toEqual(acknowledged.toSorted());
    expect(new Set(recorded.map((line) => line.split(' ')[2])).size).toBe(5);
    await expectSound();
  }, 180_000);

  test('of 64 changes of every kind at once, the history is one that the table allows', async () => {
    const methods = ['UnlockUser', 'LockUser', 'DeactivateUser', 'DeleteUser'] as const;
    for (let round = 0; round < 10; round += 1) {
      const userId = await server.people.user({ organization: 'acme', kind: 'machine', state: 'locked' });
      const answers = await inParallel(64, (nth) =>
        ask(nth, pick(seededRandom(round * 64 + nth), methods), { userId }),
      );
      const events = await historyOf(server.app.store, userId);
      expect(replay(events)).toBe('deleted');
      expect(events.length).toBe(2 + answers.filter(({ ok }) => ok).length);
    }
    await expectSound();
  });

  test('of 40 creations of one id, and of one name in several forms, one wins', async () => {
    const machine = { name: 'Twin' };
    const ofId = await inParallel(40, (nth) =>
      ask(nth, 'CreateUser', { organizationId: 'acme', userId: 'twin', username: `twin-${nth}`, machine }),
    );
    const names = ['Jörg', 'JÖRG', 'jo\u0308rg', 'ｊörg'];
    const ofName = await inParallel(40, (nth) =>
      ask(nth, 'CreateUser', { organizationId: 'acme', username: names[nth % 4] ?? '', machine }),
    );
    expect([ofId, ofName].map((answers) => answers.filter(({ ok }) => ok).length)).toEqual([1, 1]);
    const lost = [...ofId, ...ofName].filter(({ ok }) => !ok);
    expect(new Set(lost.map(({ code }) => code))).toEqual(new Set(['AlreadyExists']));
    await expectSound();
  });

  test('100 wrong passwords at once: five are counted, the fifth locks, once', async () => {
    const userId = await server.people.user({ organization: 'acme' });
    const answers = await inParallel(100, (nth) =>
      ask(nth, 'SetPassword', { userId, currentPassword: `guess ${nth}`, newPassword: { password: 'next' } }),
    );
    expect(answers.filter(({ ok }) => ok)).toEqual([]);
    const types = (await historyOf(server.app.store, userId)).map(({ type }) => type);
    expect(types.slice(1)).toEqual([...Array(5).fill('user.human.password.check.failed'), 'user.locked']);
    await expectSound();
    // Each of the hundred takes the time of a check, one after the other.
  }, 120_000);

  test('a token is refused by every call that begins after the lock of its owner was answered', async () => {
    const owner = await server.people.user({ organization: 'acme', kind: 'machine' });
    await server.people.grant(owner, 'IAM_OWNER');
    const target = await server.people.user({ organization: 'acme', kind: 'machine' });
    const stolen = await server.people.token(owner);
    let isLocked = false;
    const after: Answer[] = [];
    const use = async (nth: number) => {
      for (let turn = 0; turn < 20; turn += 1) {
        const begunLocked = isLocked;
        const dialect = pickNth(nth + turn, dialects);
        const method = turn % 2 === 0 ? 'LockUser' : 'UnlockUser';
        const answer = await clients.ask(dialect, { method, message: { userId: target }, token: stolen });
        if (begunLocked) after.push(answer);
      }
    };
    const users = Array.from({ length: 16 }, (_none, nth) => use(nth));
    await ask(0, 'LockUser', { userId: owner });
    isLocked = true;
    await Promise.all(users);
    expect(after.length).toBeGreaterThan(100);
    expect(tally(after)).toEqual({ 'Errors.Token.Invalid (AUTH-7fs1e)': after.length });
    await expectSound();
  });
});

function pickNth<Value>(nth: number, from: readonly Value[]): Value {
  const one = from[nth % from.length];
  if (one === undefined) throw new Error('nothing to pick from');
  return one;
}

function tally(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { message, code } of answers) {
    const outcome = message || code;
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}
