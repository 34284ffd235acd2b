import type {
  Page,
  Scope,
  TextMethod,
  UserFilter,
  UserSortField,
  UserTextField,
} from '../../domain/filter.ts';
import { foldText } from '../../domain/filter.ts';
import type { ListTokens, ListUsers, TimeMethod, TokenFilter, TokenSortField } from '../store.ts';

/**
 * What differs between databases. `value` and `list` are placeholders, `text` is any expression; none is ever user
 * input. No LIKE: its wildcards would need escaping, its idea of letter case is the database's own.
 */
export interface SqlDialect {
  /** The parameter's name in the text, counted from 1; it may occur more than once. */
  placeholder(index: number, value: string | number): string;
  /** A text member of a JSON column; NULL where absent. */
  member(column: string, key: string): string;
  /** A member of an object that is itself a member of a JSON column, as text or as a number; NULL where absent. */
  inner(column: string, path: readonly [string, string], type: 'text' | 'number'): string;
  /**
   * What `text` makes of members, put through foldText of domain/filter.ts; NULL stays NULL. The dialect may fold
   * the members or the whole: `text` joins them by nothing but spaces, where that is the same.
   */
  folded(text: (member: SqlDialect['member']) => string): string;
  startsWith(text: string, value: string): string;
  endsWith(text: string, value: string): string;
  contains(text: string, value: string): string;
  /** Whether the text is an element of the parameter, a JSON array of strings. */
  inList(text: string, list: string): string;
  /** The text in a form that sorts by code point, whatever the database's locale. */
  sortable(text: string): string;
}

export type SqlTable = 'users' | 'profiles' | 'organizations' | 'tokens';

/** Boolean SQL and its parameters in order, from the dialect's first on. */
export interface SqlCondition {
  readonly sql: string;
  readonly values: readonly (string | number)[];
  /** The tables named in it, to be joined on user_id and organization_id. */
  readonly tables: ReadonlySet<SqlTable>;
}

/** Scope and filters of a list of users. True, false or NULL; NULL is no match. */
export function userCondition(
  dialect: SqlDialect,
  query: Pick<ListUsers, 'scope' | 'filters'>,
): SqlCondition {
  const sink = createSink(dialect);
  const scope = scopeSql(sink, 'profiles', query.scope);
  return sink.finish(joined('AND', [scope, ...query.filters.map((filter) => userSql(sink, filter))]));
}

/** Scope, filters and validity of a list of tokens. */
export function tokenCondition(
  dialect: SqlDialect,
  query: Pick<ListTokens, 'scope' | 'filters'>,
): SqlCondition {
  const sink = createSink(dialect);
  const living = `${sink.column('tokens', 'sequence')} > ${sink.column('users', 'tokens_ended_sequence')}`;
  const scope = scopeSql(sink, 'users', query.scope);
  const filters = query.filters.map((filter) => tokenSql(sink, filter));
  return sink.finish(joined('AND', [living, "users.state <> 'deleted'", scope, ...filters]));
}

/** Which way a page goes. */
export const direction = ({ ascending }: Page): 'ASC' | 'DESC' => (ascending ? 'ASC' : 'DESC');

export interface SqlOrder {
  readonly sql: string;
  /** The user id, of the table that an index of the order is on. */
  readonly tieBreak: string;
  readonly tables: ReadonlySet<SqlTable>;
}

/** What a list of users is ordered by. Text sorts by its folded form, absent text first. */
export function userOrder(dialect: SqlDialect, sort: UserSortField): SqlOrder {
  const sink = createSink(dialect);
  const { sql, tables } = sink.finish(userSortSql(sink, sort));
  const table = sort === 'creation_date' ? 'users' : 'profiles';
  return { sql, tables, tieBreak: dialect.sortable(`${table}.user_id`) };
}

/** What a list of tokens is ordered by, before the tie-break by token_id. */
export function tokenOrder(dialect: SqlDialect, sort: TokenSortField): string {
  const column = tokenSortColumns[sort];
  return sort === 'created_at' || sort === 'expires_at' ? column : dialect.sortable(column);
}

interface Sink {
  readonly dialect: SqlDialect;
  bind(value: string | number): string;
  column(table: SqlTable, name: string): string;
  finish(sql: string): SqlCondition;
}

