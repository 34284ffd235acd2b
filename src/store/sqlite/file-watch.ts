import { openSync, readSync, statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';

/** By what a file is known, whatever its name. */
export interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
}

/** Looks whether the file that is written to is the one that the next start will find. */
export interface FileWatch {
  /** Undefined while it is; else an error that says what is wrong and what to do, with SQLite's result code. */
  trouble(): Error | undefined;
}

const [corrupt, cannotOpen] = [11, 14];
const attemptsMax = 3;
const logHeaderBytes = 32;
const frameHeaderBytes = 24;

/** Of the file at this path; undefined where there is none. */
export function identityOf(path: string): FileIdentity | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

/**
 * A file that is moved, removed or overwritten under a running server stays open: every commit goes on to succeed, into
 * what the next start will not find. So the path is held against the open file, and the log's length against the one
 * that SQLite keeps in shared memory. A few microseconds; not within a transaction.
 */
export function watchFile(db: DatabaseSync, path: string, opened: FileIdentity): FileWatch {
  const log = watchLog(db, `${path}-wal`);
  const pages = db.prepare('PRAGMA page_count');
  const { page_size: pageBytes } = db.prepare('PRAGMA page_size').get() as { page_size: number };
  let bytes = 0;
  const look = (): Error | undefined => {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return gone(path);
    if (found.ino !== opened.ino || found.dev !== opened.dev) return replaced(path);
    // Only a VACUUM makes it shorter, and then it is as long as it has pages.
    if (found.size < bytes && found.size < (pages.get()?.page_count as number) * pageBytes) return cut(path);
    bytes = found.size;
    return log(pageBytes) ? undefined : cut(`${path}-wal`);
  };
  return {
    trouble() {
      let found: Error | undefined;
      // Another process may be emptying the log, as it may: then a second look finds everything in order.
      for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
        try {
          found = look();
        } catch (error) {
          found = error instanceof Error ? error : new Error(String(error));
        }
        if (found === undefined) return undefined;
      }
      return found;
    },
  };
}

// No lock of SQLite's is on the log itself, so a descriptor of our own does no harm there; on the other files it would.
function watchLog(db: DatabaseSync, path: string): (pageBytes: number) => boolean {
  // Older versions would take the unknown word for an order to move the log.
  if (!knowsNoop(db)) return () => true;
  const frames = db.prepare('PRAGMA wal_checkpoint(NOOP)');
  const head = new Uint8Array(4);
  let file: { readonly descriptor: number; readonly ino: number } | undefined;
  return (pageBytes) => {
    const count = frames.get()?.log as number;
    if (count <= 0) return true;
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return false;
    file ??= { descriptor: openSync(path, 'r'), ino: found.ino };
    if (found.ino !== file.ino || found.size < logHeaderBytes + count * (frameHeaderBytes + pageBytes))
      return false;
    // Cut and written to again it is long enough, with a hole where its head was.
    readSync(file.descriptor, head, 0, head.length, 0);
    return head[0] === 0x37 && head[1] === 0x7f && head[2] === 0x06;
  };
}

function knowsNoop(db: DatabaseSync): boolean {
  const { version } = db.prepare('SELECT sqlite_version() AS version').get() as { version: string };
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 3 || minor >= 51;
}

function gone(path: string): Error {
  return failure(
    `the database file ${path} was moved or removed: put it back, or stop the server and restore a backup`,
    cannotOpen,
  );
}

function replaced(path: string): Error {
  return failure(
    `${path} is another file than the one that was opened: start the server anew to serve this one, or put the first one back`,
    cannotOpen,
  );
}

function cut(path: string): Error {
  return failure(
    `${path} was cut short, moved or overwritten under the server: stop it, keep a copy of the files, and restore a backup`,
    corrupt,
  );
}

function failure(message: string, errcode: number): Error {
  return Object.assign(new Error(message), { errcode });
}
