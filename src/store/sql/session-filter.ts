import type { ListSessions, SessionFilter } from '../session-store.ts';
import { sessionRecordColumns, sessionRecordTables } from './session-rows.ts';
import { direction, type SqlDialect, timeSql } from './sql-filter.ts';

/** What the lists of either store are made of; only the dialect differs. */
export interface SessionSelection {
  readonly columns: string;
  readonly from: string;
  readonly where: string;
  readonly order: string;
  readonly values: readonly (string | number)[];
}

/**
 * The sessions that are still open, as domain/session.ts has it, within the scope. `lockCause` is the SQL of the cause
 * of a user's lock.
 */
export function sessionSelection(
  dialect: SqlDialect,
  query: ListSessions,
  lockCause: string,
): SessionSelection {
  const values: (string | number)[] = [];
  const bind = (value: string | number) => dialect.placeholder(values.push(value), value);
  const { scope, filters, nowMs, page } = query;
  const stands = `(users.state IN ('active', 'initial') OR (users.state = 'locked' AND ${lockCause} = 'policy' AND sessions.device_id IS NOT NULL))`;
  const conditions = [
    `(sessions.expires_at IS NULL OR sessions.expires_at > ${bind(nowMs)})`,
    `(sessions.user_id IS NULL OR (sessions.user_sequence >= users.tokens_ended_sequence AND ${stands}))`,
    ...filters.map((filter) => filterSql(dialect, filter, bind)),
  ];
  if (scope !== 'all') conditions.push(dialect.inList('users.organization_id', bind(JSON.stringify(scope))));
  const way = direction(page);
  return {
    columns: sessionRecordColumns,
    from: sessionRecordTables,
    where: conditions.join(' AND '),
    order: `sessions.created_at ${way}, sessions.session_id ${way}`,
    values,
  };
}

function filterSql(
  dialect: SqlDialect,
  filter: SessionFilter,
  bind: (value: string | number) => string,
): string {
  switch (filter.kind) {
    case 'ids':
      return dialect.inList('sessions.session_id', bind(JSON.stringify(filter.sessionIds)));
    case 'user':
      return `sessions.user_id = ${bind(filter.id)}`;
    case 'creator':
      return `sessions.creator_user_id = ${bind(filter.id)}`;
    case 'fingerprint':
      return `${dialect.member('sessions.user_agent', 'fingerprintId')} = ${bind(filter.id)}`;
    case 'created_at':
      return timeSql({ bind }, 'sessions.created_at', filter);
    default:
      return filter satisfies never;
  }
}
