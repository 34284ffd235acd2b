import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, keepStderr, spawnNode, stop } from '../process.ts';
import type { Seeded } from '../seed.ts';
import { http1Template, patchUserId } from './request.ts';

const retryMs = 2;
const answerTimeoutMs = 20_000;

/** Milliseconds from spawn to the answered unlock of the `unlock`th locked user. */
export function measureLatchkeyStart(seeded: Seeded, unlock: number): Promise<number> {
  const { first, step } = seeded.locked;
  return measureStart(['src/latchkey.js', 'serve', '--db', seeded.path], seeded.token, first + unlock * step);
}

/** Milliseconds from the spawn of `node <args> --port N` to its first answer to the unlock of `user`. */
export async function measureStart(args: readonly string[], token: string, user: number): Promise<number> {
  const port = await freePort();
  const template = http1Template({ dialect: 'rest', authority: `127.0.0.1:${port}`, token });
  const request = Buffer.from(template.bytes);
  patchUserId(request, template.idAt, user);
  const startedMs = performance.now();
  const child = spawnNode([...args, '--port', String(port)], {
    core: 1,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const complaint = keepStderr(child);
  try {
    while (child.exitCode === null && performance.now() - startedMs < answerTimeoutMs) {
      const answer = await ask(port, request);
      if (answer.startsWith('HTTP/1.1 200 ')) return performance.now() - startedMs;
      if (answer !== '') throw new Error(`the first answer was ${answer}`);
      await sleep(retryMs);
    }
    throw new Error(`${args.join(' ')} did not answer: ${complaint()}`);
  } finally {
    await stop(child);
  }
}

/** The head of the answer; empty where nobody listens yet. */
function ask(port: number, request: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => socket.write(request));
    socket.once('data', (chunk) => {
      resolve(chunk.toString('latin1'));
      socket.destroy();
    });
    socket.once('error', () => resolve(''));
  });
}
