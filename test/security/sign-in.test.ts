import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DomainError } from '../../src/domain/errors.ts';
import type { Store } from '../../src/store/store.ts';
import { notActive, openSignIns, type SignInFixture } from '../support/sessions.ts';

/** The attacker has an address for each guess: none is refused for what it did before. */
let guesses = 0;
function from(): JsonObject {
  guesses += 1;
  return { userAgent: { ip: `10.${guesses >> 16}.${(guesses >> 8) & 255}.${guesses & 255}` } };
}

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
