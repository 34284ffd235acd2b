import type { EventMeta, InstanceEvent, UserEvent } from '../../domain/events.ts';
import { evolve } from '../../domain/evolve/evolve.ts';
import { isProfileEvent } from '../../domain/evolve/profile.ts';
import { foldText } from '../../domain/filter.ts';
import type { UserId } from '../../domain/ids.ts';
import { externalIdOf, type Profile, type User } from '../../domain/user.ts';
import { changedProfile, foldedEmail, nameTakenSql, nameTakenValues, newlyNamed } from '../sql/login-name.ts';
import { userValues } from '../sql/user-values.ts';
import type { Change, ChangeTime } from '../store.ts';
import { metaColumns, metaNames } from './batch.ts';
import type { Connection, Statement } from './connection.ts';
import { insertErasure } from './erasures.ts';
import { sqlState } from './error.ts';
import { unfenced } from './fence.ts';
import { transaction } from './pool.ts';
import { AttemptOver, deleteChecks, endAttempt } from './rows/attempts.ts';
import { endCodes, writeCodes } from './rows/codes.ts';
import { writeMetadata } from './rows/metadata.ts';
import { foldedProfileValues, foldProfile } from './rows/users.ts';

export type AppendOutcome = User | 'stale' | 'user name taken';

/** The row that the change leads to. */
export function evolveAll({ before, userId, events, at }: Change): User {
  let after = before;
  for (const event of events) after = evolve(after, event, { userId, createdAt: at.createdAt });
  if (after === undefined) throw new Error('bug: a change without an event');
  return after;
}

/** Writes one change in a transaction of its own: the row by compare-and-set, then its events and what follows. */
export async function appendAlone(
  connection: Connection,
  change: Change,
  nextBatchId: () => string,
): Promise<AppendOutcome> {
  const after = evolveAll(change);
  try {
    // The look for the name must see what was committed before the organization's lock was had.
    return await transaction(connection, 'BEGIN ISOLATION LEVEL READ COMMITTED', async () => {
      if (await isNameTaken(connection, change)) return 'user name taken';
      if (!(await writeUser(connection, change.before, after))) return 'stale';
      await endAttempt(connection, change);
      await writeEvents(connection, change, nextBatchId());
      let sequence = change.before?.sequence ?? 0;
      for (const event of change.events) {
        sequence += 1;
        await writeRest(connection, change, event, sequence);
        await endCodes(connection, change.userId, event);
        await writeMetadata(connection, change, event);
      }
      if (change.profile !== undefined && change.events.some(isProfileEvent)) {
        await connection.query(updateProfile, updateValues(change.profile, change));
      }
      await writeCodes(connection, change);
      return after;
    });
  } catch (error) {
    // Two at once may both have found the name free; the constraint lets one through.
    if (isConstraint(error, 'profiles_user_name')) return 'user name taken';
    if (isConstraint(error, 'profiles_external_id')) return 'user name taken';
    if (error instanceof AttemptOver) return 'stale';
    throw error;
  }
}

function isConstraint(error: unknown, name: string): boolean {
  return sqlState(error) === '23505' && (error as { readonly constraint?: string }).constraint === name;
}

async function isNameTaken(connection: Connection, change: Change): Promise<boolean> {
  const named = newlyNamed(change);
  if (named === undefined) return false;
  // No constraint says that a user name is nobody's e-mail address: those who join an organization go one by one.
  await connection.query(lockOrganization, [named.organizationId]);
  return (await connection.query(nameTaken, nameTakenValues(named))).length > 0;
}

/** Until the transaction ends, nobody else joins the organization or takes a name in it. */
export const lockOrganization: Statement = {
  name: 'lock_organization',
  text: 'SELECT organization_id FROM organizations WHERE organization_id = $1 FOR UPDATE',
};
const nameTaken: Statement = { name: 'name_taken', text: nameTakenSql((index) => `$${index}::text`) };

async function writeUser(connection: Connection, before: User | undefined, after: User): Promise<boolean> {
  const values = userValues(after);
  const rows = await (before === undefined
    ? connection.query(insertUser, values)
    : connection.query(updateUser, [...values, before.sequence]));
  return rows.length === 1;
}

const insertUser: Statement = {
  name: 'insert_user',
  text: 'INSERT INTO users VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12) ON CONFLICT DO NOTHING RETURNING user_id',
};
const updateUser: Statement = {
  name: 'update_user',
  text:
    'UPDATE users SET organization_id = $2, kind = $3, state = $4, sequence = $5, created_at = $6, changed_at = $7, ' +
    'failed_password_attempts = $8, tokens_ended_sequence = $9, grants = $10, lockout = $11, lock_until = $12 ' +
    'WHERE user_id = $1 AND sequence = $13 RETURNING user_id',
};

export interface EventsToWrite {
  readonly userId: UserId;
  readonly before: { readonly sequence: number } | undefined;
  readonly events: readonly (UserEvent | InstanceEvent)[];
  readonly at: ChangeTime;
  readonly meta: EventMeta;
}

