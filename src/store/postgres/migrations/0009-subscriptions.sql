-- Where events are sent, and how far. No history, so without events of their own; no secret is in them.
CREATE TABLE subscriptions (
  subscription_id TEXT COLLATE "C" PRIMARY KEY,
  sequence        BIGINT NOT NULL,
  organization_id TEXT COLLATE "C",           -- NULL: of all that the owner may read
  state           TEXT COLLATE "C" NOT NULL,  -- domain/subscription.ts, SubscriptionState
  held_until      BIGINT NOT NULL,
  next_try_at     BIGINT NOT NULL,
  created_at      BIGINT NOT NULL,
  document        TEXT NOT NULL   -- JSON: domain/subscription.ts, Subscription
);

CREATE INDEX subscriptions_to_deliver ON subscriptions (next_try_at) WHERE state = 'active';
