import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, getPriority } from 'node:os';
import { afterAll, describe, expect, test } from '@jest/globals';
import { parseServeConfig } from '../../src/app/config.ts';
import {
  passwordsWaiting,
  setPasswordShare,
  setPasswordThreads,
  sharePercentDefault,
  threadsDefault,
} from '../../src/sign-in/hash-threads.ts';
import { verifyPassword } from '../../src/sign-in/password.ts';

afterAll(() => {
  setPasswordThreads(threadsDefault);
  setPasswordShare(sharePercentDefault);
});

const cheap = '$2b$04$cNL8kd2qcuo1YAEbacpbAOFlyJrZqmq.VpOOL6PhoQz.DXcl1ct3W';
const check = () => verifyPassword('wrong horse', cheap);

describe('--password-threads', () => {
  test('is as many as there are processors, unless it is set', () => {
    expect(parseServeConfig([]).passwordThreads).toBeUndefined();
    expect(threadsDefault).toBe(Math.min(64, availableParallelism()));
  });

  test.each([
    ['1', 1],
    ['64', 64],
  ])('%s is %i', (text, threads) => {
    expect(parseServeConfig(['--password-threads', text]).passwordThreads).toBe(threads);
  });

  test.each(['0', '65', '-1', 'many', '1.5'])('%s is refused', (text) => {
    expect(() => parseServeConfig(['--password-threads', text])).toThrow(/--password-threads/);
  });
});

test.each([
  1, 2, 5,
])('with %i threads so many passwords are checked at once, and the others wait', async (threads) => {
  setPasswordThreads(threads);
  const asked = Array.from({ length: threads + 3 }, check);
  expect(passwordsWaiting()).toBe(3);
  expect(await Promise.all(asked)).toEqual(asked.map(() => false));
  expect(passwordsWaiting()).toBe(0);
});

describe('--password-share', () => {
  test('is 25 percent, unless it is set', () => {
    expect(parseServeConfig([]).passwordSharePercent).toBe(25);
    expect(parseServeConfig(['--password-share', '1']).passwordSharePercent).toBe(1);
    expect(parseServeConfig(['--password-share', '33']).passwordSharePercent).toBe(33);
  });

  test.each(['0', '34', 'half', '2.5', '-1'])('%s is refused', (text) => {
    expect(() => parseServeConfig(['--password-share', text])).toThrow(/--password-share/);
  });

  // Fields 3 and on of proc(5), stat: nice is the 19th.
  const niceOf = (task: string) =>
    Number(readFileSync(`/proc/self/task/${task}/stat`, 'utf8').split(') ')[1]?.split(' ')[16]);
  const tasksAt = (nice: number) => readdirSync('/proc/self/task').filter((task) => niceOf(task) === nice);

  // The threads of the tests above keep the priority that they were started with.
  let threads = 5;
  const isLinux = process.platform === 'linux';
  (isLinux ? test : test.skip).each([
    { percent: 33, steps: 0 },
    { percent: 25, steps: 0 },
    { percent: 10, steps: 5 },
    { percent: 1, steps: 16 },
  ])('$percent percent is $steps steps of nice below the process', async ({ percent, steps }) => {
    const nice = Math.min(19, getPriority(0) + steps);
    threads += 1;
    setPasswordThreads(threads);
    setPasswordShare(percent);
    // Threads of files that ran before in this process may end meanwhile.
    const before = new Set(tasksAt(nice));
    await Promise.all(Array.from({ length: threads }, check));
    expect(tasksAt(nice).filter((task) => !before.has(task))).toHaveLength(1);
  });
});
