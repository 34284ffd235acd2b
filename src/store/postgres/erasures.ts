import type { UserId } from '../../domain/ids.ts';
import type { ErasureStore } from '../erasure-store.ts';
import type { Statement } from './connection.ts';
import { unfenced } from './fence.ts';
import type { Pool } from './pool.ts';
import { askOf } from './rows/ask.ts';

/** Erasures in PostgreSQL. What a row gives up is a dead version, which VACUUM takes away: see docs/erasure.md. */
export function createErasures(pool: Pool, patienceMs: number): ErasureStore {
  const ask = askOf(pool, patienceMs);
  return {
    async listErasures() {
      const rows = await ask((connection) => connection.query(all));
      return rows.map((row) => ({ userId: row.user_id as UserId, erasedAt: row.erased_at as number }));
    },
    async rewriteEvents(events) {
      const columns = [
        events.map(({ userId }) => userId),
        events.map(({ sequence }) => sequence),
        events.map(({ payload }) => JSON.stringify(payload)),
        ...(['ip', 'userAgent', 'requestId', 'traceparent', 'reason'] as const).map((name) =>
          events.map(({ meta }) => meta[name]),
        ),
      ];
      if (events.length > 0) await ask((connection) => connection.query(rewrite, columns));
    },
    dropOverwritten: () => Promise.resolve(true),
    async endErasure(userId) {
      await ask((connection) => connection.query(remove, [userId]));
    },
  };
}

const all: Statement = {
  name: 'erasures',
  text: 'SELECT user_id, erased_at FROM erasures ORDER BY erased_at, user_id',
};
const rewrite: Statement = {
  name: 'rewrite_events',
  text:
    'UPDATE events SET payload = input.payload, ip = input.ip, user_agent = input.user_agent, request_id = input.request_id, ' +
    'traceparent = input.traceparent, reason = input.reason FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], ' +
    '$5::text[], $6::text[], $7::text[], $8::text[]) AS input(user_id, sequence, payload, ip, user_agent, request_id, traceparent, reason) ' +
    `WHERE events.user_id = input.user_id AND events.sequence = input.sequence AND ${unfenced} = 1`,
};
const remove: Statement = {
  name: 'end_erasure',
  text: `DELETE FROM erasures WHERE user_id = $1 AND ${unfenced} = 1`,
};

/** In the change that erases. */
export const insertErasure: Statement = {
  name: 'begin_erasure',
  text:
    'INSERT INTO erasures (user_id, erased_at) VALUES ($1,$2) ON CONFLICT (user_id) DO UPDATE ' +
    'SET erased_at = excluded.erased_at',
};
