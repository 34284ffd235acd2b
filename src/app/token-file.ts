import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from '../store/sqlite/folder.ts';

export { makeFolder } from '../store/sqlite/folder.ts';

/** More than white space that somebody's editor leaves. */
const emptyBytesMax = 1_024;

/**
 * Keeps a token where it is wanted, for its owner alone to read from the first byte on; answers the path. What is there
 * already is somebody's: it is neither overwritten nor followed, and the token goes into a file beside it. An empty file is
 * replaced by a new one, as whoever made it, or has it open, would read the token. Throws the file system's error.
 */
export function saveToken(wanted: string, token: string): string {
  makeFolder(dirname(wanted));
  const text = `${token}\n`;
  const found = lstatSync(wanted, { throwIfNoEntry: false });
  if (found === undefined && wasMade(wanted, text)) return wanted;
  if (found !== undefined && isEmptyFile(wanted, found) && wasReplaced(wanted, text)) return wanted;
  const beside = `${wanted}-${Date.now()}`;
  makeSecret(beside, text);
  return beside;
}

// False where another was quicker.
function wasMade(path: string, text: string): boolean {
  try {
    makeSecret(path, text);
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    return false;
  }
}

/** A new file of mode 0600, on disk. O_EXCL: neither a file nor a symbolic link that somebody has put there meanwhile. */
export function makeSecret(path: string, text: string): void {
  const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = constants;
  const file = openSync(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function isEmptyFile(path: string, found: Stats): boolean {
  return found.isFile() && found.size <= emptyBytesMax && readFileSync(path, 'utf8').trim() === '';
}

function wasReplaced(path: string, text: string): boolean {
  // The global one: imported, node:crypto would be loaded by every command, of which few write.
  const next = `${path}.${crypto.randomUUID()}`;
  try {
    makeSecret(next, text);
    renameSync(next, path);
    return true;
  } catch (error) {
    rmSync(next, { force: true });
    // A file that is a mount of its own, as containers have them: only who runs this can have put it there.
    if (codeOf(error) === 'EBUSY') return wasFilled(path, text, () => true);
    if (codeOf(error) !== 'EACCES') throw error;
    // In a folder that is not ours to change, a file that is.
    return wasFilled(path, text, ({ uid, nlink }) => uid === process.geteuid?.() && nlink === 1);
  }
}

function wasFilled(path: string, text: string, isOurs: (file: Stats) => boolean): boolean {
  const file = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    const found = fstatSync(file);
    if (!found.isFile() || !isOurs(found) || readFileSync(file, 'utf8').trim() !== '') return false;
    fchmodSync(file, 0o600);
    ftruncateSync(file);
    writeSync(file, text, 0);
    fsyncSync(file);
    return true;
  } finally {
    closeSync(file);
  }
}

const codeOf = (error: unknown): unknown => (error as NodeJS.ErrnoException).code;
