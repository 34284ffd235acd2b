import type { Page, Scope } from '../../domain/filter.ts';
import type { Asker } from '../records.ts';
import { isQuick, type ListGate } from '../sql/list-gate.ts';
import {
  parseGrantRecord,
  parseTokenRecord,
  parseUserRecord,
  tokenRecordColumns,
  userRecordColumns,
} from '../sql/list-rows.ts';
import { lockedByCause, lockedCounts } from '../sql/locked-counts.ts';
import { parseOrganization, type Row } from '../sql/rows.ts';
import { sessionSelection } from '../sql/session-filter.ts';
import { parseSessionRecord } from '../sql/session-rows.ts';
import {
  direction,
  type SqlCondition,
  type SqlTable,
  tokenCondition,
  tokenOrder,
  userCondition,
  userOrder,
} from '../sql/sql-filter.ts';
import type { Listed, ListGrants, ListTokens, ListUsers, Store } from '../store.ts';
import { type Cancelling, cancellable } from './cancel.ts';
import type { Connection } from './connection.ts';
import { postgresDialect } from './dialect.ts';
import { asStoreError, refusesWrites } from './error.ts';
import { listEvents } from './list-events.ts';
import type { Placer } from './placer.ts';
import { listPolicies } from './policies.ts';
import { type Pool, transaction, withRetries } from './pool.ts';

type Lists = Pick<
  Store,
  | 'listUsers'
  | 'listTokens'
  | 'listGrants'
  | 'listOrganizations'
  | 'listEvents'
  | 'listLockoutPolicies'
  | 'listSessions'
  | 'countLocked'
>;

export interface ListReader {
  readonly pool: Pool;
  /** Where a list is cancelled: never full of lists. */
  readonly hot: Pool;
  /** For those that look at everybody. */
  readonly gate: ListGate;
  readonly placer: Pick<Placer, 'place'>;
  readonly patienceMs: number;
  /** A count or a filter on text looks at every user in scope, which may take longer than any other statement. */
  readonly timeoutMs: number;
}

/** The reads that answer more than one row. Count and rows are of one moment. */
export function createLists(reader: ListReader): Lists {
  // Events first get their positions: the answer then reflects at least all that was answered before it was asked for.
  const answered = async <Result>(
    read: (connection: Connection) => Promise<Result>,
    place: () => Promise<void> = reader.placer.place,
  ): Promise<Result> => {
    try {
      await place();
      return await withRetries(reader.pool, reader.patienceMs, read);
    } catch (error) {
      throw asStoreError(error);
    }
  };
  // A database that is full, or read-only for a while, still shows its rows; the position is then an older one.
  const placeIfPossible = async () => {
    try {
      await reader.placer.place();
    } catch (error) {
      if (!refusesWrites(error)) throw error;
    }
  };
  const { timeoutMs, hot, gate } = reader;
  const list = <Result>(
    selection: Selection,
    page: Page,
    parse: (row: Row) => Result,
    signal?: AbortSignal | undefined,
  ) =>
    answered(async (connection) => {
      const query = { selection, page, timeoutMs, cancelling: { pool: hot, signal } };
      const { rows, ...facts } = await listed(connection, query);
      return { ...facts, rows: rows.map(parse) };
    }, placeIfPossible);
  return {
    listUsers({ page, asker, ...query }) {
      const read = () => list(usersSelection({ page, ...query }), page, parseUserRecord, asker?.signal);
      return isQuick(query) ? read() : inTurn(gate, asker, read);
    },
    listTokens: ({ page, ...query }) => list(tokensSelection({ page, ...query }), page, parseTokenRecord),
    listGrants: ({ page, ...query }) => list(grantsSelection({ page, ...query }), page, parseGrantRecord),
    listSessions: ({ asker, ...query }) =>
      inTurn(gate, asker, () => {
        const selection = sessionSelection(postgresDialect, query, lockCause);
        return list(selection, query.page, parseSessionRecord, asker?.signal);
      }),
    listOrganizations: (scope, page) => list(organizationsSelection(scope, page), page, parseOrganization),
    listEvents: (query) => answered((connection) => listEvents(connection, query)),
    listLockoutPolicies: () => answered(listPolicies),
    countLocked: () =>
      answered(async (connection) => {
        const begin = `BEGIN READ ONLY; SET LOCAL statement_timeout = ${reader.timeoutMs}`;
        const text = lockedByCause(lockCause);
        return lockedCounts(
          await transaction(connection, begin, () => connection.query({ text }, [], reader.timeoutMs)),
        );
      }, nothingToPlace),
  };
}

async function inTurn<Result>(gate: ListGate, asker: Asker | undefined, read: () => Promise<Result>) {
  using _place = await gate.enter(asker);
  return await read();
}

const nothingToPlace = () => Promise.resolve();

const lockCause = "(users.lockout::jsonb #>> '{lock,cause}')";

interface Selection {
  readonly columns: string;
  readonly from: string;
  /** Where fewer tables do for the count than for the order. */
  readonly countFrom?: string;
  readonly where: string;
  readonly order: string;
  readonly values: readonly (string | number)[];
  /** Turns the page's rows into the answer's: what is sorted and skipped stays narrow. */
  readonly widen?: (page: string) => string;
}