function createSink(dialect: SqlDialect): Sink {
  const values: (string | number)[] = [];
  const tables = new Set<SqlTable>();
  return {
    dialect,
    bind: (value) => dialect.placeholder(values.push(value), value),
    column: (table, name) => {
      tables.add(table);
      return `${table}.${name}`;
    },
    finish: (sql) => ({ sql, values, tables }),
  };
}

function scopeSql(sink: Sink, table: 'users' | 'profiles', scope: Scope): string {
  if (scope === 'all') return 'TRUE';
  return oneOf(sink, sink.column(table, 'organization_id'), scope);
}

// One id is the usual case, and equality lets the index that holds it give the order as well.
function oneOf(sink: Sink, text: string, list: readonly string[]): string {
  const [first] = list;
  if (first === undefined) return 'FALSE';
  if (list.length === 1) return `${text} = ${sink.bind(first)}`;
  return sink.dialect.inList(text, sink.bind(JSON.stringify(list)));
}

// Halved, not chained: a chain of a hundred is a tree of a hundred levels, and databases bound the depth.
function joined(operator: 'AND' | 'OR', parts: readonly string[]): string {
  const whole = operator === 'AND' ? 'TRUE' : 'FALSE';
  const telling = parts.filter((part) => part !== whole);
  if (telling.length <= 1) return telling[0] ?? whole;
  const middle = telling.length >> 1;
  return `(${joined(operator, telling.slice(0, middle))} ${operator} ${joined(operator, telling.slice(middle))})`;
}

function userSql(sink: Sink, filter: UserFilter): string {
  switch (filter.kind) {
    case 'text':
      return textSql(sink, filter);
    case 'state':
      return `${sink.column('users', 'state')} = ${sink.bind(filter.state)}`;
    case 'type':
      return `${sink.column('users', 'kind')} = ${sink.bind(filter.type)}`;
    case 'ids':
      return oneOf(sink, sink.column('profiles', 'user_id'), filter.userIds);
    case 'emails':
      return oneOf(sink, fieldSql(sink, 'email', 'as it is'), filter.emails);
    case 'organization':
      return `${sink.column('profiles', 'organization_id')} = ${sink.bind(filter.organizationId)}`;
    case 'lock_cause':
      return `${lockSql(sink, 'cause', 'text')} = ${sink.bind(filter.cause)}`;
    case 'locked_at':
      return timeSql(sink, lockSql(sink, 'since', 'number'), filter);
    case 'and':
    case 'or': {
      const parts = filter.filters.map((part) => userSql(sink, part));
      return joined(filter.kind === 'and' ? 'AND' : 'OR', parts);
    }
    case 'not':
      // Not plain NOT: a user without an e-mail address is not a user of this one.
      return `((${userSql(sink, filter.filter)}) IS NOT TRUE)`;
    default:
      return filter satisfies never;
  }
}

// Of domain/lock.ts, Lock; NULL where the user is not locked.
function lockSql(sink: Sink, key: 'cause' | 'since', type: 'text' | 'number'): string {
  return sink.dialect.inner(sink.column('users', 'lockout'), ['lock', key], type);
}

type Form = 'as it is' | 'folded';

const methods = {
  equals: { form: 'as it is', compare: 'equals' },
  equals_ignore_case: { form: 'folded', compare: 'equals' },
  starts_with: { form: 'as it is', compare: 'startsWith' },
  starts_with_ignore_case: { form: 'folded', compare: 'startsWith' },
  contains: { form: 'as it is', compare: 'contains' },
  contains_ignore_case: { form: 'folded', compare: 'contains' },
  ends_with: { form: 'as it is', compare: 'endsWith' },
  ends_with_ignore_case: { form: 'folded', compare: 'endsWith' },
} as const satisfies Record<TextMethod, { form: Form; compare: string }>;

function textSql(sink: Sink, filter: Extract<UserFilter, { kind: 'text' }>): string {
  const { form, compare } = methods[filter.method];
  // Equal to nothing is: absent or empty. Every text, an absent one too, begins with, holds and ends with nothing.
  if (filter.value === '') {
    return compare === 'equals' ? `coalesce(${fieldSql(sink, filter.field, 'as it is')}, '') = ''` : 'TRUE';
  }
  const wanted = form === 'folded' ? foldText(filter.value) : filter.value;
  if (filter.field === 'login_name' && compare === 'equals') return loginNameSql(sink, form, wanted);
  const text = fieldSql(sink, filter.field, form);
  const value = sink.bind(wanted);
  return compare === 'equals' ? `${text} = ${value}` : sink.dialect[compare](text, value);
}

