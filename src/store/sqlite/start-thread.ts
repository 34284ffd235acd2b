import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';

/** Some versions of Node say for each thread that opens a database that node:sqlite is experimental. */
const execArgv = ['--disable-warning=ExperimentalWarning'];

/** Starts a thread that opens a database: the file of this name beside the one at `from`, from the source or as it was built. */
export function startThread<Data>(from: string, name: string, workerData: Data): Worker {
  const entry = new URL(`./${name}.${from.endsWith('.ts') ? 'ts' : 'js'}`, from);
  return new Worker(entry, { env: threadEnvironment(), execArgv, workerData });
}

/**
 * All that a thread is told of the environment: where the process keeps compiled code, which a thread does not use by
 * itself. From the source it then starts in a quarter of the processor time. Under `node --watch` one that had the whole
 * environment would report its imports as messages.
 */
function threadEnvironment(): Readonly<Record<string, string>> {
  const versioned = getCompileCacheDir();
  return versioned === undefined ? {} : { NODE_COMPILE_CACHE: dirname(versioned) };
}
