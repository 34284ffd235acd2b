import type { User } from '../../domain/user.ts';
import { parsePolicyRecord, parsePolicyRow, parseUser, userColumns } from '../sql/rows.ts';
import type { LockoutPolicies, Store } from '../store.ts';
import type { Connection, Statement } from './connection.ts';
import { transaction } from './pool.ts';
import { isNoText } from './rows/ask.ts';

/** Store.loadLockoutPolicies. */
export async function loadPolicies(
  connection: Connection,
  organizationId: string | undefined,
): Promise<LockoutPolicies> {
  const ids = ['', organizationId ?? ''].filter((id) => !isNoText(id));
  const rows = await connection.query(policiesOf, [ids]);
  const find = (wanted: string | undefined) => {
    const row = rows.find(({ organization_id }) => organization_id === wanted);
    return row && parsePolicyRow(row);
  };
  return { instance: find(''), organization: organizationId ? find(organizationId) : undefined };
}

/** Store.listLockoutPolicies. The position first: what is at or before it was committed before the rows are read. */
export async function listPolicies(
  connection: Connection,
): Promise<Awaited<ReturnType<Store['listLockoutPolicies']>>> {
  return transaction(connection, 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', async () => {
    const [newest] = await connection.query(newestPosition);
    const rows = await connection.query(allPolicies);
    return { rows: rows.map(parsePolicyRecord), position: newest?.position as number };
  });
}

/** Store.listLocksOver. */
export async function listLocksOver(
  connection: Connection,
  { nowMs, limit }: { readonly nowMs: number; readonly limit: number },
): Promise<readonly User[]> {
  return (await connection.query(locksOver, [nowMs, limit])).map(parseUser);
}

const policiesOf: Statement = {
  name: 'policies_of',
  text: 'SELECT * FROM lockout_policies WHERE organization_id = ANY($1::text[])',
};
const allPolicies: Statement = { text: 'SELECT * FROM lockout_policies ORDER BY organization_id' };
const newestPosition: Statement = {
  text: 'SELECT last_position AS position FROM placer WHERE placer_id = 1',
};
const locksOver: Statement = {
  name: 'locks_over',
  text: `SELECT ${userColumns} FROM users WHERE lock_until <= $1 ORDER BY lock_until, user_id LIMIT $2`,
};
