import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { parseUserId } from '../../src/domain/ids.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import type { Store } from '../../src/store/store.ts';
import type { Answer } from '../support/answer.ts';
import { type Door, openDoor } from '../support/door.ts';
import { repetitions } from '../support/repetitions.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { openEmptyDatabase, stores } from '../support/stores.ts';

const [limit, attemptsAtOnce] = [5, 100];
const times = repetitions({ few: 3, many: 50 });

interface Pair extends AsyncDisposable {
  readonly first: TestServer;
  readonly doors: readonly [Door, Door];
}

/** Two servers on one database. */
async function openPair(store: 'sqlite' | 'postgres'): Promise<Pair> {
  await using resources = new AsyncDisposableStack();
  const { database } = resources.use(await openEmptyDatabase(store));
  const options = { database, flags: ['--lockout-attempts', String(limit)] };
  const first = resources.use(await startServer(options));
  const second = resources.use(await startServer(options));
  await first.people.organization('home');
  const token = await first.people.caller({ organization: 'home', roles: ['IAM_LOGIN_CLIENT'] });
  const doors = [
    resources.use(openDoor(first.url, token)),
    resources.use(openDoor(second.url, token)),
  ] as const;
  const all = resources.move();
  return { first, doors, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** An application that is told of a wrong password, at whichever server. */
async function attempt(doors: Pair['doors'], who: object, index: number): Promise<string> {
  const begun = await (doors[index % 2] as Door).ask('BeginAttempt', { ...who });
  if (!begun.ok) return begun.message;
  const end = { attemptId: String(begun.response.attemptId), outcome: 'OUTCOME_FAILED' };
  const ended = await (doors[(index >> 1) % 2] as Door).ask('EndAttempt', end);
  return ended.ok ? 'failed' : ended.message;
}

describe.each(stores)('two servers on one database, on %s', (store) => {
  test(`of ${attemptsAtOnce} attempts at once, as many are begun as the limit says, and one locks: ${times} times`, async () => {
    await using pair = await openPair(store);
    for (let time = 0; time < times; time += 1) {
      const userId = await pair.first.people.user({ organization: 'home', userId: randomUUID() });
      const answers = await Promise.all(
        Array.from({ length: attemptsAtOnce }, (_, index) => attempt(pair.doors, { userId }, index)),
      );
      expect(Object.groupBy(answers, (answer) => answer)).toEqual({
        failed: Array(limit).fill('failed'),
        'User is locked (COMMAND-SFA3t)': expect.any(Array),
      });
      const events = await pair.first.app.store.listEvents({
        ...{ afterPosition: 0, limit: 1000, userId: parseUserId(userId) },
      });
      expect(events.slice(1).map(({ type }) => type)).toEqual([
        ...Array(limit).fill('user.human.password.check.failed'),
        'user.locked',
      ]);
    }
    expect(await verify(pair.first.app.store)).toMatchObject({ problems: [] });
  }, 600_000);

  test('a server that stood still in a check of its own counts none beside an attempt', async () => {
    await using resources = new AsyncDisposableStack();
    const { database } = resources.use(await openEmptyDatabase(store));
    const flags = ['--lockout-attempts', String(limit)];
    const other = resources.use(await startServer({ database, flags }));
    await other.people.organization('home');
    const token = await other.people.caller({ organization: 'home', roles: ['IAM_LOGIN_CLIENT'] });
    const userId = await other.people.user({ organization: 'home' });
    const there = resources.use(openDoor(other.url, token));
    let begun: Promise<Answer> | undefined;
    // Between its claim and its check.
    const standingStill = (inner: Store): Store => ({
      ...inner,
      async claimCheck(claim) {
        const isGranted = await inner.claimCheck(claim);
        if (isGranted && claim.userId === userId && begun === undefined) {
          for (const { clock } of [other, still]) clock.nowMs += 6_000;
          begun = there.ask('BeginAttempt', { userId });
          await begun;
        }
        return isGranted;
      },
    });
    const still = resources.use(await startServer({ database, flags, wrapStore: standingStill }));
    const here = resources.use(openDoor(still.url, token));
    const checks = { user: { userId }, password: { password: 'wrong' } };
    const signIn = here.ask('CreateSession', { checks });
    while (begun === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    const { attemptId } = (await begun).response;
    // Long enough for the check that was under way.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const seen = () => other.app.store.loadUser(parseUserId(userId));
    expect((await seen())?.failedPasswordAttempts).toBe(0);
    expect(
      (await there.ask('EndAttempt', { attemptId: String(attemptId), outcome: 'OUTCOME_FAILED' })).ok,
    ).toBe(true);
    await signIn;
    expect((await seen())?.failedPasswordAttempts).toBe(2);
  }, 60_000);

  test('many who come at once by a new external id are one user', async () => {
    await using pair = await openPair(store);
    const who = { externalId: 'new here', organizationId: 'home', createMissing: true };
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => attempt(pair.doors, who, index)),
    );
    expect(answers.filter((answer) => answer === 'failed')).toHaveLength(limit);
    const { total } = await pair.first.app.store.listUsers({
      scope: 'all',
      filters: [{ kind: 'type', type: 'external' }],
      sort: 'user_name',
      page: { offset: 0, limit: 10, ascending: true },
    });
    expect(total).toBe(1);
  });

  test('what an attempt holds of its address is given back, whichever server ends it', async () => {
    await using pair = await openPair(store);
    const [here, there] = pair.doors;
    const owner = await pair.first.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
    await using door = openDoor(pair.first.url, owner);
    await door.ask('SetLockoutPolicy', { organizationId: 'home', policy: { maxAddressFailures: 1 } });
    const [one, other] = [
      await pair.first.people.user({ organization: 'home' }),
      await pair.first.people.user({ organization: 'home' }),
    ];
    const first = await here.ask('BeginAttempt', { userId: one, ip: '192.0.2.7' });
    const second = here.ask('BeginAttempt', { userId: other, ip: '192.0.2.7' });
    const early = await Promise.race([second, new Promise((resolve) => setTimeout(resolve, 200, 'waits'))]);
    expect(early).toBe('waits');
    const end = { attemptId: String(first.response.attemptId), outcome: 'OUTCOME_SUCCEEDED' };
    expect((await there.ask('EndAttempt', end)).ok).toBe(true);
    expect((await second).ok).toBe(true);
  });

  test('guesses at the password here and attempts of an application share one count', async () => {
    await using pair = await openPair(store);
    const userId = await pair.first.people.user({ organization: 'home' });
    const guess = (index: number) =>
      (pair.doors[index % 2] as Door).ask('CreateSession', {
        checks: { user: { userId }, password: { password: `wrong ${index}` } },
      });
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        index % 4 === 3 ? guess(index) : attempt(pair.doors, { userId }, index),
      ),
    );
    const events = await pair.first.app.store.listEvents({
      ...{ afterPosition: 0, limit: 1000, userId: parseUserId(userId) },
    });
    expect(events.slice(1).map(({ type }) => type)).toEqual([
      ...Array(limit).fill('user.human.password.check.failed'),
      'user.locked',
    ]);
  });
});
