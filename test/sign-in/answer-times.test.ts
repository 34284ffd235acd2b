import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { defaultPolicy } from '../../src/domain/lockout-policy.ts';
import { createAnswerTimes } from '../../src/sign-in/answer-times.ts';
import { hashPassword } from '../../src/sign-in/password.ts';
import { areaUnderCurve } from '../support/auc.ts';
import { quantile } from '../support/beside.ts';
import { password } from '../support/people.ts';
import { repetitions } from '../support/repetitions.ts';
import { openSignIns, type SignInFixture } from '../support/sessions.ts';

let fixture: SignInFixture;
let owner: string;
beforeEach(async () => {
  fixture = await openSignIns();
  owner = await fixture.server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
  const { store, newId, now } = fixture.server.app;
  const at = { createdAt: now(), eventId: newId() };
  const policy = { ...defaultPolicy, maxPasswordAttempts: 0, addressFailuresMax: 0 };
  await store.changeLockoutPolicy({ organizationId: undefined, before: undefined, policy, at, meta: {} });
});
afterEach(async () => {
  await fixture[Symbol.asyncDispose]();
});

const human = (email: string, hash: string) => ({
  profile: { givenName: 'Given', familyName: 'Family' },
  email: { email, isVerified: true },
  hashedPassword: { hash },
});
async function person(username: string, hash: string): Promise<void> {
  const added = {
    organizationId: 'home',
    userId: username,
    username,
    human: human(`${username}@mail.example`, hash),
  };
  expect(await fixture.door.ask('CreateUser', added, owner)).toMatchObject({ code: 'OK' });
}
let guesses = 0;
const guess = (loginName: string) => {
  guesses += 1;
  const checks = { user: { loginName }, password: { password: `guess ${guesses}` } };
  return fixture.door.ask('CreateSession', { checks });
};
const timed = async (work: () => Promise<unknown>) => {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
};
const median = (times: readonly number[]) => quantile(times, 0.5);

/**
 * Measures again, at most five times as much in all, until every kind's median is about that of the first. What the
 * machine does meanwhile evens out; what a kind takes by itself does not.
 */
async function expectAlike<Kind extends string>(
  times: Record<Kind, number[]>,
  rounds: number,
  measure: (kind: Kind) => Promise<number>,
): Promise<void> {
  const kinds = Object.keys(times) as Kind[];
  const unlike = () =>
    kinds
      .map((kind) => [kind, median(times[kind]) / median(times[kinds[0] as Kind])] as const)
      .filter(([, ratio]) => !(ratio > 0.6 && ratio < 1.67));
  for (let batch = 0; batch < 5 && (batch === 0 || unlike().length > 0); batch += 1) {
    for (let round = 0; round < rounds; round += 1) {
      // In changing order, so that none always comes behind the same one.
      for (const place of kinds.keys()) {
        const kind = kinds[(place + round) % kinds.length] as Kind;
        times[kind].push(await measure(kind));
      }
    }
  }
  expect(unlike()).toEqual([]);
}

test('a wrong password takes as long for a dear hash as for a usual, a cheap, a locked user and for nobody', async () => {
  const { default: bcrypt } = await import('bcryptjs');
  const own = await hashPassword(password);
  await person('dear', await bcrypt.hash(password, 12));
  await person('usual', own);
  await person('cheap', await bcrypt.hash(password, 4));
  await person('locked', own);
  await fixture.server.people.act('locked', 'lock');
  await person('dearlocked', await bcrypt.hash(password, 12));
  await fixture.server.people.act('dearlocked', 'lock');
  const times = {
    dear: [] as number[],
    usual: [] as number[],
    cheap: [] as number[],
    locked: [] as number[],
    dearlocked: [] as number[],
    nobody: [] as number[],
  };
  // What the dearest takes is known once one was checked.
  for (let nth = 0; nth < 2; nth += 1) await guess('dear');
  await expectAlike(times, repetitions({ few: 3, many: 20 }), (name) => timed(() => guess(name)));
}, 600_000);

test('two names at once take as long where they are one user’s as where they are nobody’s', async () => {
  await person('twice', await hashPassword(password));
  const pairs = {
    met: ['twice', 'twice@mail.example'],
    nobody: ['never', 'never@mail.example'],
    apart: ['twice', 'never@mail.example'],
  };
  const times: Record<keyof typeof pairs, number[]> = { met: [], nobody: [], apart: [] };
  for (let nth = 0; nth < 4; nth += 1) await guess('never');
  await expectAlike(times, repetitions({ few: 6, many: 40 }), (kind) =>
    timed(() => Promise.all(pairs[kind].map(guess))),
  );
  for (const kind of ['nobody', 'apart'] as const) {
    const area = areaUnderCurve(times.met, times[kind]);
    if (repetitions({ few: 0, many: 1 }) === 1) expect(Math.abs(area - 0.5)).toBeLessThan(0.3);
  }
}, 600_000);

// On a machine with several threads for passwords they do not wait for one another by themselves.
describe('failed attempts that are under way together', () => {
  test('are kept apart by what checks take now, where none was alone since the machine became slower', async () => {
    const answers = createAnswerTimes();
    for (let nth = 0; nth < 15; nth += 1) answers.checked({ cost: 1, tookMs: 60 });
    const attempt = async () => {
      const startedMs = performance.now();
      const answer = answers.begin();
      await answer.hold(undefined);
      answer.end();
      return performance.now() - startedMs;
    };
    const [first = 0, second = 0] = await Promise.all([attempt(), attempt()]);
    expect([first > 50, second > 110]).toEqual([true, true]);
  });
  test('are kept apart by what nine of ten checks take: half of them take longer than the median', async () => {
    const answers = createAnswerTimes();
    for (let nth = 0; nth < 15; nth += 1) answers.checked({ cost: 1, tookMs: 50 + 5 * nth });
    const startedMs = performance.now();
    const told = [answers.begin(), answers.begin()].map(async (answer) => {
      await answer.hold(undefined);
      return performance.now() - startedMs;
    });
    const [first = 0, second = 0] = await Promise.all(told);
    expect([first > 110, second > 220]).toEqual([true, true]);
  });
  test('are told one after the other, each as late as one alone would be after the one before', async () => {
    const answers = createAnswerTimes();
    const attempt = async (workMs: number) => {
      const startedMs = performance.now();
      const answer = answers.begin();
      await new Promise((resolve) => setTimeout(resolve, workMs));
      await answer.hold(undefined);
      answer.end();
      return performance.now() - startedMs;
    };
    for (let nth = 0; nth < 3; nth += 1) await attempt(50);
    const together = await Promise.all([attempt(50), attempt(50), attempt(50)]);
    for (const [nth, tookMs] of together.entries()) expect(tookMs).toBeGreaterThan(50 * (nth + 1) - 5);
  });
});
