import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';

/** Flags of Node for threads that open a database: some versions say for each of them that node:sqlite is experimental. */
export const execArgv: string[] = ['--disable-warning=ExperimentalWarning'];

/**
 * All that a thread is told of the environment: where the process keeps compiled code, which a thread does not use by
 * itself. From the source it then starts in a quarter of the processor time. Under `node --watch` one that had the whole
 * environment would report its imports as messages.
 */
export function threadEnvironment(): Readonly<Record<string, string>> {
  const versioned = getCompileCacheDir();
  return versioned === undefined ? {} : { NODE_COMPILE_CACHE: dirname(versioned) };
}
