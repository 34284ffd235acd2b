import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { claimCheck } from '../../src/commands/check-claim.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { claimMsMax } from '../../src/store/session-store.ts';
import type { Store } from '../../src/store/store.ts';
import { password } from '../support/people.ts';
import { openSignIns } from '../support/sessions.ts';
import { openEmptyDatabase, stores } from '../support/stores.ts';

const claimMs = 5_000;

/** The store of a server that dies when it has checked a right password: its claim is the last that anybody hears. */
function death() {
  let isDead = false;
  let diedAt: (() => void) | undefined;
  const hasDied = new Promise<void>((resolve) => {
    diedAt = resolve;
  });
  const never = new Promise<never>(() => undefined);
  const dying = (store: Store): Store => ({
    ...store,
    claimCheck: (claim) => (isDead ? never : store.claimCheck(claim)),
    append: (change) => {
      if (change.events[0]?.type !== 'user.human.password.check.succeeded') return store.append(change);
      isDead = true;
      diedAt?.();
      return never;
    },
  });
  return { dying, hasDied };
}

test.each(
  stores.map(([kind]) => kind),
)('a server that dies in the middle of a check holds up its user for five seconds, on %s', async (kind) => {
  await using cleanup = new AsyncDisposableStack();
  const { database } = cleanup.use(await openEmptyDatabase(kind));
  const { dying, hasDied } = death();
  const first = cleanup.use(await openSignIns({ database, wrapStore: dying }));
  let looks = 0;
  const counting = (store: Store): Store => ({
    ...store,
    claimCheck(claim) {
      looks += 1;
      return store.claimCheck(claim);
    },
  });
  const second = cleanup.use(await openSignIns({ database, wrapStore: counting }));
  const userId = await first.server.people.user({ organization: 'home' });
  second.server.clock.nowMs = first.server.clock.nowMs;
  void first.signIn(userId).catch(() => undefined);
  await hasDied;

  let answered = false;
  const waiting = second.signIn(userId).finally(() => {
    answered = true;
  });
  second.server.clock.nowMs += claimMs - 1;
  for (const seen = looks; looks < seen + 5; ) await delay(5);
  expect(answered).toBe(false);
  second.server.clock.nowMs += 1;
  expect((await waiting).code).toBe('OK');
});

test.each(
  stores.map(([kind]) => kind),
)('a server that dies with its clock ahead holds up nobody until that time comes, on %s', async (kind) => {
  await using cleanup = new AsyncDisposableStack();
  const { database } = cleanup.use(await openEmptyDatabase(kind));
  const { dying, hasDied } = death();
  const first = cleanup.use(await openSignIns({ database, wrapStore: dying }));
  const second = cleanup.use(await openSignIns({ database }));
  const userId = await first.server.people.user({ organization: 'home' });
  second.server.clock.nowMs = first.server.clock.nowMs;
  first.server.clock.nowMs += 3_600_000;
  void first.signIn(userId).catch(() => undefined);
  await hasDied;
  expect((await second.signIn(userId)).code).toBe('OK');
});

test('a server that dies when a right password is on disk leaves the session that goes with it', async () => {
  await using cleanup = new AsyncDisposableStack();
  const { database } = cleanup.use(await openEmptyDatabase('sqlite'));
  const recorded = Promise.withResolvers<string>();
  const dying = (store: Store): Store => ({
    ...store,
    async append(change) {
      const outcome = await store.append(change);
      const [event] = change.events;
      if (event?.type !== 'user.human.password.check.succeeded') return outcome;
      recorded.resolve(event.payload.sessionId ?? '');
      return new Promise(() => undefined);
    },
  });
  const first = cleanup.use(await openSignIns({ database, wrapStore: dying }));
  const second = cleanup.use(await openSignIns({ database }));
  const userId = await first.server.people.user({ organization: 'home' });
  void first.signIn(userId).catch(() => undefined);
  const record = await second.server.app.store.loadSession(await recorded.promise);
  expect(record?.session).toMatchObject({
    sequence: 1,
    user: { userId, sequence: record?.owner?.user.sequence },
  });
});

test('renewals that the store leaves unanswered do not pile up for the check to wait for', async () => {
  let asked = 0;
  const stuck = (store: Store): Store => ({
    ...store,
    async claimCheck(claim) {
      if (claim.until <= claim.nowMs) return store.claimCheck(claim);
      asked += 1;
      if (asked > 1) await delay(4_000);
      return store.claimCheck(claim);
    },
    async append(change) {
      if (change.events[0]?.type === 'user.human.password.check.succeeded') await delay(3_500);
      return store.append(change);
    },
  });
  await using fixture = await openSignIns({ wrapStore: stuck });
  const userId = await fixture.server.people.user({ organization: 'home' });
  expect((await fixture.signIn(userId)).code).toBe('OK');
  expect(asked).toBe(2);
}, 15_000);

