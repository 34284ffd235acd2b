import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { verify } from '../../src/queries/verify/verify.ts';
import type { Store } from '../../src/store/store.ts';
import { type Door, openDoor } from '../support/door.ts';
import { repetitions } from '../support/repetitions.ts';
import { seedPolicy } from '../support/seed-users.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';
import { policyOf } from './law.ts';
import { Reference } from './reference.ts';
import { type Checker, Served } from './served.ts';
import { firstRules, servedAttemptSteps, servedSteps } from './steps.ts';

/** After every step every way to look at the user agrees with every other, and with the reference. */
const property = (server: TestServer, door: Door, checker: Checker = 'latchkey') =>
  fc.asyncProperty(checker === 'latchkey' ? servedSteps : servedAttemptSteps, async (life) => {
    const served = await Served.open(server, door, checker);
    const reference = new Reference(server.clock.nowMs);
    for (const step of life) {
      const expected = reference.apply(step);
      const answered = await served.apply(step);
      if (answered !== expected) throw new Error(`${JSON.stringify(step)}: ${answered}, not ${expected}`);
      // Who is created again is somebody else, if only a millisecond later.
      reference.nowMs += 1;
      server.clock.nowMs += 1;
      const [seen, wanted] = [JSON.stringify(await served.look()), JSON.stringify(reference.look())];
      if (seen !== wanted) throw new Error(`after ${JSON.stringify(step)}: ${seen}, not ${wanted}`);
    }
  });

async function withServer(
  options: Parameters<typeof startServer>[0],
  run: (server: TestServer, door: Door) => Promise<void>,
): Promise<void> {
  await using server = await startServer(options);
  await server.people.organization('home');
  // Who is deleted fails under the instance's own policy.
  await seedPolicy(server.app.store, undefined, policyOf(firstRules));
  const token = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
  await using door = openDoor(server.url, token);
  await run(server, door);
}

const lives = repetitions({ few: 30, many: 500 });

describe.each(stores)('on %s', (store) => {
  test(
    `${lives} lives at the door go as the reference says`,
    () =>
      withServer({ store }, async (server, door) => {
        await fc.assert(property(server, door), { numRuns: lives });
        expect(await verify(server.app.store)).toMatchObject({ problems: [] });
      }),
    900_000,
  );

  test(
    `${lives} lives whose password an application checks go as the reference says`,
    () =>
      withServer({ store }, async (server, door) => {
        await fc.assert(property(server, door, 'application'), { numRuns: lives });
        expect(await verify(server.app.store)).toMatchObject({ problems: [] });
      }),
    900_000,
  );
});

test('a store that does not count what fails in an attempt is noticed', () =>
  withServer({ wrapStore: withoutAttemptFailures }, async (server, door) => {
    const checked = await fc.check(property(server, door, 'application'), {
      numRuns: 100,
      seed: 20_260_101,
      endOnFailure: true,
    });
    expect(checked.failed).toBe(true);
  }));

function withoutAttemptFailures(store: Store): Store {
  return {
    ...store,
    append: async (change) => {
      if (change.attemptId === undefined || change.events[0]?.type !== 'user.human.password.check.failed') {
        return store.append(change);
      }
      await store.dropAttempt({ userId: change.userId, attemptId: change.attemptId });
      return change.before ?? 'stale';
    },
  };
}

test('a store that loses the lock of the last failure is noticed', () =>
  withServer({ wrapStore: withoutLocks }, async (server, door) => {
    const checked = await fc.check(property(server, door), {
      numRuns: 100,
      seed: 20_260_101,
      endOnFailure: true,
    });
    expect(String(checked.errorInstance)).toContain('after {"kind":"sign in"');
  }));

function withoutLocks(store: Store): Store {
  return {
    ...store,
    append: (change) => {
      const isOfFailure = change.events[0]?.type === 'user.human.password.check.failed';
      return store.append(isOfFailure ? { ...change, events: change.events.slice(0, 1) } : change);
    },
  };
}
