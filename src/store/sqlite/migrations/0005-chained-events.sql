-- A user's events are a chain instead of an index: each holds the position of the one before it, the user's row that of
-- the newest. An index of all events by user costs every unlock a page of its own, more than all the rest of it. Both
-- tables are written anew, because rows that grow where they are would leave every page half empty.

CREATE TABLE chained_events (
  position          INTEGER PRIMARY KEY,
  user_id           TEXT NOT NULL, -- empty: the instance's own stream
  sequence          INTEGER NOT NULL,
  previous_position INTEGER NOT NULL DEFAULT 0, -- of the same user; 0: the first, or of the instance
  event_id          TEXT NOT NULL,
  type              TEXT NOT NULL,
  created_at        INTEGER NOT NULL,
  payload           TEXT NOT NULL, -- JSON, never a secret
  actor_user_id     TEXT,
  actor_os_user     TEXT,
  actor_subject     TEXT, -- "issuer|subject" of another issuer's token
  ip                TEXT,
  user_agent        TEXT,
  request_id        TEXT,
  traceparent       TEXT,
  reason            TEXT
) STRICT;

INSERT INTO chained_events
  SELECT position, user_id, sequence,
    coalesce((
      SELECT before.position FROM events AS before
      WHERE before.user_id = events.user_id AND before.sequence = events.sequence - 1 AND events.user_id <> ''
    ), 0),
    event_id, type, created_at, payload, actor_user_id, actor_os_user, actor_subject,
    ip, user_agent, request_id, traceparent, reason
  FROM events ORDER BY position;

CREATE TABLE chained_users (
  user_id                  TEXT PRIMARY KEY,
  organization_id          TEXT NOT NULL,
  kind                     TEXT NOT NULL,
  state                    TEXT NOT NULL,
  sequence                 INTEGER NOT NULL,
  created_at               INTEGER NOT NULL,
  changed_at               INTEGER NOT NULL,
  failed_password_attempts INTEGER NOT NULL,
  tokens_ended_sequence    INTEGER NOT NULL,
  grants                   TEXT NOT NULL, -- JSON array of {role, organizationId?}
  lockout                  TEXT NOT NULL DEFAULT '{}', -- JSON: domain/lock.ts, Lockout
  lock_until               INTEGER,
  newest_position          INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

INSERT INTO chained_users
  SELECT user_id, organization_id, kind, state, sequence, created_at, changed_at, failed_password_attempts,
    tokens_ended_sequence, grants, lockout, lock_until,
    coalesce((
      SELECT newest.position FROM events AS newest
      WHERE newest.user_id = users.user_id ORDER BY newest.sequence DESC LIMIT 1
    ), 0)
  FROM users ORDER BY user_id;

DROP TABLE events;
ALTER TABLE chained_events RENAME TO events;
DROP TABLE users;
ALTER TABLE chained_users RENAME TO users;

CREATE INDEX users_with_grants ON users (user_id) WHERE grants <> '[]';
CREATE INDEX users_by_creation ON users (created_at);
CREATE INDEX users_by_lock_end ON users (lock_until) WHERE lock_until IS NOT NULL;
CREATE UNIQUE INDEX events_of_instance ON events (sequence) WHERE user_id = '';
-- Every 64th event of a user, so that a page in the middle of a long history is reached without a walk through all of it.
CREATE UNIQUE INDEX events_milestones ON events (user_id, sequence) WHERE sequence % 64 = 0;
