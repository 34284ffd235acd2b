import type { DatabaseSync } from 'node:sqlite';
import { parseCode } from '../sql/codes.ts';
import { parseMetadata } from '../sql/metadata.ts';
import type { Store } from '../store.ts';
import { reading } from './error.ts';

/** What stands beside a user's row and is asked for by itself. */
export function createUserRowReads(
  db: DatabaseSync,
): Pick<Store, 'loadPasswordHash' | 'loadCode' | 'loadMetadata'> {
  const passwordHash = db.prepare('SELECT password_hash FROM profiles WHERE user_id = ?');
  const code = db.prepare('SELECT * FROM codes WHERE user_id = ? AND kind = ?');
  const metadata = db.prepare('SELECT * FROM user_metadata WHERE user_id = ? ORDER BY key');
  return {
    loadPasswordHash: reading(
      (userId) => (passwordHash.get(userId)?.password_hash as string | null | undefined) ?? undefined,
    ),
    loadCode: reading(({ userId, kind }) => {
      const row = code.get(userId, kind);
      return row && parseCode(row);
    }),
    loadMetadata: reading((userId) => metadata.all(userId).map(parseMetadata)),
  };
}
