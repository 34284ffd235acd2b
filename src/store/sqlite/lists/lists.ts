import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { Page, Scope } from '../../../domain/filter.ts';
import type { Organization } from '../../../domain/user.ts';
import type { ListSessions, SessionRecord } from '../../session-store.ts';
import {
  parseGrantRecord,
  parseTokenRecord,
  parseUserRecord,
  tokenRecordColumns,
  userRecordColumns,
} from '../../sql/list-rows.ts';
import { parseOrganization, type Row } from '../../sql/rows.ts';
import { sessionSelection } from '../../sql/session-filter.ts';
import { parseSessionRecord } from '../../sql/session-rows.ts';
import {
  direction,
  type SqlCondition,
  type SqlTable,
  tokenCondition,
  tokenOrder,
  userCondition,
  userOrder,
} from '../../sql/sql-filter.ts';
import type {
  GrantRecord,
  Listed,
  ListGrants,
  ListTokens,
  ListUsers,
  Store,
  TokenRecord,
  UserRecord,
} from '../../store.ts';
import { registerFold, sqliteDialect } from '../dialect.ts';
import { reading } from '../error.ts';
import { snapshot } from '../snapshot.ts';
import { createStatementCache, type StatementCache } from '../statements.ts';
import { listEvents } from './events.ts';

type Lists = Pick<
  Store,
  'listUsers' | 'listTokens' | 'listGrants' | 'listOrganizations' | 'listEvents' | 'listSessions'
>;

/**
 * The reads that answer more than one row. node:sqlite is synchronous: while a list runs, nothing else on its thread
 * does (for the costly ones see queue.ts). An unfiltered page by user name or creation date is a walk along
 * an index; a filter on text, and the count that every list carries, look at every user in scope. Count and rows are of
 * one moment. `mayEnd`: the thread may be terminated in the middle of a list of users, and stops at the next row.
 */
export function createLists(db: DatabaseSync, { mayEnd = false } = {}): Lists {
  registerFold(db);
  const statements = createStatementCache(db);
  return {
    listUsers: reading((query: ListUsers) => snapshot(db, () => listUsers(statements, query, mayEnd))),
    listTokens: reading((query: ListTokens) => snapshot(db, () => listTokens(statements, query))),
    listGrants: reading((query: ListGrants) => snapshot(db, () => listGrants(statements, query))),
    listSessions: reading((query: ListSessions) => snapshot(db, () => listSessions(statements, query))),
    listOrganizations: reading((scope, page) =>
      snapshot(db, () => listOrganizations(statements, scope, page)),
    ),
    listEvents: (query) => listEvents(statements, query),
  };
}

interface Selection {
  readonly columns: string;
  readonly from: string;
  /** Where fewer tables do for the count than for the order. */
  readonly countFrom?: string;
  readonly where: string;
  readonly order: string;
  readonly values: readonly SQLInputValue[];
}

function listed(statements: StatementCache, selection: Selection, page: Page): Listed<Row> {
  const { columns, from, where, order, values } = selection;
  const [limit, offset] = [values.length + 1, values.length + 2];
  const rows = statements
    .get(`SELECT ${columns} FROM ${from} WHERE ${where} ORDER BY ${order} LIMIT ?${limit} OFFSET ?${offset}`)
    .all(...values, page.limit, page.offset);
  // A page that is not full says by itself how many there are; else it takes a second look.
  const isWhole = rows.length < page.limit && (rows.length > 0 || page.offset === 0);
  const count = `SELECT count(*) AS total FROM ${selection.countFrom ?? from} WHERE ${where}`;
  const total = isWhole ? page.offset + rows.length : (statements.get(count).get(...values)?.total as number);
  const position = statements.get('SELECT max(position) AS position FROM events').get()?.position as
    | number
    | null;
  return { rows, total, position: position ?? 0 };
}

const userRecord =
  `SELECT ${userRecordColumns} FROM profiles JOIN users ON users.user_id = profiles.user_id ` +
  'LEFT JOIN organizations ON organizations.organization_id = users.organization_id WHERE profiles.user_id = ?';

