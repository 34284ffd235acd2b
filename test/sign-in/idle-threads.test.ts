import { Worker } from 'node:worker_threads';
import { expect, jest, test } from '@jest/globals';
import { verifyPassword } from '../../src/sign-in/password.ts';

const cheap = '$2b$04$cNL8kd2qcuo1YAEbacpbAOFlyJrZqmq.VpOOL6PhoQz.DXcl1ct3W';
const check = () => verifyPassword('wrong horse', cheap);

test('a thread without work for half a minute is ended, and whoever asks next gets another', async () => {
  const started = new Set<Worker>();
  const post = Worker.prototype.postMessage;
  Worker.prototype.postMessage = function (this: Worker, ...given: Parameters<typeof post>) {
    started.add(this);
    return post.apply(this, given);
  };
  const advance = (ms: number) => jest.advanceTimersByTime(ms);
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'performance', 'Date'] });
  try {
    await check();
    const [worker] = started;
    const isOver = jest.fn();
    const ended = new Promise((resolve) => worker?.once('exit', resolve).once('exit', isOver));
    advance(20_000);
    await check();
    expect([...started]).toEqual([worker]);
    advance(29_999);
    expect(isOver).not.toHaveBeenCalled();
    advance(1);
    await ended;
    expect(await check()).toBe(false);
    expect(started.size).toBe(2);
  } finally {
    jest.useRealTimers();
    Worker.prototype.postMessage = post;
  }
});
