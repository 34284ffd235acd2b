import type { DatabaseSync } from 'node:sqlite';
import { parseCode } from '../../sql/codes.ts';
import type { Store } from '../../store.ts';
import { reading } from '../error.ts';

/** The code of a kind that was handed out to a user. */
export function createCodeReads(db: DatabaseSync): Store['loadCode'] {
  const code = db.prepare('SELECT * FROM codes WHERE user_id = ? AND kind = ?');
  return reading(({ userId, kind }) => {
    const row = code.get(userId, kind);
    return row && parseCode(row);
  });
}
