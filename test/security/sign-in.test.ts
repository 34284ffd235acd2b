import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { systemCaller } from '../../src/auth/caller.ts';
import { createUser } from '../../src/commands/create-user.ts';
import { DomainError } from '../../src/domain/errors.ts';
import { parseOrganizationId } from '../../src/domain/ids.ts';
import { hashPassword } from '../../src/sign-in/password.ts';
import type { Store } from '../../src/store/store.ts';
import { repetitions } from '../support/repetitions.ts';
import { notActive, openSignIns, type SignInFixture, wrongPassword } from '../support/sessions.ts';
import { type EmptyDatabase, openEmptyDatabase, stores } from '../support/stores.ts';

const password = 'a password of usual cost';
const rounds = repetitions({ few: 2, many: 50 });
/** The attacker has an address for each guess: none is refused for what it did before. */
let guesses = 0;
function from(): JsonObject {
  guesses += 1;
  return { userAgent: { ip: `10.${guesses >> 16}.${(guesses >> 8) & 255}.${guesses & 255}` } };
}

describe.each(stores.map(([kind]) => kind))('100 parallel wrong passwords on %s', (kind) => {
  const cleanup = new AsyncDisposableStack();
  let database: EmptyDatabase;
  const fixtures: SignInFixture[] = [];
  /** Whenever a server won the right to verify a password: itself, and the version of the user. */
  const verified = new Set<string>();
  let hash: string;

  // A claim with an end to come is a verification, or its renewal; others let go of one, or do as much work for nobody.
  const counting = (store: Store): Store => ({
    ...store,
    async claimCheck(claim) {
      const isGranted = await store.claimCheck(claim);
      if (isGranted && claim.until > claim.nowMs) verified.add(`${claim.holder} ${claim.sequence}`);
      return isGranted;
    },
  });

  beforeAll(async () => {
    hash = await hashPassword(password);
    database = cleanup.use(await openEmptyDatabase(kind));
    // A hundred checks, one after the other in the background of a busy machine: the deadline of a call is not what this is about.
    const flags = ['--lockout-attempts', '5', '--timeout-ms', '240000'];
    const options = { database: database.database, wrapStore: counting, flags };
    for (let nth = 0; nth < 2; nth += 1) fixtures.push(cleanup.use(await openSignIns(options)));
  });
  afterAll(async () => {
    await cleanup.disposeAsync();
  });

  async function victim(userId: string): Promise<void> {
    const [first] = fixtures;
    if (first === undefined) throw new Error('no server');
    const profile = { kind: 'human', givenName: 'G', familyName: 'F', emailVerified: true } as const;
    await createUser(first.server.app, systemCaller('operator'), {
      organization: { organizationId: parseOrganizationId('home') },
      userId,
      userName: userId,
      profile: { ...profile, email: `${userId}@mail.example` },
      password: { hash, changeRequired: false },
    });
  }

  test.each([
    ['one server', 1],
    ['two servers', 2],
  ])(
    `through %s, ${rounds} times: 5 are verified, and the user is locked once`,
    async (_, count) => {
      for (let round = 0; round < rounds; round += 1) {
        const userId = `victim-${count}-${round}`;
        await victim(userId);
        verified.clear();
        const answers = await Promise.all(
          Array.from({ length: 100 }, (_none, nth) =>
            (fixtures[nth % count] as SignInFixture).signIn(userId, `wrong ${nth}`, from()),
          ),
        );
        const told = answers.filter(({ message }) => message === wrongPassword);
        expect(told.map(({ details }) => details[0]?.failedAttempts).sort()).toEqual([1, 2, 3, 4, 5]);
        expect(verified.size).toBe(5);
        const others = new Set(answers.map(({ message }) => message));
        others.delete(wrongPassword);
        expect([...others].filter((message) => message !== notActive)).toEqual([]);
        const events = await (fixtures[0] as SignInFixture).server.app.store.listEvents({
          afterPosition: 0,
          limit: 100,
          userId: userId as never,
        });
        const types = events.map(({ type }) => type);
        expect(types).toEqual([
          'user.human.added',
          ...Array(5).fill('user.human.password.check.failed'),
          'user.locked',
        ]);
      }
    },
    900_000,
  );
});

describe('sign-in', () => {
  let fixture: SignInFixture;
  let isBroken = false;
  const failing = (store: Store): Store => ({
    ...store,
    append: (change) =>
      isBroken ? Promise.reject(new DomainError('storeUnavailable')) : store.append(change),
  });
  beforeAll(async () => {
    fixture = await openSignIns({ wrapStore: failing });
  });
  afterAll(async () => {
    await fixture[Symbol.asyncDispose]();
  });

  test('fails closed where the check cannot be recorded, right or wrong', async () => {
    const userId = await fixture.server.people.user({ organization: 'home' });
    isBroken = true;
    const answers = [await fixture.signIn(userId, 'wrong'), await fixture.signIn(userId)];
    isBroken = false;
    expect(answers[0]).toMatchObject({ code: 'Unavailable' });
    expect(answers[0]).toEqual(answers[1]);
    expect((await fixture.signIn(userId)).code).toBe('OK');
  });

  test('tells locked users’ right passwords from wrong ones by no byte', async () => {
    for (const state of ['locked', 'inactive'] as const) {
      const userId = await fixture.server.people.user({ organization: 'home', state });
      const wrong = await fixture.signIn(userId, 'wrong');
      expect(wrong.message).toBe(notActive);
      expect(await fixture.signIn(userId)).toEqual(wrong);
    }
  });

  test('a success among failures wipes no lock', async () => {
    for (let round = 0; round < 10; round += 1) {
      const userId = await fixture.server.people.user({ organization: 'home' });
      for (const nth of [1, 2, 3, 4]) await fixture.signIn(userId, `early ${nth}`, from());
      const guesses = Array.from({ length: 20 }, (_, nth) =>
        nth % 2 === 0
          ? fixture.signIn(userId, `wrong ${nth}`, from())
          : fixture.signIn(userId, undefined, from()),
      );
      await Promise.all(guesses);
      const { store } = fixture.server.app;
      const events = await store.listEvents({ afterPosition: 0, limit: 100, userId: userId as never });
      const types = events.map(({ type }) => type);
      const lockedAt = types.indexOf('user.locked');
      const user = await store.loadUser(userId as never);
      expect(user?.state).toBe(lockedAt < 0 ? 'active' : 'locked');
      if (lockedAt >= 0) expect(lockedAt).toBe(types.length - 1);
    }
    // Ten times a score of checks, each in its turn.
  }, 120_000);
});
