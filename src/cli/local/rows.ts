import type { RecordedEvent } from '../../domain/events.ts';
import type { UserFilter } from '../../domain/filter.ts';
import { parseNameSought } from '../../domain/ids.ts';
import { actingPolicy } from '../../domain/lock-events.ts';
import { displayNameOf, loginNameOf, type Organization, type Profile, type User } from '../../domain/user.ts';
import type { PageRequest } from '../../queries/page.ts';
import type { HistoryEntry } from '../../queries/user-history.ts';
import type { GrantRecord, Listed, TokenFilter, TokenRecord, UserRecord } from '../../store/store.ts';
import type {
  ActorRow,
  EventRow,
  GrantRow,
  HistoryRow,
  OrganizationRow,
  TokenQuery,
  TokenRow,
  UserQuery,
  UserRow,
} from '../backend.ts';
import type { ChangeRow, Listing, PageQuery } from '../page.ts';

/** Milliseconds since 1970 → RFC 3339, UTC. */
export const timeText = (milliseconds: number): string => new Date(milliseconds).toISOString();

/** A page in the order of its sorting column. */
export const pageRequest = ({ offset, limit }: PageQuery): PageRequest => ({
  offset: BigInt(offset),
  limit,
  ascending: true,
});

/** What the store listed, as rows. */
export function listing<Stored, Row>(listed: Listed<Stored>, row: (stored: Stored) => Row): Listing<Row> {
  return { rows: listed.rows.map(row), total: listed.total };
}

/** A user after a change. */
export function changeRow(user: User): ChangeRow {
  return {
    userId: user.userId,
    organizationId: user.organizationId,
    sequence: user.sequence,
    creationDate: timeText(user.createdAt),
    changeDate: timeText(user.changedAt),
  };
}

/** A user as listed. */
export function userRow(record: UserRecord): UserRow {
  const { user, profile } = record;
  return {
    ...changeRow(user),
    state: user.state,
    type: user.kind,
    userName: profile.userName,
    loginName: loginNameOf(record),
    ...profileFields(profile),
  };
}

function profileFields(profile: Profile): Pick<UserRow, 'displayName' | 'email' | 'phone' | 'externalId'> {
  const displayName = displayNameOf(profile);
  if (profile.kind === 'machine') return { displayName };
  if (profile.kind === 'external') return { displayName, externalId: profile.externalId };
  const { email, phone, externalId } = profile;
  return {
    displayName,
    email,
    ...(phone !== undefined && { phone }),
    ...(externalId !== undefined && { externalId }),
  };
}

/** What a list of users asks for. */
export function userFilters(query: Omit<UserQuery, keyof PageQuery>): readonly UserFilter[] {
  const { state, type, organizationId, search, loginName, name, externalId, userIds } = query;
  const filters: UserFilter[] = [];
  if (userIds !== undefined) filters.push({ kind: 'ids', userIds });
  if (state !== undefined) filters.push({ kind: 'state', state });
  if (type !== undefined) filters.push({ kind: 'type', type });
  if (organizationId !== undefined) filters.push({ kind: 'organization', organizationId });
  if (externalId !== undefined) filters.push(anyOf(['external_id'], 'equals', externalId));
  if (search !== undefined) {
    const names = anyOf(['user_name', 'display_name', 'email'], 'contains_ignore_case', search);
    filters.push({ kind: 'or', filters: [names, anyOf(['external_id'], 'equals', search)] });
  }
  if (loginName !== undefined) {
    filters.push(anyOf(['login_name'], 'equals_ignore_case', parseNameSought(loginName, 'login_name')));
  }
  if (name !== undefined) {
    filters.push(anyOf(['user_name', 'email'], 'equals_ignore_case', parseNameSought(name, 'user_name')));
  }
  return filters;
}

type TextFilter = Extract<UserFilter, { kind: 'text' }>;

function anyOf(
  fields: readonly TextFilter['field'][],
  method: TextFilter['method'],
  value: string,
): UserFilter {
  return { kind: 'or', filters: fields.map((field) => ({ kind: 'text', field, method, value })) };
}

/** What a list of tokens asks for. */
export function tokenFilters({ userId, tokenId }: Omit<TokenQuery, keyof PageQuery>): readonly TokenFilter[] {
  const filters: TokenFilter[] = [];
  if (userId !== undefined) filters.push({ kind: 'user_id', id: userId });
  if (tokenId !== undefined) filters.push({ kind: 'token_id', id: tokenId });
  return filters;
}

/** A token as listed. */
export function tokenRow({ token, organizationId }: TokenRecord): TokenRow {
  return {
    tokenId: token.tokenId,
    userId: token.userId,
    organizationId,
    creationDate: timeText(token.createdAt),
    expirationDate: timeText(token.expiresAt),
  };
}

/** A role as listed. */
export function grantRow({ userId, grant }: GrantRecord): GrantRow {
  const { role, organizationId } = grant;
  return { userId, role, ...(organizationId !== undefined && { organizationId }) };
}

/** An organization as listed. */
export function organizationRow({ organizationId, name, domain, createdAt }: Organization): OrganizationRow {
  return { organizationId, name, domain, creationDate: timeText(createdAt) };
}

/** An event as recorded. */
export function eventRow(event: RecordedEvent): EventRow {
  const { position, eventId, userId, sequence, type, createdAt, payload } = event;
  return {
    position,
    eventId,
    userId,
    sequence,
    type,
    creationDate: timeText(createdAt),
    payload,
    actor: actorRow(event),
  };
}

/** An entry of a user's history. */
export function historyRow({ event, actorLoginName }: HistoryEntry): HistoryRow {
  const { position: _, ...row } = eventRow(event);
  return { ...row, ...(actorLoginName !== undefined && { actorLoginName }) };
}

function actorRow(event: RecordedEvent): ActorRow {
  const { actorUserId, actorOsUser, actorSubject, ...origin } = event.meta;
  const policy = actingPolicy(event);
  return {
    ...(policy !== undefined && { policy }),
    ...(actorUserId !== undefined && { userId: actorUserId }),
    ...(actorOsUser !== undefined && { osUser: actorOsUser }),
    ...(actorSubject !== undefined && { subject: actorSubject }),
    ...origin,
  };
}
