import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Ended, openFolder, parseLines, runHere } from '../cli/run-cli.ts';

/** What a run said: its document, its report, how it ended. */
export interface Imported extends Ended {
  readonly told: Record<string, unknown>;
  readonly refused: readonly Record<string, unknown>[];
}

/** A folder with files to import, gone when disposed. */
export interface ImportFiles extends AsyncDisposable {
  write(text: string | Buffer): Promise<string>;
  /** Imports the text with --json and a report. */
  bring(from: string, text: string | Buffer, ...options: readonly string[]): Promise<Imported>;
}

/** Runs go where `where` says: --url and --token, or --db. */
export async function openFiles(where: readonly string[]): Promise<ImportFiles> {
  const folder = await openFolder();
  let count = 0;
  const write = async (text: string | Buffer) => {
    const file = join(folder.path, `people-${++count}`);
    await writeFile(file, text);
    return file;
  };
  return {
    write,
    async bring(from, text, ...options) {
      const file = await write(text);
      const report = `${file}.report`;
      const argv = ['import', '--from', from, file, '--report', report, ...options, ...where, '--json'];
      const ended = await runHere(argv);
      const refused = parseLines(await readFile(report, 'utf8').catch(() => ''));
      return { ...ended, told: ended.stdout === '' ? {} : JSON.parse(ended.stdout), refused };
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
