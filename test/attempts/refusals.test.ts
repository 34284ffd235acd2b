import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Caller, systemCaller } from '../../src/auth/caller.ts';
import { beginAttempt } from '../../src/commands/attempts/begin.ts';
import type { TriedUser } from '../../src/commands/attempts/subject.ts';
import { DomainError } from '../../src/domain/errors.ts';
import { roleHolds, roles } from '../../src/domain/roles.ts';
import type { Store } from '../../src/store/store.ts';
import { areaUnderCurve } from '../support/auc.ts';
import { quantile } from '../support/beside.ts';
import { type Door, openDoor } from '../support/door.ts';
import { repetitions } from '../support/repetitions.ts';
import { startServer, type TestServer } from '../support/start-server.ts';

const resources = new AsyncDisposableStack();
let server: TestServer;
let door: Door;
/** What the server asked of its store, in turn. */
let asked: string[] = [];

const elsewhereAlone: Caller['grants'] = [{ role: 'IAM_LOGIN_CLIENT', organizationId: 'home' as never }];
const shut = ['locked', 'timed', 'inactive', 'machine', 'deleted'] as const;

beforeAll(async () => {
  server = resources.use(await startServer({ wrapStore: listening }));
  const { people } = server;
  for (const id of ['home', 'abroad']) await people.organization(id);
  const token = await people.caller({ organization: 'home', roles: ['IAM_OWNER', 'IAM_LOGIN_CLIENT'] });
  door = resources.use(openDoor(server.url, token));
  for (const state of ['active', 'locked', 'inactive', 'deleted'] as const) {
    await people.user({ organization: 'abroad', userId: state, state });
  }
  await people.user({ organization: 'abroad', userId: 'machine', kind: 'machine' });
  await people.user({ organization: 'abroad', userId: 'timed' });
  const until = new Date(server.clock.nowMs + 3_600_000).toISOString();
  await door.ask('LockService.LockUser', { userId: 'timed', until });
});
afterAll(() => resources.disposeAsync());

const byTheClock: readonly string[] = [
  ...['listAttemptsOver', 'listErasures', 'listLocksOver', 'removeSessionsOver'],
  ...['listSubscriptionsFree', 'listRunsLeft', 'listRunsOldest'],
];

function listening(store: Store): Store {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function' || typeof name !== 'string' || byTheClock.includes(name)) return value;
      return (...args: unknown[]) => {
        asked.push(name);
        return value.apply(target, args);
      };
    },
  });
}

/** How such a caller is refused, and what the store was asked on the way. */
async function refusal(caller: Caller, subject: TriedUser) {
  asked = [];
  const request = {
    ...{ subject, organizationId: 'abroad' as never, createMissing: false, address: undefined },
    ...{ userAgent: undefined, deviceToken: undefined, signal: new AbortController().signal },
  };
  const error: unknown = await beginAttempt(server.app, caller, request).catch((thrown) => thrown);
  if (!(error instanceof DomainError)) throw new Error('it was begun, or broke');
  const { error: name, text, retryAfterMs } = error;
  return { name, text, retryAfterMs, asked };
}

test('every role that may have somebody tried may read everybody', () => {
  const trying = roles.filter((role) => roleHolds(role, 'session.write'));
  expect(trying).toEqual(['IAM_OWNER', 'IAM_LOGIN_CLIENT']);
  expect(trying.filter((role) => !roleHolds(role, 'user.read'))).toEqual([]);
});

// No role is like that now; the day one is, it learns no more than this.
describe('who may not read the user', () => {
  const elsewhere = (): Caller => ({ ...systemCaller('elsewhere'), grants: elsewhereAlone });

  test.each(shut)('hears of one who is %s what they hear of nobody', async (who) => {
    const caller = elsewhere();
    const never = await refusal(caller, { userId: 'never' as never });
    expect(never).toMatchObject({ name: 'userNotFound', retryAfterMs: undefined });
    expect(await refusal(caller, { userId: who as never })).toEqual(never);
    // A deleted user's names are nobody's.
    for (const suffix of ['', '@abroad.example']) {
      const unknown = await refusal(caller, { loginName: `never${suffix}` });
      expect(await refusal(caller, { loginName: `${who}${suffix}` })).toEqual(unknown);
    }
  });
});

