-- What locks and failures have left of a user; most have nothing. The end of a lock stands beside it as a number, to be
-- found by: a lock without end, as most are, leaves the index alone.
ALTER TABLE users ADD COLUMN lockout TEXT NOT NULL DEFAULT '{}'; -- JSON: domain/lock.ts, Lockout
ALTER TABLE users ADD COLUMN lock_until INTEGER;

CREATE INDEX users_by_lock_end ON users (lock_until) WHERE lock_until IS NOT NULL;

-- Locks from before they had records, as their events say: the newest to end the user's tokens is the lock's own.
UPDATE users SET lockout = json_object('lock', json_object(
  'cause', 'administrator',
  'generation', tokens_ended_sequence,
  'since', (SELECT created_at FROM events WHERE events.user_id = users.user_id AND events.sequence = tokens_ended_sequence),
  'failedAttempts', failed_password_attempts))
WHERE state = 'locked';

-- Empty id: the instance's own policy. Without a policy: it was set once and is the default again.
CREATE TABLE lockout_policies (
  organization_id TEXT PRIMARY KEY,
  policy          TEXT, -- JSON: domain/lockout-policy.ts, LockoutPolicy
  sequence        INTEGER NOT NULL,
  created_at      INTEGER NOT NULL,
  changed_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
