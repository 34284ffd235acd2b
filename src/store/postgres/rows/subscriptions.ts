import {
  parseSubscription,
  parseSubscriptionCount,
  subscriptionColumns,
  subscriptionsByState,
  subscriptionValues,
} from '../../sql/subscription-rows.ts';
import { holdMsMax, type SubscriptionStore, tryAheadMs } from '../../subscription-store.ts';
import type { Connection, Statement } from '../connection.ts';
import { asStoreError } from '../error.ts';
import { unfenced } from '../fence.ts';
import { type Pool, withRetries } from '../pool.ts';

/** Subscriptions in PostgreSQL. Each is one statement, so none needs a transaction of its own. */
export function createSubscriptions(pool: Pool, patienceMs: number): SubscriptionStore {
  const rows = async (statement: Statement, values: readonly unknown[]) => {
    try {
      return await withRetries(pool, patienceMs, (connection: Connection) =>
        connection.query(statement, values),
      );
    } catch (error) {
      throw asStoreError(error);
    }
  };
  const find = async (subscriptionId: string) => {
    // PostgreSQL has no text with NUL, so nothing of that name is there.
    if (subscriptionId.includes('\0') || !subscriptionId.isWellFormed()) return undefined;
    const [row] = await rows(load, [subscriptionId]);
    return row && parseSubscription(row);
  };
  // Where an answer was lost, what stands there may be what this very attempt wrote.
  const isStored = async (values: readonly unknown[]) => (await rows(stored, values)).length === 1;

  return {
    loadSubscription: find,
    async addSubscription(subscription) {
      const values = subscriptionValues(subscription);
      const isNew = (await rows(insert, values)).length === 1;
      if (!isNew && !(await isStored([values[0], values.at(-1)])))
        throw new Error('bug: a subscription id twice');
    },
    async changeSubscription({ subscriptionId, sequence }, after) {
      if (after === undefined) return (await rows(remove, [subscriptionId, sequence])).length === 1;
      const values = subscriptionValues(after);
      return (await rows(update, [...values, sequence])).length === 1 || isStored([values[0], values.at(-1)]);
    },
    async listSubscriptions({ scope, page }) {
      const within = [scope === 'all', scope === 'all' ? [] : scope];
      const statement = page.ascending ? rising : falling;
      const found = await rows(statement, [...within, page.limit, page.offset]);
      const [counted] = await rows(count, within);
      return { rows: found.map(parseSubscription), total: Number(counted?.total) };
    },
    async listSubscriptionsFree(nowMs, limit) {
      return (await rows(free, [nowMs, limit])).map(parseSubscription);
    },
    async countSubscriptions() {
      return (await rows(byState, [])).map(parseSubscriptionCount);
    },
  };
}

const inScope = 'FROM subscriptions WHERE ($1::boolean OR organization_id = ANY($2::text[]))';
const ordered = (direction: 'ASC' | 'DESC'): Statement => ({
  text: `SELECT document ${inScope} ORDER BY created_at ${direction}, subscription_id ${direction} LIMIT $3 OFFSET $4`,
});
const rising = ordered('ASC');
const falling = ordered('DESC');
const count: Statement = { text: `SELECT count(*)::int AS total ${inScope}` };
const load: Statement = {
  name: 'load_subscription',
  text: 'SELECT document FROM subscriptions WHERE subscription_id = $1',
};
const stored: Statement = {
  text: 'SELECT 1 AS stored FROM subscriptions WHERE subscription_id = $1 AND document = $2',
};
const insert: Statement = {
  text:
    `INSERT INTO subscriptions (${subscriptionColumns}) VALUES ($1,$2::bigint * ${unfenced},$3,$4,$5,$6,$7,$8) ` +
    'ON CONFLICT DO NOTHING RETURNING subscription_id',
};
const update: Statement = {
  name: 'update_subscription',
  text:
    `UPDATE subscriptions SET (${subscriptionColumns}) = ($1,$2,$3,$4,$5,$6,$7,$8) ` +
    `WHERE subscription_id = $1 AND sequence = $9 AND ${unfenced} = 1 RETURNING subscription_id`,
};
const remove: Statement = {
  text: `DELETE FROM subscriptions WHERE subscription_id = $1 AND sequence = $2 AND ${unfenced} = 1 RETURNING subscription_id`,
};
const byState: Statement = {
  text: subscriptionsByState("document::jsonb ->> 'cause'", "(document::jsonb ->> 'position')::bigint"),
};
const free: Statement = {
  name: 'list_subscriptions_free',
  text:
    "SELECT document FROM subscriptions WHERE state = 'active' " +
    `AND next_try_at NOT BETWEEN $1::bigint + 1 AND $1::bigint + ${tryAheadMs} ` +
    `AND held_until NOT BETWEEN $1::bigint + 1 AND $1::bigint + ${holdMsMax} ORDER BY next_try_at LIMIT $2`,
};
