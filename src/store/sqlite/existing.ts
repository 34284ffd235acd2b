import { resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';

/**
 * One more connection to a file that is open already. Throws where there is none: SQLite would make an empty one, and then
 * delete the log beside it, in which there may be all that was written (pager.c, pagerOpenWalIfPresent).
 */
export function openExisting(path: string, options: { readonly timeout?: number } = {}): DatabaseSync {
  const url = pathToFileURL(resolve(path));
  url.search = '?mode=rw';
  return new DatabaseSync(url, options);
}