/** Writes the events behind `before`, in their order. Throws Fenced, of which the whole transaction fails. */
export async function writeEvents(
  connection: Connection,
  { userId, before, events, at, meta }: EventsToWrite,
  batchId: string,
): Promise<void> {
  await connection.query(insertEvents, [
    userId,
    before?.sequence ?? 0,
    at.createdAt,
    at.eventId,
    ...metaColumns.map(([, key]) => meta[key]),
    events.map(({ type }) => type),
    events.map(({ payload }) => JSON.stringify(payload)),
    batchId,
    events.length,
  ]);
}

const metaParameters = metaColumns.map((_, index) => `$${index + 5}::text`).join(', ');
const typesIndex = metaColumns.length + 5;
const [payloadsIndex, batchIndex, countIndex] = [typesIndex + 1, typesIndex + 2, typesIndex + 3];

const insertEvents: Statement = {
  name: 'insert_events',
  text:
    `WITH batch AS (INSERT INTO batches (batch_id, events, created_at) VALUES ($${batchIndex}::text, $${countIndex}::bigint, $3::bigint)) ` +
    `INSERT INTO events (user_id, sequence, batch_id, place, created_at, event_id, ${metaNames}, type, payload) ` +
    `SELECT $1::text, $2::bigint + input.place, $${batchIndex}::text, input.place - 1, $3::bigint, $4::text, ${metaParameters}, input.type, input.payload ` +
    `FROM unnest($${typesIndex}::text[], $${payloadsIndex}::text[]) WITH ORDINALITY AS input(type, payload, place) ` +
    `WHERE ${unfenced} = 1`,
};

// Profile, password and token rows follow from the event; lock, deactivate and delete end tokens and sessions.
async function writeRest(
  connection: Connection,
  change: Change,
  event: UserEvent,
  sequence: number,
): Promise<void> {
  const { userId, at, secrets } = change;
  switch (event.type) {
    case 'user.human.added':
    case 'user.machine.added':
    case 'user.external.added':
      await connection.query(insertProfile, foldedProfileValues(change, event));
      return;
    case 'user.human.password.changed': {
      if (secrets?.passwordHash === undefined) throw new Error('bug: a password without a hash');
      const changeRequired = Number(event.payload.changeRequired);
      await connection.query(setPassword, [userId, secrets.passwordHash, changeRequired, at.createdAt]);
      return;
    }
    case 'user.human.password.check.succeeded':
      if (secrets?.passwordHash !== undefined)
        await connection.query(replaceHash, [userId, secrets.passwordHash]);
      return;
    case 'user.pat.added': {
      if (secrets?.tokenSecretHash === undefined) throw new Error('bug: a token without a secret');
      const { tokenId, expiresAt } = event.payload;
      const values = [tokenId, userId, sequence, secrets.tokenSecretHash, at.createdAt, expiresAt];
      await connection.query(insertToken, values);
      return;
    }
    case 'user.pat.removed':
      await connection.query(deleteToken, [userId, event.payload.tokenId]);
      return;
    case 'user.erased':
      await connection.query(insertErasure, [userId, at.createdAt]);
      return;
    case 'user.removed':
      await connection.query(deleteProfile, [userId]);
      await connection.query(deleteTokens, [userId]);
      await connection.query(deleteSessions, [userId]);
      await connection.query(deleteChecks, [userId]);
      return;
    case 'user.locked':
    case 'user.deactivated':
      await connection.query(deleteTokens, [userId]);
      await connection.query(deleteSessions, [userId]);
      return;
    default:
      return;
  }
}

function updateValues(before: Profile, { userId, events }: Change): readonly unknown[] {
  const profile = changedProfile(before, events);
  const { userName } = profile;
  const texts = [userName, foldText(userName), JSON.stringify(profile), JSON.stringify(foldProfile(profile))];
  return [userId, ...texts, foldedEmail(profile), externalIdOf(profile)];
}

const insertProfile: Statement = {
  name: 'insert_profile',
  text:
    'INSERT INTO profiles (user_id, organization_id, user_name, user_name_folded, profile, password_hash, ' +
    'password_change_required, password_changed_at, email_folded, external_id, profile_folded) ' +
    'VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)',
};
const updateProfile: Statement = {
  name: 'update_profile',
  text:
    'UPDATE profiles SET user_name = $2, user_name_folded = $3, profile = $4, profile_folded = $5, email_folded = $6, ' +
    'external_id = $7 WHERE user_id = $1',
};
const setPassword: Statement = {
  name: 'set_password',
  text: 'UPDATE profiles SET password_hash = $2, password_change_required = $3, password_changed_at = $4 WHERE user_id = $1',
};
/** The same password, kept in another way. */
const replaceHash: Statement = {
  name: 'replace_hash',
  text: 'UPDATE profiles SET password_hash = $2 WHERE user_id = $1',
};
const insertToken: Statement = {
  name: 'insert_token',
  text: 'INSERT INTO tokens VALUES ($1,$2,$3,$4,$5,$6)',
};
const deleteToken: Statement = {
  name: 'delete_token',
  text: 'DELETE FROM tokens WHERE user_id = $1 AND token_id = $2',
};
const deleteProfile: Statement = {
  name: 'delete_profile',
  text: 'DELETE FROM profiles WHERE user_id = $1',
};
const deleteTokens: Statement = {
  name: 'delete_tokens',
  text: 'DELETE FROM tokens WHERE user_id = $1',
};
const deleteSessions: Statement = {
  name: 'delete_sessions',
  text: 'DELETE FROM sessions WHERE user_id = $1',
};