test('a check that takes long is not taken over meanwhile', async () => {
  await using cleanup = new AsyncDisposableStack();
  const { database } = cleanup.use(await openEmptyDatabase('sqlite'));
  const until: number[] = [];
  const slow = (store: Store): Store => ({
    ...store,
    async claimCheck(claim) {
      const isGranted = await store.claimCheck(claim);
      if (isGranted && claim.until > claim.nowMs) until.push(claim.until);
      return isGranted;
    },
    async append(change) {
      if (change.events[0]?.type === 'user.human.password.check.succeeded') {
        first.server.clock.nowMs += claimMs - 1;
        while (until.length < 2) await delay(10);
      }
      return store.append(change);
    },
  });
  const first = cleanup.use(await openSignIns({ database, wrapStore: slow }));
  const userId = await first.server.people.user({ organization: 'home' });
  const startedMs = first.server.clock.nowMs;
  expect((await first.signIn(userId)).code).toBe('OK');
  expect(until).toEqual([startedMs + claimMs, startedMs + 2 * claimMs - 1]);
});

test('a password checked before a lock is not made fresh by a look at the user after its end', async () => {
  let interrupt: (() => Promise<void>) | undefined;
  // A lock and its end come when the session has been looked at; of two transactions at once, the one that ends
  // sessions may miss a row that the other is about to write.
  const interrupted = (store: Store): Store => ({
    ...store,
    async loadSession(sessionId) {
      const record = await store.loadSession(sessionId);
      const act = interrupt;
      interrupt = undefined;
      if (act === undefined || record === undefined) return record;
      await act();
      await store.addSession(record.session);
      return record;
    },
  });
  await using fixture = await openSignIns({ wrapStore: interrupted });
  const { people } = fixture.server;
  const userId = await people.user({ organization: 'home' });
  const { sessionId = '', sessionToken = '' } = (await fixture.signIn(userId, password)).response;
  interrupt = async () => {
    for (const action of ['lock', 'unlock'] as const) await people.act(userId, action);
  };
  const checks = { user: { userId } };
  const set = await fixture.door.ask('SetSession', { sessionId, sessionToken, checks });
  expect(set.code).toBe('NotFound');
  expect((await fixture.look({ sessionId, sessionToken })).code).toBe('NotFound');
});

test('who hangs up while waiting for a check gets none, and keeps nobody waiting', async () => {
  const count = 100;
  let claims = 0;
  const allAreThere = Promise.withResolvers<void>();
  // All begin at once, however long they take to arrive: else the first were through before the last came.
  const together = (store: Store): Store => ({
    ...store,
    async claimCheck(claim) {
      if (claim.until > claim.nowMs) {
        claims += 1;
        if (claims === count) allAreThere.resolve();
        await allAreThere.promise;
      }
      return store.claimCheck(claim);
    },
  });
  await using fixture = await openSignIns({ wrapStore: together });
  const { people, url, app } = fixture.server;
  const users = await Promise.all(Array.from({ length: count }, () => people.user({ organization: 'home' })));
  const authorization = `Bearer ${await people.caller({ organization: 'home', roles: ['IAM_LOGIN_CLIENT'] })}`;
  const attempts = async () => {
    const found = await Promise.all(users.map((userId) => app.store.loadUser(userId as never)));
    return found.filter((user) => user?.failedPasswordAttempts === 1).length;
  };
  const caller = new AbortController();
  const calls = users.map((userId) => {
    const checks = { user: { userId }, password: { password: 'wrong horse' } };
    const headers = { authorization, 'content-type': 'application/json' };
    const body = JSON.stringify({ checks });
    return fetch(`${url}/v2/sessions`, { method: 'POST', headers, body, signal: caller.signal });
  });
  await allAreThere.promise;
  const before = await attempts();
  caller.abort();
  await Promise.allSettled(calls);
  expect((await fixture.signIn(await people.user({ organization: 'home' }))).code).toBe('OK');
  // Those that threads were busy with, and those that were recorded while this looked.
  expect(await attempts()).toBeLessThan(before + 20);
  expect(before + 20).toBeLessThan(users.length);
});

test('a claim that others hold for none, because the clock was set back, is not held', async () => {
  await using fixture = await openSignIns();
  const { app, clock, people } = fixture.server;
  const userId = (await people.user({ organization: 'home' })) as UserId;
  const user = await app.store.loadUser(userId);
  if (user === undefined) throw new Error('no user');
  await using claim = await claimCheck(app, user);
  expect(await claim?.holds()).toBe(true);
  clock.nowMs -= 2 * claimMsMax;
  const { nowMs } = clock;
  const { sequence } = user;
  const others = { userId, sequence, holder: 'another server', nowMs, until: nowMs + claimMs };
  expect(await app.store.claimCheck(others)).toBe(true);
  expect(await claim?.holds()).toBe(false);
});
