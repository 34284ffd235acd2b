import type {
  Actor,
  Event,
  GetCallerResponse,
  Grant,
  HistoryEntry,
  Organization,
} from '../../../gen/grpc-js/latchkey/v1/admin.ts';
import type { Details } from '../../../gen/grpc-js/zitadel/object/v2/object.ts';
import type { PersonalAccessToken } from '../../../gen/grpc-js/zitadel/user/v2/personal_access_token.ts';
import { type User, UserState } from '../../../gen/grpc-js/zitadel/user/v2/user.ts';
import type { UserState as DomainState } from '../../domain/user.ts';
import type {
  ActorRow,
  CallerRow,
  EventRow,
  GrantRow,
  HistoryRow,
  OrganizationRow,
  TokenRow,
  UserRow,
} from '../backend.ts';
import { CliError } from '../failure.ts';
import type { ChangeRow } from '../page.ts';

/** The wire's number of each state. */
export const stateNumbers = {
  initial: UserState.USER_STATE_INITIAL,
  active: UserState.USER_STATE_ACTIVE,
  inactive: UserState.USER_STATE_INACTIVE,
  locked: UserState.USER_STATE_LOCKED,
  deleted: UserState.USER_STATE_DELETED,
} as const satisfies Record<DomainState, UserState>;

/** What the contract promises; throws where the server left it out. */
export function promised<Value>(value: Value | undefined, field: string): Value {
  if (value !== undefined) return value;
  throw new CliError({ code: 'internal', message: `The server's answer has no ${field}` });
}

/** The name that has the wire's number; undefined: this client knows none. */
export function nameOf<Name extends string>(
  numbers: Readonly<Record<Name, number>>,
  number: number,
): Name | undefined {
  const names = Object.keys(numbers) as Name[];
  return names.find((name) => numbers[name] === number);
}

/** RFC 3339, UTC. */
export function timeText(time: Date | undefined): string {
  return promised(time, 'time').toISOString();
}

/** A user after a change, or as listed. */
export function changeRow(userId: string, sent: Details | undefined): ChangeRow {
  const details = promised(sent, 'details');
  return {
    userId,
    organizationId: details.resourceOwner,
    sequence: Number(details.sequence),
    creationDate: timeText(details.creationDate),
    changeDate: timeText(details.changeDate),
  };
}

/** A user as listed. */
export function userRow(user: User): UserRow {
  return {
    ...changeRow(user.userId, user.details),
    state: stateOf(user.state),
    type: user.type?.$case ?? 'external',
    userName: user.username,
    loginName: user.preferredLoginName,
    ...profileFields(user),
  };
}

/** The state of that number. */
export function stateOf(number: UserState): DomainState {
  return promised(nameOf(stateNumbers, number), 'known state');
}

function profileFields({
  type,
  externalId,
}: User): Pick<UserRow, 'displayName' | 'email' | 'phone' | 'externalId'> {
  if (type === undefined) return { displayName: externalId, externalId };
  if (type.$case === 'machine') return { displayName: type.value.name };
  const { profile, email, phone } = type.value;
  return {
    displayName: profile?.displayName || `${profile?.givenName ?? ''} ${profile?.familyName ?? ''}`.trim(),
    ...(email !== undefined && { email: email.email }),
    ...(phone !== undefined && { phone: phone.phone }),
    ...(externalId !== '' && { externalId }),
  };
}

/** A token as listed. */
export function tokenRow(token: PersonalAccessToken): TokenRow {
  return {
    tokenId: token.id,
    userId: token.userId,
    organizationId: token.organizationId,
    creationDate: timeText(token.creationDate),
    expirationDate: timeText(token.expirationDate),
  };
}

/** A role as listed. */
export function grantRow({ userId, role, organizationId }: Grant): GrantRow {
  return { userId, role, ...(organizationId !== undefined && { organizationId }) };
}

/** An organization as listed. */
export function organizationRow(sent: Organization | undefined): OrganizationRow {
  const { organizationId, name, domain, creationDate } = promised(sent, 'organization');
  return { organizationId, name, domain, creationDate: timeText(creationDate) };
}

/** Whoever the token stands for. The wire says empty where it does not know. */
export function callerRow(caller: GetCallerResponse): CallerRow {
  const { userId, loginName, subject, organizationId, grants, permissions, expires } = caller;
  return {
    ...(userId !== '' && { userId }),
    ...(loginName !== '' && { loginName }),
    ...(subject !== '' && { subject }),
    ...(organizationId !== '' && { organizationId }),
    grants: grants.map(({ userId: _, ...grant }) => ({
      role: grant.role,
      ...(grant.organizationId && { organizationId: grant.organizationId }),
    })),
    permissions: permissions.map(({ permission, everywhere, organizationIds }) => {
      return { permission, everywhere, organizationIds };
    }),
    ...(expires !== undefined && { expires: timeText(expires) }),
  };
}

/** An event as recorded. */
export function eventRow(event: Event): EventRow {
  const { eventId, userId, type, payload, actor } = event;
  return {
    position: Number(event.position),
    eventId,
    userId,
    sequence: Number(event.sequence),
    type,
    creationDate: timeText(event.creationDate),
    payload: payload ?? {},
    actor: actorRow(actor),
  };
}

/** An entry of a user's history. */
export function historyRow({ event, actorLoginName }: HistoryEntry): HistoryRow {
  const { position: _, ...row } = eventRow(promised(event, 'event'));
  return { ...row, ...(actorLoginName !== '' && { actorLoginName }) };
}

// The wire says empty where it does not know.
function actorRow(actor: Actor | undefined): ActorRow {
  return Object.fromEntries(Object.entries(actor ?? {}).filter(([, value]) => value !== ''));
}
