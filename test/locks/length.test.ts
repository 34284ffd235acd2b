import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decideFailure } from '../../src/domain/attempt.ts';
import type { OrganizationId, UserId } from '../../src/domain/ids.ts';
import { defaultPolicy, policyMax } from '../../src/domain/lockout-policy.ts';
import type { User } from '../../src/domain/user.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import { dialects, openClients } from '../support/dialects/all.ts';
import { openDoor } from '../support/door.ts';
import { execute } from '../support/execute.ts';
import { openSignIns, setPolicy } from '../support/sessions.ts';
import { startServer } from '../support/start-server.ts';
import { openEmptyDatabase, stores } from '../support/stores.ts';

const nowMs = Date.UTC(2026, 0, 31);

/** Somebody whom the policy has locked this often, one wrong password before the next time. */
const lockedOften = (policyLocks: number): User => ({
  userId: 'often' as UserId,
  organizationId: 'home' as OrganizationId,
  kind: 'human',
  state: 'active',
  sequence: 7,
  createdAt: nowMs,
  changedAt: nowMs,
  failedPasswordAttempts: 0,
  lockout: { policyLocks },
  tokensEndedSequence: 0,
  grants: [],
});

const seconds = fc.oneof(fc.constantFrom(0, 1), fc.integer({ min: 0, max: policyMax.lockSeconds }));
const policies = fc.record({
  lockSeconds: seconds,
  lockGrowth: fc.integer({ min: 1, max: policyMax.lockGrowth }),
  lockSecondsMax: seconds,
});

describe('a lock by the policy', () => {
  test('has no end, or one that is a whole number in the future: every policy, after up to 2,000 locks', () => {
    const property = fc.property(policies, fc.integer({ min: 0, max: 2_000 }), (lengths, locks) => {
      const policy = { ...defaultPolicy, maxPasswordAttempts: 1, ...lengths };
      const [, locked] = decideFailure(lockedOften(locks), policy, { nowMs, deviceId: undefined });
      if (locked?.type !== 'user.locked') throw new Error('not locked');
      if (lengths.lockSeconds === 0) expect(locked.payload).not.toHaveProperty('until');
      else {
        expect(Number.isSafeInteger(locked.payload.until)).toBe(true);
        expect(locked.payload.until).toBeGreaterThan(nowMs);
      }
    });
    fc.assert(property, { numRuns: 2_000 });
  });

  test.each([
    [2, 1_024],
    [10, 309],
  ])('without length does not grow: %i times as long after %i locks', (lockGrowth, locks) => {
    const policy = { ...defaultPolicy, maxPasswordAttempts: 1, lockSeconds: 0, lockGrowth };
    const [, locked] = decideFailure(lockedOften(locks), policy, { nowMs, deviceId: undefined });
    expect(locked?.payload).toEqual({ cause: 'policy', failedAttempts: 1 });
  });
});

// The powers of these growths are beyond what a number holds.
describe.each(stores)('on %s, somebody whom a policy without length has locked very often', (store) => {
  test.each([
    [2, 1_024],
    [10, 309],
  ])('%i times as long after %i locks: is locked until somebody unlocks, over HTTP/1.1 and HTTP/2', async (lockGrowth, locks) => {
    await using empty = await openEmptyDatabase(store);
    const { database } = empty;
    await using signIns = await openSignIns({ database, flags: [] });
    await setPolicy(signIns, { maxPasswordAttempts: 1, lockSeconds: 0, lockGrowth });
    const { people, url } = signIns.server;
    const token = await people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
    await using clients = openClients(url);
    for (const name of [
      'REST, HTTP/1.1',
      'Connect JSON, HTTP/2',
      'gRPC proto, grpc-js',
      'gRPC-Web proto, HTTP/1.1',
    ]) {
      const dialect = dialects.find((one) => one.name === name);
      if (dialect === undefined) throw new Error(`bug: no dialect ${name}`);
      const userId = await people.user({ organization: 'home' });
      await execute(
        database,
        `UPDATE users SET lockout = '{"policyLocks":${locks}}' WHERE user_id = '${userId}'`,
      );
      expect(await signIns.signIn(userId, 'wrong')).toMatchObject({ ok: false });
      const ask = (method: 'GetLock' | 'UnlockUser') =>
        clients.ask(dialect, { method, message: { userId }, token });
      const shown = await ask('GetLock');
      expect(shown.response).toMatchObject({ lock: { cause: 'LOCK_CAUSE_POLICY' } });
      expect(shown.response).not.toHaveProperty('lock.until');
      expect(await ask('UnlockUser')).toMatchObject({ ok: true });
      expect(await signIns.signIn(userId)).toMatchObject({ ok: true });
    }
  });
});

// What a version wrote that multiplied 0 by Infinity: NaN, which is null in JSON.
describe.each(stores)('on %s, a lock whose end was written as null', (kind) => {
  test('is one until somebody unlocks: it is shown, listed, verified and ended', async () => {
    await using empty = await openEmptyDatabase(kind);
    const { database } = empty;
    {
      await using server = await startServer({ database });
      await server.people.organization('home');
      await server.people.user({ organization: 'home', userId: 'often', state: 'locked' });
    }
    await execute(
      database,
      `UPDATE users SET lockout = replace(lockout, '"cause"', '"until":null,"cause"') WHERE user_id = 'often'`,
    );
    await using server = await startServer({ database });
    await using door = openDoor(
      server.url,
      await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] }),
    );
    const shown = await door.ask('GetLock', { userId: 'often' });
    expect(shown.response).toMatchObject({ lock: { generation: '2' } });
    expect(shown.response).not.toHaveProperty('lock.until');
    const query = { stateQuery: { state: 'USER_STATE_LOCKED' } };
    expect((await door.ask('ListUsers', { queries: [query] })).response).toMatchObject({
      result: [{ userId: 'often' }],
    });
    expect(await verify(server.app.store)).toMatchObject({ problems: [] });
    expect(await door.ask('UnlockUser', { userId: 'often' })).toMatchObject({ ok: true });
  });
});
