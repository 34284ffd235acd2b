import { TextQueryMethod, TextQueryMethodSchema } from '../../../gen/es/zitadel/object/v2/object_pb.js';
import {
  type SearchQuery,
  Type,
  TypeSchema,
  UserFieldName,
  UserFieldNameSchema,
} from '../../../gen/es/zitadel/user/v2/query_pb.js';
import { UserState, UserStateSchema } from '../../../gen/es/zitadel/user/v2/user_pb.js';
import type { TextMethod, UserFilter, UserSortField, UserTextField } from '../../domain/filter.ts';
import { parseNameSought, parseText } from '../../domain/ids.ts';
import type { UserState as DomainState, UserKind } from '../../domain/user.ts';
import { type EnumOf, invalidField, meaningOf } from './list.ts';

/** How many queries a list takes in all, nested ones counted: each costs a comparison with every user in scope. */
const filtersMax = 1_000;

const methods: EnumOf<TextMethod> = {
  desc: TextQueryMethodSchema,
  values: {
    [TextQueryMethod.EQUALS]: 'equals',
    [TextQueryMethod.EQUALS_IGNORE_CASE]: 'equals_ignore_case',
    [TextQueryMethod.STARTS_WITH]: 'starts_with',
    [TextQueryMethod.STARTS_WITH_IGNORE_CASE]: 'starts_with_ignore_case',
    [TextQueryMethod.CONTAINS]: 'contains',
    [TextQueryMethod.CONTAINS_IGNORE_CASE]: 'contains_ignore_case',
    [TextQueryMethod.ENDS_WITH]: 'ends_with',
    [TextQueryMethod.ENDS_WITH_IGNORE_CASE]: 'ends_with_ignore_case',
  },
};

const states: EnumOf<DomainState> = {
  desc: UserStateSchema,
  values: {
    [UserState.ACTIVE]: 'active',
    [UserState.INACTIVE]: 'inactive',
    [UserState.DELETED]: 'deleted',
    [UserState.LOCKED]: 'locked',
    [UserState.INITIAL]: 'initial',
  },
};

const types: EnumOf<UserKind> = {
  desc: TypeSchema,
  values: {
    [Type.HUMAN]: 'human',
    [Type.MACHINE]: 'machine',
    [Type.EXTERNAL]: 'external',
  },
};

const sortFields: EnumOf<UserSortField> = {
  desc: UserFieldNameSchema,
  values: {
    [UserFieldName.USER_NAME]: 'user_name',
    [UserFieldName.FIRST_NAME]: 'first_name',
    [UserFieldName.LAST_NAME]: 'last_name',
    [UserFieldName.NICK_NAME]: 'nick_name',
    [UserFieldName.DISPLAY_NAME]: 'display_name',
    [UserFieldName.EMAIL]: 'email',
    [UserFieldName.STATE]: 'state',
    [UserFieldName.TYPE]: 'type',
    [UserFieldName.CREATION_DATE]: 'creation_date',
  },
};

/** The column as asked for; creation date where none is. Throws fieldInvalid for a number that names none. */
export function parseUserSort(column: UserFieldName): UserSortField {
  if (column === UserFieldName.UNSPECIFIED) return 'creation_date';
  return meaningOf(column, sortFields, 'sorting_column');
}

/** Throws fieldInvalid, naming the query's path. */
export function parseUserFilters(queries: readonly SearchQuery[]): readonly UserFilter[] {
  return parseAll(queries, { path: 'queries', count: { left: filtersMax } });
}

interface Place {
  readonly path: string;
  readonly count: { left: number };
}

const inside = (place: Place, path: string): Place => ({ ...place, path: `${place.path}.${path}` });

function parseAll(queries: readonly SearchQuery[], place: Place): readonly UserFilter[] {
  return queries.map((query, index) => parseFilter(query, { ...place, path: `${place.path}[${index}]` }));
}

function parseFilter({ query }: SearchQuery, place: Place): UserFilter {
  const { path, count } = place;
  count.left -= 1;
  if (count.left < 0) throw invalidField('queries', `must be at most ${filtersMax} in all`);
  switch (query.case) {
    case 'stateQuery':
      return { kind: 'state', state: meaningOf(query.value.state, states, `${path}.state_query.state`) };
    case 'typeQuery':
      return { kind: 'type', type: meaningOf(query.value.type, types, `${path}.type_query.type`) };
    case 'inUserIdsQuery': {
      const field = `${path}.in_user_ids_query.user_ids`;
      return { kind: 'ids', userIds: query.value.userIds.map((id) => parseText(id, field)) };
    }
    case 'inUserEmailsQuery': {
      const field = `${path}.in_user_emails_query.user_emails`;
      return { kind: 'emails', emails: query.value.userEmails.map((email) => parseNameSought(email, field)) };
    }
    case 'organizationIdQuery': {
      const field = `${path}.organization_id_query.organization_id`;
      return { kind: 'organization', organizationId: parseText(query.value.organizationId, field) };
    }
    case 'orQuery':
      return { kind: 'or', filters: parseAll(query.value.queries, inside(place, 'or_query.queries')) };
    case 'andQuery':
      return { kind: 'and', filters: parseAll(query.value.queries, inside(place, 'and_query.queries')) };
    case 'notQuery': {
      const nested = inside(place, 'not_query.query');
      return { kind: 'not', filter: parseFilter(known(query.value.query, nested.path), nested) };
    }
    case undefined:
      throw invalidField(path, 'exactly one query is required');
    default:
      return parseTextFilter(query, path);
  }
}

type Query = SearchQuery['query'];
type TextQuery = Extract<Query, { value: { method: TextQueryMethod } }>;

function parseTextFilter(query: TextQuery, path: string): UserFilter {
  const { field, name, value } = textOf(query);
  const queryPath = `${path}.${field}_query`;
  const method = meaningOf(query.value.method, methods, `${queryPath}.method`);
  // A part of a name may begin or end with a space, a whole one cannot.
  const parse = isWhole(method) && names.has(field) ? parseNameSought : parseText;
  return { kind: 'text', field, method, value: parse(value, `${queryPath}.${name ?? field}`) };
}

/** What somebody signs in by. */
const names: ReadonlySet<UserTextField> = new Set(['user_name', 'email', 'login_name']);
const isWhole = (method: TextMethod): boolean => method === 'equals' || method === 'equals_ignore_case';

/** `name` where the message's field is not called as the query is. */
function textOf(query: TextQuery): {
  readonly field: UserTextField;
  readonly name?: string;
  readonly value: string;
} {
  switch (query.case) {
    case 'userNameQuery':
      return { field: 'user_name', value: query.value.userName };
    case 'firstNameQuery':
      return { field: 'first_name', value: query.value.firstName };
    case 'lastNameQuery':
      return { field: 'last_name', value: query.value.lastName };
    case 'nickNameQuery':
      return { field: 'nick_name', value: query.value.nickName };
    case 'displayNameQuery':
      return { field: 'display_name', value: query.value.displayName };
    case 'emailQuery':
      return { field: 'email', name: 'email_address', value: query.value.emailAddress };
    case 'loginNameQuery':
      return { field: 'login_name', value: query.value.loginName };
    case 'externalIdQuery':
      return { field: 'external_id', value: query.value.externalId };
    case 'phoneQuery':
      return { field: 'phone', name: 'number', value: query.value.number };
    default:
      return query satisfies never;
  }
}

function known<Value>(value: Value | undefined, field: string): Value {
  if (value === undefined) throw invalidField(field, 'value is required');
  return value;
}
