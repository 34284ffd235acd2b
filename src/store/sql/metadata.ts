import { createHash } from 'node:crypto';
import type { MetadataEntry, MetadataFacts } from '../../domain/metadata.ts';
import type { Row } from './rows.ts';

/** A row of the user_metadata table. */
export function parseMetadata(row: Row): MetadataEntry {
  return {
    key: row.key as string,
    value: row.value as Uint8Array,
    createdAt: row.created_at as number,
    changedAt: row.changed_at as number,
  };
}

/** The same, as its events tell of it. */
export function parseMetadataFacts(row: Row): MetadataFacts {
  const { value, ...entry } = parseMetadata(row);
  const sha256 = createHash('sha256').update(value).digest('hex');
  return { ...entry, bytes: value.length, sha256 };
}

/** What the key is set to. */
export function metadataValue(metadata: ReadonlyMap<string, Uint8Array> | undefined, key: string): Buffer {
  const value = metadata?.get(key);
  if (value === undefined) throw new Error('bug: metadata without a value');
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
