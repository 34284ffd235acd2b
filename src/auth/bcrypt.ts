import { Worker } from 'node:worker_threads';
import type { BcryptQuestion } from './bcrypt-thread.ts';

interface Waiting {
  readonly resolve: (isRight: boolean) => void;
  readonly reject: (error: Error) => void;
}

let thread: Worker | undefined;
const waiting: Waiting[] = [];

/**
 * Whether the password is the one behind the bcrypt hash. The library is JavaScript, and a hash of high cost takes it
 * seconds: on the thread of the server nobody else would be answered meanwhile, so it has one of its own.
 */
export function compareBcrypt(password: string, hash: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    thread ??= startThread();
    thread.ref();
    waiting.push({ resolve, reject });
    thread.postMessage({ password, hash } satisfies BcryptQuestion);
  });
}

function startThread(): Worker {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const started = new Worker(new URL(`./bcrypt-thread.${extension}`, import.meta.url));
  started.on('message', (isRight: boolean) => {
    waiting.shift()?.resolve(isRight);
    // Idle, it keeps no process alive.
    if (waiting.length === 0) started.unref();
  });
  // Whoever asks next gets a new thread.
  const end = (error: Error): void => {
    if (thread !== started) return;
    thread = undefined;
    for (const { reject } of waiting.splice(0)) reject(error);
  };
  started.on('error', (error: Error) => end(error));
  started.on('exit', () => end(new Error('the bcrypt thread ended')));
  return started;
}