interface ListQuery {
  readonly selection: Selection;
  readonly page: Page;
  readonly timeoutMs: number;
  readonly cancelling: Cancelling;
}

function listed(connection: Connection, query: ListQuery): Promise<Listed<Row>> {
  const { selection, page, timeoutMs, cancelling } = query;
  const { columns, from, where, order, values } = selection;
  const [limit, offset] = [values.length + 1, values.length + 2];
  const paged = `SELECT ${columns} FROM ${from} WHERE ${where} ORDER BY ${order} LIMIT $${limit}::bigint OFFSET $${offset}::bigint`;
  const text = selection.widen?.(paged) ?? paged;
  const begin = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = ${timeoutMs}`;
  const read = async () => {
    const rows = await connection.query({ text }, [...values, page.limit, page.offset], timeoutMs);
    // A page that is not full says by itself how many there are; else it takes a second look.
    const isWhole = rows.length < page.limit && (rows.length > 0 || page.offset === 0);
    const count = `, (SELECT count(*) FROM ${selection.countFrom ?? from} WHERE ${where}) AS total`;
    const [facts] = await (isWhole
      ? connection.query({ text: newestPosition })
      : connection.query({ text: `${newestPosition}${count}` }, values, timeoutMs));
    const total = isWhole ? page.offset + rows.length : (facts?.total as number);
    return { rows, total, position: facts?.position as number };
  };
  return transaction(connection, begin, () => cancellable(connection, cancelling, read));
}

const newestPosition = 'SELECT (SELECT last_position FROM placer WHERE placer_id = 1) AS position';

// A deleted user has no profile, so is in no list.
function usersSelection(query: ListUsers): Selection {
  const condition = userCondition(postgresDialect, query);
  const order = userOrder(postgresDialect, query.sort);
  const way = direction(query.page);
  const place = `row_number() OVER (ORDER BY ${order.sql} ${way}, ${order.tieBreak} ${way})`;
  return {
    columns: `profiles.user_id, ${place} AS place`,
    from: userTables(condition, order.tables),
    countFrom: userTables(condition),
    where: condition.sql,
    order: `${order.sql} ${way}, ${order.tieBreak} ${way}`,
    values: condition.values,
    widen: (page) =>
      `SELECT ${userRecordColumns} FROM (${page}) AS page JOIN profiles ON profiles.user_id = page.user_id ` +
      'JOIN users ON users.user_id = page.user_id ' +
      'LEFT JOIN organizations ON organizations.organization_id = users.organization_id ORDER BY page.place',
  };
}

function userTables(condition: SqlCondition, ordering: ReadonlySet<SqlTable> = new Set()): string {
  const { tables } = condition;
  const organizations = tables.has('organizations')
    ? ' LEFT JOIN organizations ON organizations.organization_id = profiles.organization_id'
    : '';
  const needsUsers = tables.has('users') || ordering.has('users');
  return `profiles${organizations}${needsUsers ? ' JOIN users ON users.user_id = profiles.user_id' : ''}`;
}

function tokensSelection(query: ListTokens): Selection {
  const condition = tokenCondition(postgresDialect, query);
  const way = direction(query.page);
  return {
    columns: tokenRecordColumns,
    from: 'tokens JOIN users ON users.user_id = tokens.user_id',
    where: condition.sql,
    order: `${tokenOrder(postgresDialect, query.sort)} ${way}, tokens.token_id ${way}`,
    values: condition.values,
  };
}

// A grant is shown where its holder may be read; one that holds in an organization, where that may be read too.
function grantsSelection({ scope, userId, organizationId, page }: ListGrants): Selection {
  const grantOrganization = "(held.value ->> 'organizationId')";
  const conditions = ["users.grants <> '[]'"];
  const values: string[] = [];
  const bind = (value: string) => postgresDialect.placeholder(values.push(value), value);
  if (userId !== undefined) conditions.push(`users.user_id = ${bind(userId)}`);
  if (organizationId !== undefined) conditions.push(`${grantOrganization} = ${bind(organizationId)}`);
  if (scope !== 'all') {
    const list = bind(JSON.stringify(scope));
    conditions.push(postgresDialect.inList('users.organization_id', list));
    conditions.push(`(${grantOrganization} IS NULL OR ${postgresDialect.inList(grantOrganization, list)})`);
  }
  return {
    columns: 'users.user_id, held.value::text AS held',
    from: 'users CROSS JOIN LATERAL jsonb_array_elements(users.grants::jsonb) WITH ORDINALITY AS held(value, place)',
    where: conditions.join(' AND '),
    order: `users.user_id ${direction(page)}, held.place ${direction(page)}`,
    values,
  };
}

function organizationsSelection(scope: Scope, page: Page): Selection {
  const list = scope === 'all' ? undefined : JSON.stringify(scope);
  return {
    columns: '*',
    from: 'organizations',
    where: list === undefined ? 'TRUE' : postgresDialect.inList('organization_id', '$1'),
    order: `organization_id ${direction(page)}`,
    values: list === undefined ? [] : [list],
  };
}
