-- What locks and failures have left of a user; most have nothing. The end of a lock stands beside it as a number, to be
-- found by: a lock without end, as most are, leaves the index alone, so that its row is rewritten in place.
ALTER TABLE users ADD COLUMN lockout TEXT COLLATE "C" NOT NULL DEFAULT '{}'; -- JSON: domain/lock.ts, Lockout
ALTER TABLE users ADD COLUMN lock_until BIGINT;

CREATE INDEX users_by_lock_end ON users (lock_until) WHERE lock_until IS NOT NULL;

-- Locks from before they had records, as their events say: the newest to end the user's tokens is the lock's own.
UPDATE users SET lockout = json_build_object('lock', json_build_object(
  'cause', 'administrator',
  'generation', tokens_ended_sequence,
  'since', (SELECT created_at FROM events WHERE events.user_id = users.user_id AND events.sequence = tokens_ended_sequence),
  'failedAttempts', failed_password_attempts))::text
WHERE state = 'locked';

-- Empty id: the instance's own policy. Without a policy: it was set once and is the default again.
CREATE TABLE lockout_policies (
  organization_id TEXT COLLATE "C" PRIMARY KEY,
  policy          TEXT COLLATE "C", -- JSON: domain/lockout-policy.ts, LockoutPolicy
  sequence        BIGINT NOT NULL,
  created_at      BIGINT NOT NULL,
  changed_at      BIGINT NOT NULL
);
