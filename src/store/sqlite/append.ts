import {
  type EventMeta,
  type InstanceEvent,
  instanceStream,
  type OrganizationAdded,
  type UserEvent,
} from '../../domain/events.ts';
import { evolve } from '../../domain/evolve/evolve.ts';
import { evolvePolicy, policyEvent, type StoredPolicy } from '../../domain/evolve/policy.ts';
import { isProfileEvent } from '../../domain/evolve/profile.ts';
import { foldText } from '../../domain/filter.ts';
import { externalIdOf, type Profile, type User } from '../../domain/user.ts';
import { codesEndedBy } from '../sql/codes.ts';
import { changedProfile, foldedEmail, nameTakenValues, newlyNamed } from '../sql/login-name.ts';
import { metadataValue } from '../sql/metadata.ts';
import { LoadedUser, lockoutValues } from '../sql/rows.ts';
import { sessionValues } from '../sql/session-rows.ts';
import { profileValues, userValues } from '../sql/user-values.ts';
import type { Change, ChangeTime, PolicyChange, StoredSession } from '../store.ts';
import type { Write, WriteRequest, WriteValue } from './write-statements.ts';

/** A change as the writer takes it, and the user that it makes. */
interface Planned<Row> {
  readonly request: WriteRequest;
  readonly after: Row;
}

/** The row by compare-and-set, then its events, each with the rows that follow from it. Pure. */
export function planChange(change: Change): Planned<User> {
  const { before, userId, at, meta } = change;
  const events: WriteValue[][] = [];
  const rest: Write[] = [];
  let after = before;
  for (const event of change.events) {
    after = evolve(after, event, { userId, createdAt: at.createdAt });
    events.push(eventValues(after.sequence, event, at, meta));
    if (touchesMoreThanTheRow(event)) {
      rest.push(...followingWrites(change, event, after.sequence), ...codeEnds(userId, event));
    }
  }
  if (after === undefined) throw new Error('bug: a change without an event');
  if (change.profile !== undefined && change.events.some(isProfileEvent)) {
    rest.push(profileUpdate(change.profile, change));
  }
  if (change.attemptId !== undefined) rest.push(['deleteAttempt', [userId, change.attemptId]]);
  if (change.codes !== undefined) rest.push(...codeWrites(userId, change.codes));
  if (change.session !== undefined) rest.push(['beginSession', sessionRow(change.session)]);
  const previous = LoadedUser.newestPosition(before) ?? null;
  return { request: [rowWrite(before, after), userId, previous, events, rest, guardOf(change)], after };
}

/** An organization's row and its event in the instance's own stream. Pure. */
export function planOrganization(event: OrganizationAdded, at: ChangeTime, meta: EventMeta): WriteRequest {
  const { organizationId, name, domain } = event.payload;
  const row: Write = ['insertOrganization', [organizationId, name, domain, at.createdAt]];
  return [row, instanceStream, 0, [eventValues(0, event, at, meta)], [], null];
}

/** The policy by compare-and-set, and its event in the instance's own stream. Pure. */
export function planPolicy(change: PolicyChange): Planned<StoredPolicy> {
  const { organizationId = '', before, at, meta } = change;
  const event = policyEvent(change.organizationId, change.policy);
  const after = evolvePolicy(before, event, at.createdAt);
  const policy = after.policy === undefined ? null : JSON.stringify(after.policy);
  const { sequence, createdAt, changedAt } = after;
  const row: Write =
    before === undefined
      ? ['insertPolicy', [organizationId, policy, sequence, createdAt, changedAt]]
      : ['movePolicy', [policy, sequence, changedAt, organizationId, before.sequence]];
  return { request: [row, instanceStream, 0, [eventValues(0, event, at, meta)], [], null], after };
}

function guardOf(change: Change): Write | null {
  const { userId, attemptId } = change;
  if (attemptId !== undefined) return ['attemptOver', [userId, attemptId]];
  const named = newlyNamed(change);
  return named === undefined ? null : ['nameTaken', nameTakenValues(named)];
}

function rowWrite(before: User | undefined, after: User): Write {
  if (before === undefined) return ['insertUser', userValues(after)];
  if (before.grants !== after.grants || before.createdAt !== after.createdAt) {
    const [userId, ...others] = userValues(after);
    return ['updateUser', [...others, userId, before.sequence]];
  }
  return [
    'moveUser',
    [
      after.state,
      after.sequence,
      after.changedAt,
      after.failedPasswordAttempts,
      after.tokensEndedSequence,
      ...lockoutValues(after.lockout),
      after.userId,
      before.sequence,
    ],
  ];
}