test('who may read is told why, after the same questions to the store as about nobody', async () => {
  const reader: Caller = {
    ...systemCaller('reader'),
    grants: [{ role: 'IAM_LOGIN_CLIENT' }],
  };
  const never = await refusal(reader, { loginName: 'never' });
  const told = [];
  for (const who of shut) {
    const refused = await refusal(reader, { loginName: who });
    expect(refused.asked).toEqual(never.asked);
    told.push(refused.name);
  }
  expect(told).toEqual([
    ...['signInLocked', 'signInLocked', 'signInNotActive', 'passwordOfMachine', 'userNotFound'],
  ]);
});

const samples = repetitions({ few: 100, many: 2_000 });
/** Five deviations of the area under the curve where there is no difference: 0.046 for 2,000. */
const noise = 5 * Math.sqrt((2 * samples + 1) / (12 * samples * samples));
const measuresMax = 3;
type Whom = 'never' | 'locked' | 'inactive';
const names = ['never', 'locked', 'inactive'] as const satisfies readonly Whom[];

/**
 * What a refusal of each takes, in milliseconds, by each of these ways; all ways are gone at once, for the same one. Several
 * ask beside each other, each about everybody in turn, and share the samples.
 */
async function timesOf(
  ways: readonly ((name: Whom) => Promise<void>)[],
  askers = 1,
): Promise<Record<Whom, number[]>[]> {
  const times = ways.map((): Record<Whom, number[]> => ({ never: [], locked: [], inactive: [] }));
  const askOfAll = async (asker: number) => {
    for (let nth = -50; nth < samples / askers; nth += 1) {
      // In changing order, so that none always comes behind the same one.
      for (const place of names.keys()) {
        const name = names[(place + asker + Math.max(nth, 0)) % names.length] ?? 'never';
        const startedMs = performance.now();
        const timed = async (refused: (name: Whom) => Promise<void>, way: number) => {
          await refused(name);
          if (nth >= 0) times[way]?.[name].push(performance.now() - startedMs);
        };
        await Promise.all(ways.map(timed));
      }
    }
  };
  await Promise.all(Array.from({ length: askers }, (_, asker) => askOfAll(asker)));
  return times;
}

// All together, since nearly all of the time of a refusal is the wait that makes them alike.
const askersAtOnce = 4;

test('neither by login name nor by id does the time of a refusal tell who is not told why', async () => {
  const caller: Caller = { ...systemCaller('elsewhere'), grants: elsewhereAlone };
  const subjects: readonly ((name: Whom) => TriedUser)[] = [
    (loginName) => ({ loginName }),
    (userId) => ({ userId: userId as never }),
  ];
  const ways = subjects.map((subjectOf) => async (name: Whom) => {
    expect((await refusal(caller, subjectOf(name))).name).toBe('userNotFound');
  });
  // What the machine does meanwhile evens out in the quietest; what a user takes by themselves does not.
  const quietest = ways.map(() => Number.POSITIVE_INFINITY);
  for (let measure = 0; measure < measuresMax && quietest.some((area) => area >= noise); measure += 1) {
    for (const [way, times] of (await timesOf(ways, askersAtOnce)).entries()) {
      const from = (name: Whom) => Math.abs(areaUnderCurve(times[name], times.never) - 0.5);
      const area = Math.max(from('locked'), from('inactive'));
      quietest[way] = Math.min(quietest[way] ?? area, area);
    }
  }
  for (const area of quietest) expect(area).toBeLessThan(noise);
}, 600_000);

/** Of one median to the other, as the times of answers are compared elsewhere. Why is told here, and takes a little by itself. */
const ratioMax = samples < 600 ? 1.67 : 1.25;

test('nobody is refused in about the time of somebody who is locked, and of who is inactive', async () => {
  const [times] = await timesOf([
    async (loginName) => {
      const answer = await door.ask('BeginAttempt', { loginName, organizationId: 'abroad' });
      expect(answer.ok).toBe(false);
    },
  ]);
  const median = (kind: Whom) => quantile(times?.[kind] ?? [], 0.5);
  for (const kind of ['locked', 'inactive'] as const) {
    const ratio = median(kind) / median('never');
    expect(Math.max(ratio, 1 / ratio)).toBeLessThan(ratioMax);
  }
}, 120_000);
