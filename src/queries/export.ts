import { createHash } from 'node:crypto';
import { type Archive, type ArchiveCounts, archiveFormat } from '../store/store.ts';
import { canonicalJson } from './canonical-json.ts';

/** A piece of the file, and how many rows it holds. */
export interface ExportedPage {
  readonly text: string;
  readonly rows: number;
}

/** The first line's content. */
export interface ArchiveHeader {
  readonly format: number;
  readonly counts: ArchiveCounts;
}

/**
 * An archive as JSON Lines: {"latchkey": header}, a line for each row such as {"user": …}, and {"end": …} with the
 * SHA-256 of all lines before it. The same rows make the same bytes, whatever store they come from. Holds secrets.
 */
export async function* exportLines({ counts, readPages }: Archive): AsyncGenerator<ExportedPage> {
  const hash = createHash('sha256');
  const page = (text: string, rows: number): ExportedPage => {
    hash.update(text);
    return { text, rows };
  };
  const header: ArchiveHeader = { format: archiveFormat, counts };
  yield page(`${canonicalJson({ latchkey: header })}\n`, 0);
  for await (const { kind, rows } of readPages()) {
    const lines = rows.map((row) => `{"${kind}":${canonicalJson(row)}}\n`);
    yield page(lines.join(''), rows.length);
  }
  yield { text: `${canonicalJson({ end: { sha256: hash.digest('hex') } })}\n`, rows: 0 };
}