/** An event as the writer takes it; of the instance's the sequence is counted there. */
export function eventValues(
  sequence: number,
  event: UserEvent | InstanceEvent,
  at: ChangeTime,
  meta: EventMeta,
): WriteValue[] {
  return [
    sequence,
    at.eventId,
    event.type,
    at.createdAt,
    JSON.stringify(event.payload),
    meta.actorUserId ?? null,
    meta.actorOsUser ?? null,
    meta.actorSubject ?? null,
    meta.ip ?? null,
    meta.userAgent ?? null,
    meta.requestId ?? null,
    meta.traceparent ?? null,
    meta.reason ?? null,
  ];
}

/** What passes between the threads is JSON: the hash goes as hex. */
export function sessionRow(session: StoredSession): readonly WriteValue[] {
  return [...sessionValues(session), Buffer.from(session.tokenHash).toString('hex')];
}

function touchesMoreThanTheRow(event: UserEvent): boolean {
  return event.type !== 'user.unlocked' && event.type !== 'user.reactivated';
}

// Profile, password and token rows follow from the event; lock, deactivate and delete end tokens and sessions.
function followingWrites(change: Change, event: UserEvent, sequence: number): readonly Write[] {
  const { userId, at, secrets } = change;
  switch (event.type) {
    case 'user.human.added':
    case 'user.machine.added':
    case 'user.external.added':
      return [['insertProfile', profileValues(change, event)]];
    case 'user.human.password.changed': {
      if (secrets?.passwordHash === undefined) throw new Error('bug: a password without a hash');
      const required = Number(event.payload.changeRequired);
      return [['setPassword', [secrets.passwordHash, required, at.createdAt, userId]]];
    }
    case 'user.human.password.check.succeeded':
      if (secrets?.passwordHash === undefined) return [];
      return [['replaceHash', [secrets.passwordHash, userId]]];
    case 'user.pat.added': {
      if (secrets?.tokenSecretHash === undefined) throw new Error('bug: a token without a secret');
      const { tokenId, expiresAt } = event.payload;
      const secretHash = Buffer.from(secrets.tokenSecretHash).toString('hex');
      return [['insertToken', [tokenId, userId, sequence, secretHash, at.createdAt, expiresAt]]];
    }
    case 'user.pat.removed':
      return [['deleteToken', [event.payload.tokenId, userId]]];
    case 'user.metadata.set': {
      const { key } = event.payload;
      const value = metadataValue(change.metadata, key).toString('hex');
      return [['setMetadata', [userId, key, value, at.createdAt]]];
    }
    case 'user.erased':
      return [['insertErasure', [userId, at.createdAt]]];
    case 'user.metadata.removed':
      return [['deleteMetadata', [userId, event.payload.key]]];
    case 'user.removed':
      return [
        ['deleteProfile', [userId]],
        ['deleteAllMetadata', [userId]],
        ['deleteTokens', [userId]],
        ['deleteSessions', [userId]],
        ['deleteCheck', [userId]],
      ];
    case 'user.locked':
    case 'user.deactivated':
      return [
        ['deleteTokens', [userId]],
        ['deleteSessions', [userId]],
      ];
    default:
      return [];
  }
}

function codeEnds(userId: string, event: UserEvent): readonly Write[] {
  const ended = codesEndedBy(event);
  if (ended === undefined) return [];
  return ended === 'all' ? [['deleteCodes', [userId]]] : [['deleteCode', [userId, ended]]];
}

function codeWrites(userId: string, codes: NonNullable<Change['codes']>): readonly Write[] {
  return codes.map(({ kind, after }) =>
    after === undefined
      ? ['deleteCode', [userId, kind]]
      : ['setCode', [userId, kind, after.digest, after.expiresAt, after.tries]],
  );
}

function profileUpdate(before: Profile, { userId, events }: Change): Write {
  const profile = changedProfile(before, events);
  const { userName } = profile;
  const texts = [userName, foldText(userName), JSON.stringify(profile), foldedEmail(profile) ?? null];
  return ['updateProfile', [...texts, externalIdOf(profile) ?? null, userId]];
}
