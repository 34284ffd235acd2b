import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { repetitions } from '../support/repetitions.ts';
import { openSignIns, type SignInFixture, wrongPassword } from '../support/sessions.ts';

let fixture: SignInFixture;
beforeAll(async () => {
  fixture = await openSignIns({ flags: ['--lockout-attempts', '5'] });
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});

const unknown = 'User could not be found (LATCH-us3rnf0d)';
const signInAs = (loginName: string, nth: number, password?: string) =>
  fixture.door.ask('CreateSession', {
    checks: { user: { loginName }, ...(password !== undefined && { password: { password } }) },
    userAgent: { ip: `10.${nth >> 16}.${(nth >> 8) & 255}.${nth & 255}` },
  });

test('unknown, foreign-named and hidden names are one answer, and take the time of a wrong password', async () => {
  const { people } = fixture.server;
  const gone = await people.user({ organization: 'home', state: 'deleted' });
  const usual = await people.user({ organization: 'home' });
  const owner = await people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
  // With a hash of the usual cost: people's own is a cheap one.
  const newPassword = { password: 'another horse' };
  await fixture.door.ask('SetPassword', { userId: usual, newPassword }, owner);
  const names = { unknown: 'nobody', gone, wrong: usual };
  const times: Record<string, number[]> = { unknown: [], gone: [], wrong: [] };
  for (let round = 0; round < 12; round += 1) {
    for (const [kind, name] of Object.entries(names)) {
      if (kind === 'wrong') await people.act(usual, 'lock').then(() => people.act(usual, 'unlock'));
      const startedMs = performance.now();
      const { message } = await signInAs(name, round * 3, `guess ${round}`);
      times[kind]?.push(performance.now() - startedMs);
      expect(message).toBe(kind === 'wrong' ? wrongPassword : unknown);
    }
  }
  const range = (kind: string) => (times[kind] ?? []).toSorted((one, other) => one - other);
  const [unknownTimes, wrongTimes] = [range('unknown'), range('wrong')];
  // The distributions overlap: the fastest of each is within the other's, by far.
  expect(unknownTimes[0]).toBeLessThan(wrongTimes.at(-1) ?? 0);
  expect(wrongTimes[0]).toBeLessThan(unknownTimes.at(-1) ?? 0);
  expect((unknownTimes[2] ?? 0) / (wrongTimes[2] ?? 1)).toBeGreaterThan(0.5);
  expect((unknownTimes[2] ?? 0) / (wrongTimes[2] ?? 1)).toBeLessThan(2);
});

test('a flood of unknown names takes no memory, and leaves the victim’s counter alone', async () => {
  const userId = await fixture.server.people.user({ organization: 'home', userId: 'victim' });
  expect((await fixture.signIn(userId, 'first')).details[0]).toMatchObject({ failedAttempts: 1 });
  const flood = async (names: number, from: number) => {
    for (let nth = from; nth < from + names; nth += 500) {
      const batch = Array.from({ length: 500 }, (_, place) =>
        // One in a hundred brings a password, for which there is a queue.
        signInAs(`nobody-${nth + place}`, nth + place, place % 100 === 0 ? 'guess' : undefined),
      );
      for (const { code } of await Promise.all(batch)) {
        expect(['NotFound', 'ResourceExhausted']).toContain(code);
      }
    }
  };
  await flood(2_000, 0);
  const before = process.memoryUsage().rss;
  await flood(repetitions({ few: 2_000, many: 10_000 }), 2_000);
  expect(process.memoryUsage().rss - before).toBeLessThan(150 * 2 ** 20);
  expect((await fixture.signIn(userId, 'second')).details[0]).toMatchObject({ failedAttempts: 2 });
}, 120_000);
