/** A note that another system keeps with a user: the value is its own business. Times are milliseconds since 1970, UTC. */
export interface MetadataEntry {
  readonly key: string;
  readonly value: Uint8Array;
  /** When the key was first set since it was last taken away. */
  readonly createdAt: number;
  readonly changedAt: number;
}

/** What the log knows of an entry: the value is in no event, so that events stay small, its digest is. */
export interface MetadataFacts {
  readonly key: string;
  readonly bytes: number;
  /** SHA-256 of the value, hex. */
  readonly sha256: string;
  readonly createdAt: number;
  readonly changedAt: number;
}

/** Of one user. */
export const metadataEntriesMax = 64;
/** Of all keys (as UTF-8) and values of one user together. */
export const metadataBytesMax: number = 64 * 1_024;
