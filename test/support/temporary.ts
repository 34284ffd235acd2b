import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folders: string[] = [];
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Path of a database file that is not there yet; its folder goes when the process ends. */
export function temporaryDatabase(): string {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-'));
  folders.push(folder);
  return join(folder, 'latchkey.db');
}
