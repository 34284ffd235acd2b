import type { DatabaseSync } from 'node:sqlite';
import {
  parseSubscription,
  parseSubscriptionCount,
  subscriptionsByState,
  subscriptionValues,
} from '../../sql/subscription-rows.ts';
import {
  holdMsMax,
  type ListSubscriptions,
  type SubscriptionStore,
  tryAheadMs,
} from '../../subscription-store.ts';
import { reading } from '../error.ts';
import { snapshot } from '../snapshot.ts';
import type { Write, WriteOne } from '../write-statements.ts';

/** Subscriptions in the embedded store. What is written goes the way of every change: through the writer's thread. */
export function createSubscriptions(db: DatabaseSync, write: WriteOne): SubscriptionStore {
  const inScope = 'FROM subscriptions WHERE (?1 OR organization_id IN (SELECT value FROM json_each(?2)))';
  const one = db.prepare('SELECT document FROM subscriptions WHERE subscription_id = ?');
  const count = db.prepare(`SELECT count(*) AS total ${inScope}`);
  const order = (direction: string) =>
    db.prepare(
      `SELECT document ${inScope} ORDER BY created_at ${direction}, subscription_id ${direction} LIMIT ?3 OFFSET ?4`,
    );
  const [rising, falling] = [order('ASC'), order('DESC')];
  const free = db.prepare(
    `SELECT document FROM subscriptions WHERE state = 'active' AND next_try_at NOT BETWEEN ?1 + 1 AND ?1 + ${tryAheadMs} ` +
      `AND held_until NOT BETWEEN ?1 + 1 AND ?1 + ${holdMsMax} ORDER BY next_try_at LIMIT ?2`,
  );
  const byState = db.prepare(subscriptionsByState("document ->> '$.cause'", "document ->> '$.position'"));
  const only = async (row: Write) => (await write([row, '', 0, [], [], null])) === 'written';

  return {
    loadSubscription: reading((subscriptionId: string) => {
      const row = one.get(subscriptionId);
      return row && parseSubscription(row);
    }),
    async addSubscription(subscription) {
      const values = subscriptionValues(subscription);
      if (!(await only(['insertSubscription', values]))) throw new Error('bug: a subscription id twice');
    },
    changeSubscription(before, after) {
      const { subscriptionId, sequence } = before;
      if (after === undefined) return only(['deleteSubscription', [subscriptionId, sequence]]);
      return only(['updateSubscription', [...subscriptionValues(after), sequence]]);
    },
    listSubscriptions: reading(({ scope, page }: ListSubscriptions) =>
      snapshot(db, () => {
        const within = [Number(scope === 'all'), JSON.stringify(scope === 'all' ? [] : scope)] as const;
        const rows = (page.ascending ? rising : falling).all(...within, page.limit, page.offset);
        return { rows: rows.map(parseSubscription), total: count.get(...within)?.total as number };
      }),
    ),
    listSubscriptionsFree: reading((nowMs, limit) => free.all(nowMs, limit).map(parseSubscription)),
    countSubscriptions: reading(() => byState.all().map(parseSubscriptionCount)),
  };
}
