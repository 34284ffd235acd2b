/**
 * What a machine can check at most: argon2id at the cost of our own hashes, a second, on all processors that this process may
 * use, by Node's own threads (UV_THREADPOOL_SIZE of them) and nothing around them. `node bench/load/checks.ts --seconds 3` prints it.
 */
import { argon2, randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { parseArgs, promisify } from 'node:util';
import { ownCost } from '../../src/sign-in/stored-hash.ts';

const check = promisify(argon2);

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '3' } } });
const { memoryKib: memory, passes, lanes: parallelism } = ownCost;
const seconds = Number(values.seconds);
const endMs = performance.now() + seconds * 1_000;
let checks = 0;

async function checkOnAndOn(): Promise<void> {
  const nonce = randomBytes(16);
  while (performance.now() < endMs) {
    await check('argon2id', { message: 'correct horse', nonce, memory, passes, parallelism, tagLength: 32 });
    checks += 1;
  }
}

const startedMs = performance.now();
await Promise.all(Array.from({ length: availableParallelism() }, checkOnAndOn));
console.log((checks * 1_000) / (performance.now() - startedMs));