// Ids first, records after: what is sorted and skipped stays narrow. A deleted user has no profile, so is in no list.
function listUsers(statements: StatementCache, query: ListUsers, mayEnd: boolean): Listed<UserRecord> {
  const condition = userCondition(sqliteDialect, query);
  const order = userOrder(sqliteDialect, query.sort);
  const page = listed(
    statements,
    {
      columns: 'profiles.user_id',
      from: userTables(condition, order.tables),
      countFrom: userTables(condition),
      // SQLite hears of no end but from a function that is called: its own loops are none of JavaScript's.
      where: mayEnd ? `go_on() AND (${condition.sql})` : condition.sql,
      order: `${order.sql} ${direction(query.page)}, ${order.tieBreak} ${direction(query.page)}`,
      values: condition.values,
    },
    query.page,
  );
  const record = statements.get(userRecord);
  const rows = page.rows.map((row) => {
    const found = record.get(row.user_id as string);
    if (found === undefined) throw new Error('bug: a profile without its user');
    return parseUserRecord(found);
  });
  return { ...page, rows };
}

function userTables(condition: SqlCondition, ordering: ReadonlySet<SqlTable> = new Set()): string {
  const { tables } = condition;
  // CROSS JOIN fixes the order: with a filter on the profile, first find the few that match, then sort them. Left to
  // itself, SQLite would walk the order's index and look up every user's profile to find one.
  const join = condition.sql === 'TRUE' || tables.has('users') ? 'JOIN' : 'CROSS JOIN';
  const organizations = tables.has('organizations')
    ? ' LEFT JOIN organizations ON organizations.organization_id = profiles.organization_id'
    : '';
  const needsUsers = tables.has('users') || ordering.has('users');
  const users = needsUsers ? ` ${join} users ON users.user_id = profiles.user_id` : '';
  return `profiles${organizations}${users}`;
}

function listTokens(statements: StatementCache, query: ListTokens): Listed<TokenRecord> {
  const condition = tokenCondition(sqliteDialect, query);
  const page = listed(
    statements,
    {
      columns: tokenRecordColumns,
      from: 'tokens JOIN users ON users.user_id = tokens.user_id',
      where: condition.sql,
      order: `${tokenOrder(sqliteDialect, query.sort)} ${direction(query.page)}, tokens.token_id ${direction(query.page)}`,
      values: condition.values,
    },
    query.page,
  );
  return { ...page, rows: page.rows.map(parseTokenRecord) };
}

// A grant is shown where its holder may be read; one that holds in an organization, where that may be read too.
function listGrants(statements: StatementCache, query: ListGrants): Listed<GrantRecord> {
  const { scope, userId, organizationId } = query;
  const grantOrganization = "held.value ->> 'organizationId'";
  const conditions = ["users.grants <> '[]'"];
  const values: string[] = [];
  const bind = (value: string) => `?${values.push(value)}`;
  if (userId !== undefined) conditions.push(`users.user_id = ${bind(userId)}`);
  if (organizationId !== undefined) conditions.push(`${grantOrganization} = ${bind(organizationId)}`);
  if (scope !== 'all') {
    const list = bind(JSON.stringify(scope));
    conditions.push(sqliteDialect.inList('users.organization_id', list));
    conditions.push(`(${grantOrganization} IS NULL OR ${sqliteDialect.inList(grantOrganization, list)})`);
  }
  const page = listed(
    statements,
    {
      columns: 'users.user_id, held.value AS held',
      from: 'users JOIN json_each(users.grants) AS held',
      where: conditions.join(' AND '),
      order: `users.user_id ${direction(query.page)}, held.key ${direction(query.page)}`,
      values,
    },
    query.page,
  );
  return { ...page, rows: page.rows.map(parseGrantRecord) };
}

function listSessions(statements: StatementCache, query: ListSessions): Listed<SessionRecord> {
  const selection = sessionSelection(sqliteDialect, query, "(users.lockout ->> '$.lock.cause')");
  const page = listed(statements, selection, query.page);
  return { ...page, rows: page.rows.map(parseSessionRecord) };
}

function listOrganizations(statements: StatementCache, scope: Scope, page: Page): Listed<Organization> {
  const found = listed(
    statements,
    {
      columns: '*',
      from: 'organizations',
      where: scope === 'all' ? 'TRUE' : sqliteDialect.inList('organization_id', '?1'),
      order: `organization_id ${direction(page)}`,
      values: scope === 'all' ? [] : [JSON.stringify(scope)],
    },
    page,
  );
  return { ...found, rows: found.rows.map(parseOrganization) };
}
