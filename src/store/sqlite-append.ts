import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { EventMeta, OrganizationAdded, UserEvent } from '../domain/events.ts';
import { instanceStream } from '../domain/events.ts';
import { evolve, evolvePassword, evolveProfile } from '../domain/evolve.ts';
import type { UserId } from '../domain/ids.ts';
import type { Organization, User } from '../domain/user.ts';
import { foldText } from '../domain/user-filter.ts';
import type { Change, ChangeTime } from './store.ts';

export type AppendOutcome = User | 'stale' | 'user name taken';

/** Writes one change inside the transaction that is open: the row by compare-and-set, then its events. */
export interface Appender {
  append(change: Change): AppendOutcome;
  addOrganization(event: OrganizationAdded, at: ChangeTime, meta: EventMeta): Organization | 'taken';
}

/** Prepares the statements once. */
export function createAppender(db: DatabaseSync): Appender {
  const statements = prepare(db);
  return {
    append: (change) => append(statements, change),
    addOrganization: (event, at, meta) => addOrganization(statements, event, at, meta),
  };
}

type Statements = ReturnType<typeof prepare>;

function prepare(db: DatabaseSync) {
  return {
    updateUser: db.prepare(
      'UPDATE users SET organization_id = ?, kind = ?, state = ?, sequence = ?, created_at = ?, changed_at = ?, ' +
        'failed_password_attempts = ?, tokens_ended_sequence = ?, grants = ? WHERE user_id = ? AND sequence = ?',
    ),
    moveUser: db.prepare(
      'UPDATE users SET state = ?, sequence = ?, changed_at = ?, failed_password_attempts = ?, ' +
        'tokens_ended_sequence = ? WHERE user_id = ? AND sequence = ?',
    ),
    insertUser: db.prepare('INSERT INTO users VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING'),
    insertEvent: db.prepare(
      'INSERT INTO events (user_id, sequence, event_id, type, created_at, payload, actor_user_id, actor_os_user, ip, ' +
        'user_agent, request_id, traceparent, reason) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)',
    ),
    insertProfile: db.prepare('INSERT INTO profiles VALUES (?,?,?,?,?,?,?,?)'),
    nameTaken: db.prepare('SELECT 1 FROM profiles WHERE organization_id = ? AND user_name_folded = ?'),
    deleteProfile: db.prepare('DELETE FROM profiles WHERE user_id = ?'),
    setPassword: db.prepare(
      'UPDATE profiles SET password_hash = ?, password_change_required = ?, password_changed_at = ? WHERE user_id = ?',
    ),
    insertToken: db.prepare('INSERT INTO tokens VALUES (?,?,?,?,?,?)'),
    deleteToken: db.prepare('DELETE FROM tokens WHERE token_id = ? AND user_id = ?'),
    deleteTokens: db.prepare('DELETE FROM tokens WHERE user_id = ?'),
    insertOrganization: db.prepare('INSERT INTO organizations VALUES (?,?,?,?) ON CONFLICT DO NOTHING'),
    instanceSequence: db.prepare(
      'SELECT coalesce(max(sequence), 0) + 1 AS sequence FROM events WHERE user_id = ?',
    ),
  };
}

function append(statements: Statements, change: Change): AppendOutcome {
  const { before, userId, at } = change;
  const first = change.events[0];
  if (first !== undefined && 'profile' in first.payload) {
    const { organizationId, profile } = first.payload;
    if (statements.nameTaken.get(organizationId, foldText(profile.userName))) return 'user name taken';
  }
  let after = before;
  for (const event of change.events) after = evolve(after, event, { userId, createdAt: at.createdAt });
  if (after === undefined) throw new Error('bug: a change without an event');
  if (!writeUser(statements, before, after)) return 'stale';
  let sequence = before?.sequence ?? 0;
  for (const event of change.events) {
    sequence += 1;
    writeEvent(statements, { userId, sequence, event, at, meta: change.meta });
    if (touchesMoreThanTheRow(event)) writeRest(statements, change, event, sequence);
  }
  return after;
}

