import { stat } from 'node:fs/promises';
import { CliError } from '../failure.ts';

/** A file as it was at a time: none that was written to since, or put in its place, is the same. */
export interface Version {
  readonly file: string;
  readonly facts: readonly bigint[];
}

/** Throws what stat throws. */
export async function versionOf(file: string): Promise<Version> {
  const { dev, ino, size, mtimeNs } = await stat(file, { bigint: true });
  return { file, facts: [dev, ino, size, mtimeNs] };
}

const rowsPerLook = 100;

/**
 * The rows as long as the file is what it was. Throws CliError, which says what became of the rows so far, once it is not:
 * what a reader says of a file that is written to meanwhile would send somebody to look for a fault that is not there.
 */
export async function* whileSame<Row>(
  rows: AsyncIterable<Row>,
  { version, soFar }: { readonly version: Version; readonly soFar: string },
): AsyncGenerator<Row> {
  let count = 0;
  try {
    for await (const row of rows) {
      if (count % rowsPerLook === 0) await requireSame(version, soFar);
      count += 1;
      yield row;
    }
  } catch (error) {
    await requireSame(version, soFar);
    throw error;
  }
  await requireSame(version, soFar);
}

async function requireSame({ file, facts }: Version, soFar: string): Promise<void> {
  const now = await versionOf(file);
  if (now.facts.every((fact, at) => fact === facts[at])) return;
  const message = `${file} was changed while it was read: ${soFar}. Run it again once nothing writes to the file`;
  throw new CliError({ code: 'failed_precondition', message });
}
