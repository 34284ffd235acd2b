import type { DatabaseSync } from 'node:sqlite';
import type { OrganizationId } from '../../domain/ids.ts';
import { parsePolicyRecord, parsePolicyRow, parseUser, userColumns } from '../sql/rows.ts';
import type { Store } from '../store.ts';
import { reading } from './error.ts';
import { snapshot } from './snapshot.ts';

type PolicyReads = Pick<Store, 'loadLockoutPolicies' | 'listLockoutPolicies' | 'listLocksOver'>;

/** What the lockout policies are, and which locks have come to their end. */
export function createPolicyReads(db: DatabaseSync): PolicyReads {
  const policy = db.prepare('SELECT * FROM lockout_policies WHERE organization_id = ?');
  const policies = db.prepare('SELECT * FROM lockout_policies ORDER BY organization_id');
  const newest = db.prepare('SELECT coalesce(max(position), 0) AS position FROM events');
  const over = db.prepare(
    `SELECT ${userColumns} FROM users WHERE lock_until <= ? ORDER BY lock_until, user_id LIMIT ?`,
  );
  const load = (organizationId: string | undefined) => {
    const row = organizationId && policy.get(organizationId);
    return row ? parsePolicyRow(row) : undefined;
  };
  return {
    loadLockoutPolicies: reading((organizationId: OrganizationId | undefined) => {
      const instance = policy.get('');
      return { instance: instance && parsePolicyRow(instance), organization: load(organizationId) };
    }),
    listLockoutPolicies: reading(() =>
      snapshot(db, () => ({
        rows: policies.all().map(parsePolicyRecord),
        position: newest.get()?.position as number,
      })),
    ),
    listLocksOver: reading((nowMs, limit) => over.all(nowMs, limit).map(parseUser)),
  };
}
