import { chmodSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder, makeSecret } from '../../app/token-file.ts';
import { invalid } from '../failure.ts';

/** What `latchkey login` keeps for later calls. */
export interface SavedLogin {
  readonly url: string;
  readonly token: string;
  /** PEM file of the authority, by its whole path. */
  readonly ca?: string;
}

const again = '"latchkey login" makes it anew, "latchkey logout" removes it';

/** undefined: nobody has logged in. Throws CliError where the file is no login, or not its owner's alone. */
export function readLogin(path: string | undefined): SavedLogin | undefined {
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw invalid(`Cannot read the login in ${path}: ${(error as Error).message}`, error);
  }
  requirePrivate(path);
  const login = parse(text);
  if (login === undefined) throw invalid(`${path} is no login: ${again}`);
  return login;
}

// Another user of the machine may have read the token, or written one there. Windows has no such bits.
function requirePrivate(path: string): void {
  if (process.platform === 'win32') return;
  const { mode, uid } = statSync(path);
  if ((mode & 0o077) === 0 && (uid === process.geteuid?.() || process.geteuid?.() === 0)) return;
  throw invalid(`${path} is not for its owner alone (mode 0600), so it is not used: ${again}`);
}

function parse(text: string): SavedLogin | undefined {
  try {
    const { url, token, ca } = JSON.parse(text) as Partial<Record<keyof SavedLogin, unknown>>;
    if (typeof url !== 'string' || typeof token !== 'string' || !URL.canParse(url)) return undefined;
    return { url, token, ...(typeof ca === 'string' && { ca }) };
  } catch {
    return undefined;
  }
}

/**
 * Keeps the login, for nobody else to read from the first byte on, in a folder of the same kind: whole, or what stood there
 * before. Throws CliError.
 */
export function saveLogin(path: string, login: SavedLogin): void {
  const folder = dirname(path);
  // The global one: imported, node:crypto would be loaded by every command, of which few write.
  const next = `${path}.${crypto.randomUUID()}`;
  try {
    makeFolder(folder);
    chmodSync(folder, 0o700);
    makeSecret(next, `${JSON.stringify(login)}\n`);
    renameSync(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    throw invalid(`Cannot keep the login in ${path}: ${(error as Error).message}`, error);
  }
}

/** Whether there was one. Throws CliError. */
export function removeLogin(path: string): boolean {
  try {
    rmSync(path);
    return true;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw invalid(`Cannot remove ${path}: ${(error as Error).message}`, error);
  }
}

const isAbsent = (error: unknown): boolean =>
  /^(ENOENT|ENOTDIR)$/.test(String((error as NodeJS.ErrnoException).code));
