import { argon2Sync, pbkdf2Sync, scryptSync } from 'node:crypto';
import { getPriority, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { isShaCryptOf, type ShaCrypt } from './sha-crypt.ts';

interface Tagged {
  readonly password: string;
  readonly salt: Uint8Array;
  readonly tagBytes: number;
}

/** Work for the thread; it answers each in turn, a tag or whether the hash is the password's. */
export type PasswordTask =
  | (Tagged & {
      readonly kind: 'argon2id' | 'argon2i';
      readonly memoryKib: number;
      readonly passes: number;
      readonly lanes: number;
    })
  | (Tagged & {
      readonly kind: 'pbkdf2';
      readonly digest: 'sha1' | 'sha256' | 'sha512';
      readonly rounds: number;
    })
  | (Tagged & {
      readonly kind: 'scrypt';
      /** RFC 7914: N is 2 to the power of it. */
      readonly logN: number;
      readonly blockSize: number;
      readonly parallel: number;
    })
  | { readonly kind: 'sha-crypt'; readonly password: string; readonly hash: ShaCrypt }
  | { readonly kind: 'bcrypt'; readonly password: string; readonly hash: string };

/** What the thread is started with. */
export interface PasswordThreadData {
  /** Steps below the rest of the process, 0 to 19. */
  readonly steps: number;
  /** How long it rests for each millisecond that others have had its processor. */
  readonly restFactor: number;
  /** For so much of the others' time it does not rest, as a part of its own: see `ownPart` in hash-threads.ts. */
  readonly restFreePart: number;
}

export type PasswordResult = Uint8Array | boolean;

const restMsMax = 500;
const { steps, restFactor, restFreePart } = workerData as PasswordThreadData;
const priorityLowest = 19;

lowerPriority();
parentPort?.on('message', async (task: PasswordTask) => {
  const pause = createPauses();
  parentPort?.postMessage(await resultOf(task, pause));
  pause();
});

async function resultOf(task: PasswordTask, pause: () => void): Promise<PasswordResult> {
  switch (task.kind) {
    case 'bcrypt': {
      // Loaded when first needed, after the priority is lowered: few hashes are bcrypt's.
      const { default: bcrypt } = await import('bcryptjs');
      // It stops each tenth of a second: of cost 14 it takes more than one, and others would wait for all of it.
      return new Promise((resolve, reject) => {
        bcrypt.compare(
          task.password,
          task.hash,
          (error, isSame) => (error ? reject(error) : resolve(isSame === true)),
          pause,
        );
      });
    }
    case 'sha-crypt':
      return isShaCryptOf(task.password, task.hash);
    case 'pbkdf2':
      return pbkdf2Sync(task.password, task.salt, task.rounds, task.tagBytes, task.digest);
    case 'scrypt': {
      const { password, salt, logN, blockSize, parallel, tagBytes } = task;
      // What it takes, and a little: Node's own limit is 32 MiB.
      const maxmem = 128 * blockSize * (2 ** logN + parallel + 2);
      return scryptSync(password, salt, tagBytes, { N: 2 ** logN, r: blockSize, p: parallel, maxmem });
    }
    case 'argon2id':
    case 'argon2i': {
      const { kind, password, salt, memoryKib, passes, lanes, tagBytes } = task;
      const cost = { memory: memoryKib, passes, parallelism: lanes, tagLength: tagBytes };
      return argon2Sync(kind, { message: Buffer.from(password, 'utf8'), nonce: salt, ...cost });
    }
    default:
      return task satisfies never;
  }
}

/** Rests at each call for what others have had of this thread's processor since the last one. */
function createPauses(): () => void {
  let [sinceMs, used] = [performance.now(), process.threadCpuUsage()];
  return () => {
    const { user, system } = process.threadCpuUsage(used);
    const usedMs = (user + system) / 1_000;
    rest(restFactor * (performance.now() - sinceMs - usedMs * (1 + restFreePart)));
    [sinceMs, used] = [performance.now(), process.threadCpuUsage()];
  };
}

// By how long others have had this thread's processor. A low priority counts among the server's own threads alone, where
// the system divides its processors by session or by container (sched(7), autogroups): the kernel's threads that complete
// our writes would wait behind a busy processor, a tick (4 ms) each time.
function rest(waitedMs: number): void {
  if (waitedMs > 0)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.min(waitedMs, restMsMax));
}

// setpriority(2), "C library/kernel differences": on Linux 0 is the calling thread, not its process. Whoever unlocks
// gets the processor first; on other systems the thread competes as an equal.
function lowerPriority(): void {
  if (process.platform !== 'linux') return;
  setPriority(0, Math.min(priorityLowest, getPriority(0) + steps));
}
