import type { DatabaseSync } from 'node:sqlite';
import { parseMetadata } from '../../sql/metadata.ts';
import type { Store } from '../../store.ts';
import { reading } from '../error.ts';

/** A user's metadata. */
export function createMetadataReads(db: DatabaseSync): Store['loadMetadata'] {
  const entries = db.prepare('SELECT * FROM user_metadata WHERE user_id = ? ORDER BY key');
  return reading((userId) => entries.all(userId).map(parseMetadata));
}
