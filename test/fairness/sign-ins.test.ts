import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { defaultPolicy } from '../../src/domain/lockout-policy.ts';
import { hashPassword } from '../../src/sign-in/password.ts';
import { leastSlowdown, repeatedly } from '../support/beside.ts';
import { password } from '../support/people.ts';
import { repetitions } from '../support/repetitions.ts';
import { openSignIns, type SignInFixture } from '../support/sessions.ts';

// The slowest of a hundred where there are as many. Of a few, the middle, on a machine that others use too: without turns
// each would wait for all of the flood, twenty times as long and more.
const part = repetitions({ few: 0.5, many: 0.99 });
const slowdownMax = repetitions({ few: 8, many: 3 });
const rounds = repetitions({ few: 1, many: 10 });
const asks = repetitions({ few: 6, many: 20 });

let fixture: SignInFixture;
let owner: string;
let usual: string;
let dear: string;
let nth = 0;

beforeAll(async () => {
  fixture = await openSignIns({ flags: ['--imported-hash-cost-max', '34'] });
  owner = await fixture.server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
  const { store, newId, now } = fixture.server.app;
  usual = await hashPassword(password);
  // bcryptjs, cost 12, of the same password.
  dear = await dearHash(12);
  const at = { createdAt: now(), eventId: newId() };
  const policy = { ...defaultPolicy, maxPasswordAttempts: 0, addressFailuresMax: 0, knownDevices: false };
  await store.changeLockoutPolicy({ organizationId: undefined, before: undefined, policy, at, meta: {} });
}, 60_000);
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});

async function dearHash(cost: number): Promise<string> {
  const { default: bcrypt } = await import('bcryptjs');
  return bcrypt.hash(password, cost);
}

async function person(organizationId: string, hash: string): Promise<string> {
  nth += 1;
  const userId = `person-${nth}`;
  const answer = await fixture.door.ask(
    'CreateUser',
    {
      organizationId,
      userId,
      human: {
        profile: { givenName: 'Given', familyName: 'Family' },
        email: { email: `${userId}@mail.example`, isVerified: true },
        hashedPassword: { hash },
      },
    },
    owner,
  );
  if (!answer.ok) throw new Error(answer.message);
  return userId;
}

const from = (ip: string) => ({ userAgent: { ip } });

describe('others sign in beside', () => {
  // Wrong passwords: a right one makes a dear hash one of our own.
  test('an organization whose hashes are dear', async () => {
    const floods = await Promise.all(
      Array.from({ length: repetitions({ few: 8, many: 15 }) }, () => person('home', dear)),
    );
    const other = await person('abroad', usual);
    const options = {
      ask: async () => {
        expect(await fixture.signIn(other)).toMatchObject({ code: 'OK' });
      },
      flood: (signal: AbortSignal) =>
        repeatedly(floods.length, signal, (which) => fixture.signIn(floods[which] ?? '', 'wrong')),
      ...{ rounds, asks, leadMs: 100 },
    };
    expect(await leastSlowdown(options, { part, max: slowdownMax })).toBeLessThan(slowdownMax);
  }, 300_000);

  // Each of them once: a right password makes a dear hash one of our own.
  test('an organization whose people bring dear hashes and right passwords', async () => {
    const dearest = await dearHash(repetitions({ few: 12, many: 14 }));
    const other = await person('abroad', usual);
    let checked = 0;
    const options = {
      ask: async () => {
        expect(await fixture.signIn(other)).toMatchObject({ code: 'OK' });
      },
      flood: (signal: AbortSignal) =>
        repeatedly(repetitions({ few: 4, many: 15 }), signal, async () => {
          const { code } = await fixture.signIn(await person('home', dearest));
          // They wait for one another, on a slow machine longer than a call may take.
          expect(['OK', 'DeadlineExceeded']).toContain(code);
          if (code === 'OK') checked += 1;
        }),
      // What is under way at the end of a round is waited for.
      ...{ rounds: repetitions({ few: 1, many: 2 }), asks: repetitions({ few: 6, many: 60 }), leadMs: 100 },
    };
    expect(await leastSlowdown(options, { part, max: slowdownMax })).toBeLessThan(slowdownMax);
    expect(checked).toBeGreaterThan(0);
  }, 600_000);

  test('an organization of which many sign in at once', async () => {
    const floods = await Promise.all(
      Array.from({ length: repetitions({ few: 24, many: 40 }) }, () => person('home', usual)),
    );
    const other = await person('abroad', usual);
    const options = {
      ask: async () => {
        expect(await fixture.signIn(other)).toMatchObject({ code: 'OK' });
      },
      flood: (signal: AbortSignal) =>
        repeatedly(floods.length, signal, (which) => fixture.signIn(floods[which] ?? '')),
      ...{ rounds, asks, leadMs: 100 },
    };
    expect(await leastSlowdown(options, { part, max: slowdownMax })).toBeLessThan(slowdownMax);
  }, 300_000);

  test('an address that tries many names', async () => {
    const other = await person('abroad', usual);
    let name = 0;
    const guess = () => {
      name += 1;
      const checks = { user: { loginName: `nobody-${name}` }, password: { password: 'guess' } };
      return fixture.door.ask('CreateSession', { checks, ...from('203.0.113.9') });
    };
    const options = {
      ask: async () => {
        expect(await fixture.signIn(other, password, from('203.0.113.10'))).toMatchObject({ code: 'OK' });
      },
      flood: (signal: AbortSignal) => repeatedly(repetitions({ few: 24, many: 60 }), signal, guess),
      ...{ rounds, asks, leadMs: 100 },
    };
    expect(await leastSlowdown(options, { part, max: slowdownMax })).toBeLessThan(slowdownMax);
  }, 300_000);

  test('an organization that sets many passwords', async () => {
    const owner = await fixture.server.people.caller({
      organization: 'home',
      roles: [{ role: 'ORG_OWNER', organization: 'home' }],
    });
    const floods = await Promise.all(
      Array.from({ length: repetitions({ few: 24, many: 40 }) }, () => person('home', usual)),
    );
    const other = await person('abroad', usual);
    const set = (which: number) =>
      fixture.door.ask(
        'SetPassword',
        { userId: floods[which] ?? '', newPassword: { password: 'next' } },
        owner,
      );
    const options = {
      ask: async () => {
        expect(await fixture.signIn(other)).toMatchObject({ code: 'OK' });
      },
      flood: (signal: AbortSignal) => repeatedly(floods.length, signal, set),
      ...{ rounds, asks, leadMs: 100 },
    };
    expect(await leastSlowdown(options, { part, max: slowdownMax })).toBeLessThan(slowdownMax);
  }, 300_000);
});
