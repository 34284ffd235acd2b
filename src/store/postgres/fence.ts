import { schemaVersion } from '../sql/schema-version.ts';

/**
 * One, in the statement that writes; where the schema was raised above this code, the statement fails of it (22012), which
 * `connection` turns into Fenced. So no other question goes before a write, and nothing comes between. It looks into the
 * index of a table of a few rows. The statement has its lock on the table that it writes to before its snapshot is
 * taken, and migrations wait for that lock: whoever writes after one has seen it.
 */
export const unfenced = `(SELECT 1 / (max(version) <= ${schemaVersion})::int FROM migrations)`;
