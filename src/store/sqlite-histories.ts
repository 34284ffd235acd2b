import type { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RecordedEvent } from '../domain/events.ts';
import type { UserId } from '../domain/ids.ts';
import type { Profile } from '../domain/user.ts';
import { asStoreError } from './sqlite-error.ts';
import {
  parseEvent,
  parsePassword,
  parseProfileKeys,
  parseToken,
  parseUser,
  userColumns,
} from './sqlite-rows.ts';
import { snapshot } from './sqlite-snapshot.ts';
import type { History } from './store.ts';

/** Users in one turn of the event loop, and events in one: others are answered in between. */
const usersPerTurn = 100;
const eventsPerTurn = 1_000;

/** Store.readHistories. Rows are read in one transaction; their events never change, so those may be read after it. */
export function createHistories(db: DatabaseSync): () => AsyncGenerator<History> {
  const statements = prepare(db);
  return async function* readHistories() {
    let userId = '' as UserId;
    try {
      for (let users = 1; ; users += 1) {
        if (users % usersPerTurn === 0) await nextTurn();
        const history = snapshot(db, () => readAfter(statements, userId));
        if (history === undefined) return;
        yield history;
        userId = history.userId;
      }
    } catch (error) {
      throw asStoreError(error);
    }
  };
}

type Statements = ReturnType<typeof prepare>;

function prepare(db: DatabaseSync) {
  return {
    // Any table may know an id that the others do not: that is one of the things to be found.
    nextId: db.prepare(
      'SELECT min(user_id) AS user_id FROM (SELECT min(user_id) AS user_id FROM users WHERE user_id > ?1 UNION ALL ' +
        'SELECT min(user_id) FROM profiles WHERE user_id > ?1 UNION ALL SELECT min(user_id) FROM tokens WHERE user_id > ?1 ' +
        'UNION ALL SELECT min(user_id) FROM events WHERE user_id > ?1)',
    ),
    user: db.prepare(`SELECT ${userColumns}, users.lock_until FROM users WHERE user_id = ?`),
    profile: db.prepare(
      'SELECT organization_id, user_name, user_name_folded, email_folded, profile, password_change_required, password_changed_at FROM profiles WHERE user_id = ?',
    ),
    tokens: db.prepare(
      'SELECT token_id, user_id, sequence AS token_sequence, created_at AS token_created_at, expires_at FROM tokens WHERE user_id = ? ORDER BY sequence',
    ),
    newest: db.prepare('SELECT coalesce(max(sequence), 0) AS sequence FROM events WHERE user_id = ?'),
    events: db.prepare(
      'SELECT * FROM events WHERE user_id = ? AND sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?',
    ),
  };
}

function readAfter(statements: Statements, after: UserId): History | undefined {
  const userId = statements.nextId.get(after)?.user_id as UserId | null;
  if (userId === null) return undefined;
  const user = statements.user.get(userId);
  const profile = statements.profile.get(userId);
  const newest = statements.newest.get(userId)?.sequence as number;
  return {
    userId,
    user: user && parseUser(user),
    lockUntil: (user?.lock_until as number | null | undefined) ?? undefined,
    profile: profile && (JSON.parse(profile.profile as string) as Profile),
    profileKeys: profile && parseProfileKeys(profile),
    password: profile && parsePassword(profile),
    tokens: statements.tokens.all(userId).map(parseToken),
    events: readEvents(statements, userId, newest),
  };
}

async function* readEvents(
  statements: Statements,
  userId: UserId,
  newest: number,
): AsyncGenerator<RecordedEvent> {
  let sequence = 0;
  while (sequence < newest) {
    if (sequence > 0) await nextTurn();
    const rows = statements.events.all(userId, sequence, newest, eventsPerTurn);
    for (const row of rows) yield parseEvent(row);
    sequence = (rows.at(-1)?.sequence as number | undefined) ?? newest;
  }
}