function writeUser(statements: Statements, before: User | undefined, after: User): boolean {
  if (before === undefined) return statements.insertUser.run(...userValues(after)).changes === 1;
  if (before.grants === after.grants && before.createdAt === after.createdAt) {
    const { state, sequence, changedAt, failedPasswordAttempts, tokensEndedSequence, userId } = after;
    return (
      statements.moveUser.run(
        state,
        sequence,
        changedAt,
        failedPasswordAttempts,
        tokensEndedSequence,
        userId,
        before.sequence,
      ).changes === 1
    );
  }
  const [userId, ...values] = userValues(after);
  return statements.updateUser.run(...values, userId, before.sequence).changes === 1;
}

function userValues(user: User) {
  return [
    user.userId,
    user.organizationId,
    user.kind,
    user.state,
    user.sequence,
    user.createdAt,
    user.changedAt,
    user.failedPasswordAttempts,
    user.tokensEndedSequence,
    JSON.stringify(user.grants),
  ] as const;
}

interface EventRow {
  readonly userId: UserId;
  readonly sequence: number;
  readonly event: UserEvent | OrganizationAdded;
  readonly at: ChangeTime;
  readonly meta: EventMeta;
}

function writeEvent(statements: { insertEvent: StatementSync }, row: EventRow): void {
  const { event, at, meta } = row;
  statements.insertEvent.run(
    row.userId,
    row.sequence,
    at.eventId,
    event.type,
    at.createdAt,
    JSON.stringify(event.payload),
    meta.actorUserId ?? null,
    meta.actorOsUser ?? null,
    meta.ip ?? null,
    meta.userAgent ?? null,
    meta.requestId ?? null,
    meta.traceparent ?? null,
    meta.reason ?? null,
  );
}

function touchesMoreThanTheRow(event: UserEvent): boolean {
  return event.type !== 'user.unlocked' && event.type !== 'user.reactivated';
}

// Profile, password and token rows follow from the event; lock, deactivate and delete end the tokens.
function writeRest(statements: Statements, change: Change, event: UserEvent, sequence: number): void {
  const { userId, at, secrets } = change;
  switch (event.type) {
    case 'user.human.added':
    case 'user.machine.added': {
      const profile = evolveProfile(undefined, event);
      const password = evolvePassword(undefined, event, at.createdAt);
      if (profile === undefined) throw new Error('bug: a user without a profile');
      statements.insertProfile.run(
        userId,
        event.payload.organizationId,
        profile.userName,
        foldText(profile.userName),
        JSON.stringify(profile),
        secrets?.passwordHash ?? null,
        password === undefined ? null : Number(password.changeRequired),
        password?.changedAt ?? null,
      );
      return;
    }
    case 'user.human.password.changed':
      if (secrets?.passwordHash === undefined) throw new Error('bug: a password without a hash');
      statements.setPassword.run(
        secrets.passwordHash,
        Number(event.payload.changeRequired),
        at.createdAt,
        userId,
      );
      return;
    case 'user.pat.added':
      if (secrets?.tokenSecretHash === undefined) throw new Error('bug: a token without a secret');
      statements.insertToken.run(
        event.payload.tokenId,
        userId,
        sequence,
        secrets.tokenSecretHash,
        at.createdAt,
        event.payload.expiresAt,
      );
      return;
    case 'user.pat.removed':
      statements.deleteToken.run(event.payload.tokenId, userId);
      return;
    case 'user.removed':
      statements.deleteProfile.run(userId);
      statements.deleteTokens.run(userId);
      return;
    case 'user.locked':
    case 'user.deactivated':
      statements.deleteTokens.run(userId);
      return;
    default:
      return;
  }
}

function addOrganization(
  statements: Statements,
  event: OrganizationAdded,
  at: ChangeTime,
  meta: EventMeta,
): Organization | 'taken' {
  const { organizationId, name, domain } = event.payload;
  const inserted = statements.insertOrganization.run(organizationId, name, domain, at.createdAt);
  if (inserted.changes === 0) return 'taken';
  const sequence = statements.instanceSequence.get(instanceStream)?.sequence as number;
  writeEvent(statements, { userId: instanceStream, sequence, event, at, meta });
  return { organizationId, name, domain, createdAt: at.createdAt };
}
