import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sweepAttempts } from '../../src/commands/attempts/settle.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import { runHere } from '../cli/run-cli.ts';
import { openSignIns, type SignInFixture, setPolicy } from '../support/sessions.ts';
import { stores } from '../support/stores.ts';

const gone =
  'Attempt could not be found: it was ended, or has failed because it was not ended in time (LATCH-att0v3r1)';
const locked = 'User is locked (COMMAND-SFA3t)';

describe.each(stores.map(([kind]) => kind))('attempts of an application, on %s', (kind) => {
  let fixture: SignInFixture;
  let count = 0;
  beforeAll(async () => {
    fixture = await openSignIns({ store: kind });
  });
  afterAll(async () => {
    const { problems } = await verify(fixture.server.app.store);
    expect(problems).toEqual([]);
    await fixture[Symbol.asyncDispose]();
  });

  const ask: SignInFixture['door']['ask'] = (...asked) => fixture.door.ask(...asked);
  const fresh = () => {
    count += 1;
    return fixture.server.people.user({ organization: 'home', userId: `user-${count}` });
  };
  const begin = (userId: string, more: JsonObject = {}) => ask('BeginAttempt', { userId, ...more });
  const end = (attemptId: unknown, outcome: string, more: JsonObject = {}) =>
    ask('EndAttempt', { attemptId: String(attemptId), outcome: `OUTCOME_${outcome}`, ...more });
  const attempt = async (userId: string, outcome: string, more: JsonObject = {}) => {
    const begun = await begin(userId);
    return end(begun.response.attemptId, outcome, more);
  };
  const typesOf = async (userId: string) => {
    const { store } = fixture.server.app;
    const events = await store.listEvents({ afterPosition: 0, limit: 1000, userId: userId as never });
    return events.map(({ type }) => type).slice(1);
  };
  const stateOf = async (userId: string) => (await fixture.server.app.store.loadUser(userId as never))?.state;

  test('a history says that the policy locked, not the application that told of the failure', async () => {
    const userId = await fresh();
    for (let time = 0; time < 5; time += 1) await attempt(userId, 'FAILED');
    const token = await fixture.server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
    const where = ['--url', fixture.server.url, '--token', token];
    const { stdout } = await runHere(['user', 'history', userId, ...where]);
    expect(stdout).toMatch(/ user\.locked +policy:lockout /);
    expect(stdout).toMatch(/ user\.human\.password\.check\.failed +\S+@home\.example /);
  });

  test('failures count down to a lock, which is told; whoever unlocks gives fresh attempts', async () => {
    const userId = await fresh();
    expect((await begin(userId)).response).toEqual({
      attemptId: expect.stringMatching(/^[\w-]{24}$/),
      expires: new Date(fixture.server.clock.nowMs + 30_000).toISOString(),
      attemptsLeft: 5,
    });
    fixture.server.clock.nowMs += 30_000;
    for (const left of [3, 2, 1]) {
      expect((await attempt(userId, 'FAILED')).response).toEqual({ attemptsLeft: left });
    }
    expect((await attempt(userId, 'FAILED')).response).toEqual({
      attemptsLeft: 0,
      lock: expect.objectContaining({
        ...{ userId, loginName: `${userId}@home.example`, cause: 'LOCK_CAUSE_POLICY', failedAttempts: 5 },
      }),
    });
    expect(await begin(userId)).toMatchObject({ code: 'FailedPrecondition', message: locked });
    await ask('UnlockUser', { userId });
    expect((await begin(userId)).response.attemptsLeft).toBe(5);
    expect(await typesOf(userId)).toEqual([
      ...Array.from({ length: 5 }, () => 'user.human.password.check.failed'),
      'user.locked',
      'user.unlocked',
    ]);
  });

  test('a success clears the count and makes the device known', async () => {
    const userId = await fresh();
    for (let time = 0; time < 4; time += 1) await attempt(userId, 'FAILED');
    const { response } = await attempt(userId, 'SUCCEEDED');
    expect(response).toEqual({ attemptsLeft: 5, deviceToken: expect.stringMatching(/^[\w-]+\.[\w-]{43}$/) });
    for (let time = 0; time < 5; time += 1) await attempt(userId, 'FAILED');
    expect((await begin(userId)).message).toBe(locked);
    const known = await begin(userId, { deviceToken: String(response.deviceToken) });
    expect(known.response.attemptsLeft).toBe(5);
    expect((await end(known.response.attemptId, 'SUCCEEDED')).response.attemptsLeft).toBe(5);
  });

  test('whoever is next waits for the end of the one before, and sees what came of it', async () => {
    const userId = await fresh();
    const first = await begin(userId);
    const second = begin(userId);
    await end(first.response.attemptId, 'FAILED');
    expect((await second).response.attemptsLeft).toBe(4);
    await end((await second).response.attemptId, 'SUCCEEDED');
  });

  test('an attempt that nobody ends has failed once its time is over, once', async () => {
    const userId = await fresh();
    const first = await begin(userId);
    fixture.server.clock.nowMs += 29_999;
    await sweepAttempts(fixture.server.app);
    expect(await typesOf(userId)).toEqual([]);
    fixture.server.clock.nowMs += 1;
    await Promise.all([1, 2, 3].map(() => sweepAttempts(fixture.server.app)));
    expect(await typesOf(userId)).toEqual(['user.human.password.check.failed']);
    expect((await end(first.response.attemptId, 'SUCCEEDED')).message).toBe(gone);
    const second = await begin(userId);
    expect(second.response.attemptsLeft).toBe(4);
    fixture.server.clock.nowMs += 30_000;
    expect((await end(second.response.attemptId, 'SUCCEEDED')).message).toBe(gone);
    expect((await begin(userId)).response.attemptsLeft).toBe(3);
  });

  test('an attempt is ended once, whoever asks, and however often at once', async () => {
    const userId = await fresh();
    const { response } = await begin(userId);
    const ends = await Promise.all(Array.from({ length: 10 }, () => end(response.attemptId, 'FAILED')));
    expect(ends.map(({ code }) => code).sort()).toEqual([...Array(9).fill('NotFound'), 'OK']);
    expect(await typesOf(userId)).toEqual(['user.human.password.check.failed']);
    expect((await end('guessed', 'SUCCEEDED')).message).toBe(gone);
  });

  test('a thousand abandoned attempts open nothing', async () => {
    const userId = await fresh();
    let wasLocked = false;
    for (let time = 0; time < 1_000 && !wasLocked; time += 1) {
      const begun = await begin(userId);
      wasLocked = begun.message === locked;
      if (!wasLocked) await end(begun.response.attemptId, 'ABANDONED');
    }
    expect(await typesOf(userId)).toEqual([
      ...Array(5).fill('user.attempt.abandoned'),
      ...Array(5).fill('user.human.password.check.failed'),
      'user.locked',
    ]);
    await ask('UnlockUser', { userId });
    expect((await attempt(userId, 'ABANDONED')).response).toEqual({ attemptsLeft: 5 });
  });

  test('the same wrong password counts once where the application says that it is the same', async () => {
    const userId = await fresh();
    const digest = (byte: number) => ({ repeatDigest: Buffer.alloc(16, byte).toString('base64') });
    expect((await attempt(userId, 'FAILED', digest(1))).response).toEqual({ attemptsLeft: 4 });
    expect((await attempt(userId, 'FAILED', digest(1))).response).toEqual({ attemptsLeft: 4 });
    expect((await attempt(userId, 'FAILED', digest(2))).response).toEqual({ attemptsLeft: 3 });
    expect((await attempt(userId, 'FAILED')).response).toEqual({ attemptsLeft: 2 });
    for (const length of [1, 15, 65]) {
      const repeatDigest = Buffer.alloc(length).toString('base64');
      expect((await end('any', 'FAILED', { repeatDigest })).message).toBe(
        'repeat_digest: must be 16 to 64 bytes long',
      );
    }
  });

  test.each(['LockUser', 'DeactivateUser'] as const)('%s meanwhile: nobody is let in', async (method) => {
    const userId = await fresh();
    const first = await begin(userId);
    await ask(method, { userId });
    const ended = await end(first.response.attemptId, 'SUCCEEDED');
    expect(ended).toMatchObject({ ok: false, code: 'FailedPrecondition' });
    expect(await typesOf(userId)).toEqual([method === 'LockUser' ? 'user.locked' : 'user.deactivated']);
    expect((await begin(userId)).code).toBe('FailedPrecondition');
  });

  test('a lock that came and went meanwhile has ended what the application found out before', async () => {
    const userId = await fresh();
    const first = await begin(userId);
    await ask('LockUser', { userId });
    await ask('UnlockUser', { userId });
    expect(await end(first.response.attemptId, 'SUCCEEDED')).toMatchObject({ code: 'Aborted' });
    expect((await begin(userId)).response.attemptsLeft).toBe(5);
  });

  test('what else moves the user meanwhile does not lose the failure, and lets nobody in between', async () => {
    const userId = await fresh();
    const first = await begin(userId);
    await ask('PasswordReset', { userId, returnCode: {} });
    const second = begin(userId);
    const early = await Promise.race([second, new Promise((resolve) => setTimeout(resolve, 100, 'waits'))]);
    expect(early).toBe('waits');
    expect((await end(first.response.attemptId, 'FAILED')).response).toEqual({ attemptsLeft: 4 });
    expect((await second).response.attemptsLeft).toBe(4);
  });

  test('whoever gets a deleted id inherits no attempt', async () => {
    const userId = await fresh();
    const first = await begin(userId);
    await ask('LockUser', { userId });
    await fixture.server.people.act(userId, 'delete');
    fixture.server.clock.nowMs += 1;
    await fixture.server.people.user({ organization: 'home', userId });
    expect((await end(first.response.attemptId, 'FAILED')).ok).toBe(false);
    expect((await begin(userId)).response.attemptsLeft).toBe(5);
  });

  test('failures of one address end what anybody may begin from there', async () => {
    await setPolicy(fixture, { addressFailuresMax: 3 });
    const at = { ip: '192.0.2.9' };
    const people = await Promise.all([fresh(), fresh(), fresh(), fresh()]);
    for (const userId of people.slice(0, 3)) {
      await end((await begin(userId, at)).response.attemptId, 'FAILED');
    }
    const refused = await begin(people[3] ?? '', at);
    expect(refused).toMatchObject({ code: 'ResourceExhausted' });
    expect(refused.message).toContain('LATCH-addrfa1l');
    expect((await begin(people[3] ?? '', { ip: '192.0.2.10' })).ok).toBe(true);
    await setPolicy(fixture, {});
  });

  test('a locked, an inactive and an unknown user, a machine: none is tried, and who may read is told why', async () => {
    const inactive = await fixture.server.people.user({ organization: 'home', state: 'inactive' });
    const machine = await fixture.server.people.user({ organization: 'home', kind: 'machine' });
    expect((await begin(inactive)).message).toBe('Errors.User.NotActive (SESSION-Gj4ko)');
    expect((await begin('nobody')).message).toBe('User could not be found (LATCH-us3rnf0d)');
    expect((await begin(machine)).message).toBe('Only a human user has a password (LATCH-pwmach1n)');
    expect((await ask('BeginAttempt', { loginName: 'nobody@home.example' })).code).toBe('NotFound');
    expect((await ask('BeginAttempt', {})).code).toBe('InvalidArgument');
    expect((await begin(inactive, { ip: 'somewhere' })).message).toBe('ip: must be an IP address');
    expect((await begin(inactive, { createMissing: true })).message).toBe(
      'create_missing: must stand beside external_id',
    );
    expect((await end('any', 'UNSPECIFIED')).message).toBe(
      'outcome: must be OUTCOME_SUCCEEDED, OUTCOME_FAILED or OUTCOME_ABANDONED',
    );
  });

  test('a timed lock says when to come again', async () => {
    await setPolicy(fixture, { maxPasswordAttempts: 1, lockSeconds: 60 });
    const userId = await fresh();
    await attempt(userId, 'FAILED');
    const refused = await begin(userId);
    expect(refused.message).toBe(locked);
    expect(refused.details.at(-1)).toMatchObject({ retryDelay: '60s' });
    fixture.server.clock.nowMs += 60_000;
    expect((await begin(userId)).response.attemptsLeft).toBe(1);
    await setPolicy(fixture, {});
  });

  test('an external id alone makes a user, once, who is listed and locked like any other', async () => {
    const who = { externalId: 'customer 42', organizationId: 'home' };
    expect((await ask('BeginAttempt', who)).code).toBe('NotFound');
    const first = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const begun = await ask('BeginAttempt', { ...who, createMissing: true });
        return end(begun.response.attemptId, 'FAILED');
      }),
    );
    expect(first.filter(({ ok }) => ok)).toHaveLength(5);
    const method = 'TEXT_QUERY_METHOD_EQUALS';
    const listed = await ask('ListUsers', {
      queries: [{ externalIdQuery: { externalId: 'customer 42', method } }],
    });
    const [user, ...others] = listed.response.result as JsonObject[];
    expect(others).toEqual([]);
    expect(user).toMatchObject({ state: 'USER_STATE_LOCKED', externalId: 'customer 42' });
    expect(user).not.toHaveProperty('human');
    expect(user).not.toHaveProperty('machine');
    const userId = String(user?.userId);
    expect(await stateOf(userId)).toBe('locked');
    await ask('UnlockUser', { userId });
    expect((await ask('BeginAttempt', who)).response.attemptsLeft).toBe(5);
    // Elsewhere it is another user's.
    const abroad = { ...who, organizationId: 'abroad', createMissing: true };
    expect((await ask('BeginAttempt', abroad)).ok).toBe(true);
    const external = await ask('ListUsers', { queries: [{ typeQuery: { type: 'TYPE_EXTERNAL' } }] });
    expect(external.response.result).toHaveLength(2);
    expect((await ask('SetPassword', { userId, newPassword: { password: 'next' } })).ok).toBe(false);
    expect((await ask('UpdateUser', { userId, machine: { name: 'mine' } })).ok).toBe(false);
  });
});
