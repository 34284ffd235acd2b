import type { Subscription } from '../../../domain/subscription.ts';
import {
  parseSubscription,
  parseSubscriptionCount,
  subscriptionColumns,
  subscriptionsByState,
  subscriptionValues,
} from '../../sql/subscription-rows.ts';
import { holdMsMax, type SubscriptionStore, tryAheadMs } from '../../subscription-store.ts';
import type { Connection, Statement } from '../connection.ts';
import { unfenced } from '../fence.ts';
import type { Pool } from '../pool.ts';
import { askOf, rowsOf } from './ask.ts';

/** Subscriptions in PostgreSQL. Each is one statement, so none needs a transaction of its own. */
export function createSubscriptions(pool: Pool, patienceMs: number): SubscriptionStore {
  const ask = askOf(pool, patienceMs);
  const rows = rowsOf(ask);
  return {
    async loadSubscription(subscriptionId) {
      const [row] = await rows(load, [subscriptionId]);
      return row && parseSubscription(row);
    },
    // Nobody else makes one of this id: where it is there, an attempt whose answer was lost has made it.
    addSubscription: (subscription) =>
      ask(async (connection, mayBeDone) => {
        const isNew = (await connection.query(insert, subscriptionValues(subscription))).length === 1;
        if (!isNew && !mayBeDone) throw new Error('bug: a subscription id twice');
      }),
    changeSubscription: (before, after) =>
      ask(async (connection, mayBeDone) => {
        const isMoved = await move(connection, before, after);
        return isMoved || (mayBeDone && (await isMade(connection, before, after)));
      }),
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

async function move(
  connection: Connection,
  { subscriptionId, sequence }: Subscription,
  after: Subscription | undefined,
): Promise<boolean> {
  const moved = await (after === undefined
    ? connection.query(remove, [subscriptionId, sequence])
    : connection.query(update, [...subscriptionValues(after), sequence]));
  return moved.length === 1;
}

// Asked where an answer was lost. Delivering moves the row as well, a few times a second: what somebody asked for is then
// told by what nobody changes but on demand, its time included.
async function isMade(
  connection: Connection,
  before: Subscription,
  after: Subscription | undefined,
): Promise<boolean> {
  const [row] = await connection.query(load, [before.subscriptionId]);
  if (row === undefined || after === undefined) return row === undefined && after === undefined;
  const current = parseSubscription(row);
  if (current.sequence <= after.sequence) return row.document === subscriptionValues(after).at(-1);
  const asked = asAsked(after);
  return asked !== asAsked(before) && asked === asAsked(current);
}

function asAsked({ changedAt, ownerUserId, url, description, eventTypes, ...rest }: Subscription): string {
  const { secretNumber, previousSecretUntil } = rest;
  return JSON.stringify([
    changedAt,
    ownerUserId,
    url,
    description,
    eventTypes,
    secretNumber,
    previousSecretUntil,
  ]);
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