// Taken apart, so that the index of user names finds it. A domain has no "@": the last one parts them.
function loginNameSql(sink: Sink, form: Form, loginName: string): string {
  const at = loginName.lastIndexOf('@');
  if (at < 0) return 'FALSE';
  const userName = `${fieldSql(sink, 'user_name', form)} = ${sink.bind(loginName.slice(0, at))}`;
  return `(${userName} AND ${sink.column('organizations', 'domain')} = ${sink.bind(loginName.slice(at + 1))})`;
}

const profileMembers = {
  first_name: 'givenName',
  last_name: 'familyName',
  nick_name: 'nickName',
  email: 'email',
  phone: 'phone',
  external_id: 'externalId',
} as const;

// NULL where the user has none.
function fieldSql(sink: Sink, field: UserTextField, form: Form): string {
  const isFolded = form === 'folded';
  if (field === 'user_name') return sink.column('profiles', isFolded ? 'user_name_folded' : 'user_name');
  if (field === 'external_id' && !isFolded) return sink.column('profiles', 'external_id');
  if (field === 'login_name') {
    // A domain is lower-case ASCII, its own folded form.
    return `(${fieldSql(sink, 'user_name', form)} || '@' || ${sink.column('organizations', 'domain')})`;
  }
  const profile = sink.column('profiles', 'profile');
  const { member, folded } = sink.dialect;
  const text = (of: SqlDialect['member']) =>
    field === 'display_name'
      ? `coalesce(nullif(${of(profile, 'displayName')}, ''), ${of(profile, 'givenName')} || ' ' || ${of(profile, 'familyName')}, ${of(profile, 'name')}, ${of(profile, 'externalId')})`
      : of(profile, profileMembers[field]);
  return isFolded ? folded(text) : text(member);
}

// By the numbers that the states have on the wire, as clients know them.
const stateRank = "WHEN 'active' THEN 1 WHEN 'inactive' THEN 2 WHEN 'locked' THEN 4 ELSE 5";

function userSortSql(sink: Sink, sort: UserSortField): string {
  switch (sort) {
    case 'creation_date':
      return sink.column('users', 'created_at');
    case 'locked_at':
      return `coalesce(${lockSql(sink, 'since', 'number')}, 0)`;
    case 'state':
      return `CASE ${sink.column('users', 'state')} ${stateRank} END`;
    case 'type':
      return sink.dialect.sortable(sink.column('users', 'kind'));
    case 'user_name':
      return sink.dialect.sortable(fieldSql(sink, 'user_name', 'folded'));
    default:
      return sink.dialect.sortable(`coalesce(${fieldSql(sink, sort, 'folded')}, '')`);
  }
}

const tokenSortColumns = {
  created_at: 'tokens.created_at',
  expires_at: 'tokens.expires_at',
  token_id: 'tokens.token_id',
  user_id: 'tokens.user_id',
  organization_id: 'users.organization_id',
} as const satisfies Record<TokenSortField, string>;

function tokenSql(sink: Sink, filter: TokenFilter): string {
  const column = tokenSortColumns[filter.kind];
  if ('id' in filter) return `${column} = ${sink.bind(filter.id)}`;
  return timeSql(sink, column, filter);
}

const timeOperators = {
  equals: '=',
  after: '>',
  after_or_equals: '>=',
  before: '<',
  before_or_equals: '<=',
} as const satisfies Record<TimeMethod, string>;

/** Times are kept in whole milliseconds; a moment between two of them is equal to neither. */
export function timeSql(
  sink: Pick<Sink, 'bind'>,
  column: string,
  filter: { readonly time: number; readonly method: TimeMethod },
): string {
  const { time, method } = filter;
  if (Number.isInteger(time)) return `${column} ${timeOperators[method]} ${sink.bind(time)}`;
  if (method === 'equals') return 'FALSE';
  const operator = method.startsWith('after') ? '>' : '<=';
  return `${column} ${operator} ${sink.bind(Math.floor(time))}`;
}
