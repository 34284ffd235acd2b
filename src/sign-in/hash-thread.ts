import { argon2Sync } from 'node:crypto';
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';

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

/** What the thread is started with. */
export interface PasswordThreadData {
  /** 1 to 19, the lowest. */
  readonly priority: number;
}

export type PasswordResult = Uint8Array | boolean;

const restMsMax = 500;

lowerPriority();
parentPort?.on('message', async (task: PasswordTask) => {
  const startedMs = performance.now();
  const before = process.threadCpuUsage();
  parentPort?.postMessage(await resultOf(task));
  const { user, system } = process.threadCpuUsage(before);
  rest(performance.now() - startedMs - (user + system) / 1_000);
});

// Loaded when first needed, after the priority is lowered: few hashes are bcrypt's.
async function resultOf(task: PasswordTask): Promise<PasswordResult> {
  if (task.kind === 'bcrypt') {
    const { default: bcrypt } = await import('bcryptjs');
    return bcrypt.compareSync(task.password, task.hash);
  }
  const { password, salt, memoryKib, passes, lanes, tagBytes } = task;
  const cost = { memory: memoryKib, passes, parallelism: lanes, tagLength: tagBytes };
  return argon2Sync('argon2id', { message: Buffer.from(password, 'utf8'), nonce: salt, ...cost });
}

// As long as others have had this thread's processor. A low priority counts among the server's own threads alone, where
// the system divides its processors by session or by container (sched(7), autogroups): the kernel's threads that complete
// our writes would wait behind a busy processor, a tick (4 ms) each time.
function rest(waitedMs: number): void {
  if (waitedMs > 0)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.min(waitedMs, restMsMax));
}

// setpriority(2), "C library/kernel differences": on Linux 0 is the calling thread, not its process. Whoever unlocks
// gets the processor first; on other systems the thread competes as an equal.
function lowerPriority(): void {
  if (process.platform === 'linux') setPriority(0, (workerData as PasswordThreadData).priority);
}
