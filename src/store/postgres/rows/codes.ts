import type { CodeKind, StoredCode } from '../../../domain/code.ts';
import type { UserEvent } from '../../../domain/events.ts';
import type { UserId } from '../../../domain/ids.ts';
import { codesEndedBy, parseCode } from '../../sql/codes.ts';
import type { Change } from '../../store.ts';
import type { Connection, Statement } from '../connection.ts';

/** The code of that kind that was handed out to the user. */
export async function loadCode(
  connection: Connection,
  { userId, kind }: { readonly userId: UserId; readonly kind: CodeKind },
): Promise<StoredCode | undefined> {
  const [row] = await connection.query(code, [userId, kind]);
  return row && parseCode(row);
}

/** Deletes the codes that are void by the event. */
export async function endCodes(connection: Connection, userId: UserId, event: UserEvent): Promise<void> {
  const ended = codesEndedBy(event);
  if (ended === 'all') await connection.query(deleteCodes, [userId]);
  else if (ended !== undefined) await connection.query(deleteCode, [userId, ended]);
}

/** Writes codes as the change says they are from now on. */
export async function writeCodes(connection: Connection, { userId, codes = [] }: Change): Promise<void> {
  for (const { kind, after } of codes) {
    if (after === undefined) await connection.query(deleteCode, [userId, kind]);
    else await connection.query(setCode, [userId, kind, after.digest, after.expiresAt, after.tries]);
  }
}

const setCode: Statement = {
  name: 'set_code',
  text:
    'INSERT INTO codes (user_id, kind, digest, expires_at, tries) VALUES ($1,$2,$3,$4,$5) ON CONFLICT (user_id, kind) ' +
    'DO UPDATE SET digest = excluded.digest, expires_at = excluded.expires_at, tries = excluded.tries',
};
const deleteCode: Statement = {
  name: 'delete_code',
  text: 'DELETE FROM codes WHERE user_id = $1 AND kind = $2',
};
const deleteCodes: Statement = {
  name: 'delete_codes',
  text: 'DELETE FROM codes WHERE user_id = $1',
};
const code: Statement = {
  name: 'code',
  text: 'SELECT * FROM codes WHERE user_id = $1 AND kind = $2',
};
