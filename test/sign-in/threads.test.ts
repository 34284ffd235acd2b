import { availableParallelism } from 'node:os';
import { afterAll, describe, expect, test } from '@jest/globals';
import { parseServeConfig } from '../../src/app/config.ts';
import { passwordsWaiting, setPasswordThreads, threadsDefault } from '../../src/sign-in/hash-threads.ts';
import { verifyPassword } from '../../src/sign-in/password.ts';

afterAll(() => setPasswordThreads(threadsDefault));

describe('--password-threads', () => {
  test('is as many as there are processors, unless it is set', () => {
    expect(parseServeConfig([]).passwordThreads).toBeUndefined();
    expect(threadsDefault).toBe(Math.min(64, availableParallelism()));
  });

  test.each([
    ['1', 1],
    ['64', 64],
    ['0', 1],
  ])('%s is %i', (text, threads) => {
    expect(parseServeConfig(['--password-threads', text]).passwordThreads).toBe(threads);
  });

  test.each(['65', '-1', 'many', '1.5'])('%s is refused', (text) => {
    expect(() => parseServeConfig(['--password-threads', text])).toThrow(/--password-threads/);
  });
});

test.each([
  1, 2, 5,
])('with %i threads so many passwords are checked at once, and the others wait', async (threads) => {
  setPasswordThreads(threads);
  const cheap = '$2b$04$cNL8kd2qcuo1YAEbacpbAOFlyJrZqmq.VpOOL6PhoQz.DXcl1ct3W';
  const asked = Array.from({ length: threads + 3 }, () => verifyPassword('wrong horse', cheap));
  expect(passwordsWaiting()).toBe(3);
  expect(await Promise.all(asked)).toEqual(asked.map(() => false));
  expect(passwordsWaiting()).toBe(0);
});
