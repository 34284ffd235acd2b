import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { archiveFormat, archiveKinds } from '../../src/store/store.ts';
import { type Ended, openFolder, runHere } from '../cli/run-cli.ts';
import { openEmptyDatabase } from '../support/stores.ts';
import { liveIn } from './lived-in.ts';

/** An export of a lived-in database, and what is done with such files. */
export interface Moving extends AsyncDisposable {
  /** The file, and its text. */
  readonly exported: string;
  readonly whole: string;
  exportOf(database: string): Promise<string>;
  importText(text: string | Buffer, database: string): Promise<Ended>;
  /** The lines between the first and the last changed, with counts and checksum that fit them again. */
  forge(change: (rows: string[]) => readonly string[]): string;
}

/** Makes the file from a database that is gone afterwards. */
export async function openMoving(): Promise<Moving> {
  await using lived = await openEmptyDatabase('sqlite');
  await liveIn(lived.database);
  const folder = await openFolder();
  const exported = join(folder.path, 'first.jsonl');
  await succeed('export', exported, '--db', lived.database);
  const whole = await readFile(exported, 'utf8');
  let files = 0;
  const newFile = (): string => join(folder.path, `${++files}.jsonl`);
  return {
    exported,
    whole,
    async exportOf(database) {
      const file = newFile();
      await succeed('export', file, '--db', database);
      return readFile(file, 'utf8');
    },
    async importText(text, database) {
      const file = newFile();
      await writeFile(file, text);
      return runHere(['import', file, '--db', database]);
    },
    forge: (change) => forge(whole, change),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** Runs a command that must succeed without a word on stderr; answers its document. */
export async function succeed(...argv: readonly string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await runHere([...argv, '--json']);
  expect({ argv, code, stderr }).toEqual({ argv, code: 0, stderr: '' });
  return JSON.parse(stdout);
}

function forge(whole: string, change: (rows: string[]) => readonly string[]): string {
  const rows = [...change(whole.split('\n').slice(1, -2))];
  const kinds = [...archiveKinds].sort();
  const counts = kinds.map((kind) => [kind, rows.filter((row) => row.startsWith(`{"${kind}"`)).length]);
  return sealed([
    JSON.stringify({ latchkey: { counts: Object.fromEntries(counts), format: archiveFormat } }),
    ...rows,
  ]);
}

/** The lines with the last one that fits them. */
export function sealed(lines: readonly string[]): string {
  const text = lines.map((line) => `${line}\n`).join('');
  return `${text}{"end":{"sha256":"${createHash('sha256').update(text).digest('hex')}"}}\n`;
}
