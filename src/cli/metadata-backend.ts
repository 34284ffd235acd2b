import { isUtf8 } from 'node:buffer';
import type { ChangeRow, Listing, PageQuery } from './page.ts';

/** The part of Backend that is about what other systems keep with a user. */
export interface MetadataBackend {
  /** By key. */
  listMetadata(query: MetadataQuery): Promise<Listing<MetadataRow>>;
  setMetadata(order: MetadataToSet): Promise<Pick<ChangeRow, 'userId' | 'changeDate'>>;
  removeMetadata(order: MetadataToRemove): Promise<Pick<ChangeRow, 'userId' | 'changeDate'>>;
}

export interface MetadataQuery extends PageQuery {
  readonly userId: string;
}

export interface MetadataRow {
  readonly key: string;
  readonly bytes: number;
  /** base64. */
  readonly value: string;
  /** The value, where it is text. */
  readonly text?: string;
  readonly creationDate: string;
  readonly changeDate: string;
}

export interface MetadataToSet {
  readonly userId: string;
  readonly values: ReadonlyMap<string, Buffer>;
}

export interface MetadataToRemove {
  readonly userId: string;
  readonly keys: readonly string[];
}

/** A value as its row has it. */
export function valueRow(bytes: Uint8Array): Pick<MetadataRow, 'bytes' | 'value' | 'text'> {
  const value = Buffer.from(bytes);
  return {
    bytes: value.length,
    value: value.toString('base64'),
    ...(isUtf8(value) && { text: value.toString() }),
  };
}
