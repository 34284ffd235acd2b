import { argon2Sync } from 'node:crypto';
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import bcrypt from 'bcryptjs';

/** Work for the thread; it answers each in turn, a tag or whether the hash is the password's. */
export type PasswordTask =
  | {
      readonly kind: 'argon2id';
      readonly password: string;
      readonly salt: Uint8Array;
      readonly memoryKib: number;
      readonly passes: number;
      readonly lanes: number;
      readonly tagBytes: number;
    }
  | { readonly kind: 'bcrypt'; readonly password: string; readonly hash: string };

export type PasswordResult = Uint8Array | boolean;

lowerPriority();
parentPort?.on('message', (task: PasswordTask) => parentPort?.postMessage(resultOf(task)));

function resultOf(task: PasswordTask): PasswordResult {
  if (task.kind === 'bcrypt') return bcrypt.compareSync(task.password, task.hash);
  const { password, salt, memoryKib, passes, lanes, tagBytes } = task;
  const cost = { memory: memoryKib, passes, parallelism: lanes, tagLength: tagBytes };
  return argon2Sync('argon2id', { message: Buffer.from(password, 'utf8'), nonce: salt, ...cost });
}

// setpriority(2), "C library/kernel differences": on Linux 0 is the calling thread, not its process. Whoever unlocks
// gets the processor first; on other systems the thread competes as an equal.
function lowerPriority(): void {
  if (process.platform === 'linux') setPriority(0, 19);
}
