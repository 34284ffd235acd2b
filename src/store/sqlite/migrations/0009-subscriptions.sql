-- Where events are sent, and how far. No history, so without events of their own; no secret is in them.
CREATE TABLE subscriptions (
  subscription_id TEXT PRIMARY KEY,
  sequence        INTEGER NOT NULL,
  organization_id TEXT,           -- NULL: of all that the owner may read
  state           TEXT NOT NULL,  -- domain/subscription.ts, SubscriptionState
  held_until      INTEGER NOT NULL,
  next_try_at     INTEGER NOT NULL,
  created_at      INTEGER NOT NULL,
  document        TEXT NOT NULL   -- JSON: domain/subscription.ts, Subscription
) STRICT, WITHOUT ROWID;

CREATE INDEX subscriptions_to_deliver ON subscriptions (next_try_at) WHERE state = 'active';
