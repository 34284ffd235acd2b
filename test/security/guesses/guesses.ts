import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemCaller } from '../../../src/auth/caller.ts';
import { createUser } from '../../../src/commands/create-user.ts';
import { parseOrganizationId } from '../../../src/domain/ids.ts';
import { hashPassword } from '../../../src/sign-in/password.ts';
import type { Store } from '../../../src/store/store.ts';
import type { Answer } from '../../support/answer.ts';
import { notActive, openSignIns, type SignInFixture, wrongPassword } from '../../support/sessions.ts';
import { type EmptyDatabase, openEmptyDatabase, type StoreKind } from '../../support/stores.ts';

const password = 'a password of usual cost';
/** The attacker has an address for each guess: none is refused for what it did before. */
let guesses = 0;
function from(): JsonObject {
  guesses += 1;
  return { userAgent: { ip: `10.${guesses >> 16}.${(guesses >> 8) & 255}.${guesses & 255}` } };
}

/** Tests of guesses at one user, all at once: so many rounds of a hundred, at one server and at two. */
export function describeGuesses(kind: StoreKind, rounds: number): void {
  describe(`100 parallel wrong passwords on ${kind}`, () => {
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

    test.each([
      ['one server', 1],
      ['two servers', 2],
    ])(
      `through %s, ${rounds} times: 5 are verified, and the user is locked once`,
      async (_, count) => {
        const [first] = fixtures;
        if (first === undefined) throw new Error('no server');
        for (let round = 0; round < rounds; round += 1) {
          const userId = `victim-${count}-${round}`;
          await addVictim(first, userId, hash);
          verified.clear();
          const answers = await Promise.all(
            Array.from({ length: 100 }, (_none, nth) =>
              (fixtures[nth % count] as SignInFixture).signIn(userId, `wrong ${nth}`, from()),
            ),
          );
          expect(verified.size).toBe(5);
          await expectLockedOnce(first, userId, answers);
        }
      },
      900_000,
    );
  });
}

async function addVictim({ server }: SignInFixture, userId: string, hash: string): Promise<void> {
  const profile = { kind: 'human', givenName: 'G', familyName: 'F', emailVerified: true } as const;
  await createUser(server.app, systemCaller('operator'), {
    organization: { organizationId: parseOrganizationId('home') },
    userId,
    userName: userId,
    profile: { ...profile, email: `${userId}@mail.example` },
    password: { hash, changeRequired: false },
  });
}

async function expectLockedOnce(
  { server }: SignInFixture,
  userId: string,
  answers: readonly Answer[],
): Promise<void> {
  const told = answers.filter(({ message }) => message === wrongPassword);
  expect(told.map(({ details }) => details[0]?.failedAttempts).sort()).toEqual([1, 2, 3, 4, 5]);
  const others = new Set(answers.map(({ message }) => message));
  others.delete(wrongPassword);
  expect([...others].filter((message) => message !== notActive)).toEqual([]);
  const query = { afterPosition: 0, limit: 100, userId: userId as never };
  const types = (await server.app.store.listEvents(query)).map(({ type }) => type);
  expect(types).toEqual([
    'user.human.added',
    ...Array(5).fill('user.human.password.check.failed'),
    'user.locked',
  ]);
}
