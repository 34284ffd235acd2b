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
  const times: Record<string, number[]> = {
    dear: [],
    usual: [],
    cheap: [],
    locked: [],
    dearlocked: [],
    nobody: [],
  };
  // What the dearest takes is known once one was checked.
  for (let nth = 0; nth < 2; nth += 1) await guess('dear');
  for (let round = 0; round < repetitions({ few: 3, many: 20 }); round += 1) {
    for (const [name, taken] of Object.entries(times)) taken.push(await timed(() => guess(name)));
  }
  const { dear = [], ...others } = times;
  for (const [name, taken] of Object.entries(others)) {
    const ratio = median(taken) / median(dear);
    expect([name, ratio > 0.6 && ratio < 1.67]).toEqual([name, true]);
  }
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
  for (let round = 0; round < repetitions({ few: 6, many: 40 }); round += 1) {
    for (const [kind, names] of Object.entries(pairs)) {
      times[kind as keyof typeof pairs].push(await timed(() => Promise.all(names.map(guess))));
    }
  }
  for (const kind of ['nobody', 'apart'] as const) {
    const ratio = median(times[kind]) / median(times.met);
    expect([kind, ratio > 0.6 && ratio < 1.67]).toEqual([kind, true]);
    const area = areaUnderCurve(times.met, times[kind]);
    if (repetitions({ few: 0, many: 1 }) === 1) expect(Math.abs(area - 0.5)).toBeLessThan(0.3);
  }
}, 600_000);

// On a machine with several threads for passwords they do not wait for one another by themselves.
describe('failed attempts that are under way together', () => {
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
    const [first = 0, second = 0, third = 0] = await Promise.all([attempt(50), attempt(50), attempt(50)]);
    expect(second).toBeGreaterThan(first + 30);
    expect(third).toBeGreaterThan(second + 30);
  });
});
