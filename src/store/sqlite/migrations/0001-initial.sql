-- Times are milliseconds since 1970, UTC. Booleans are 0 and 1.

CREATE TABLE organizations (
  organization_id TEXT PRIMARY KEY,
  name            TEXT NOT NULL,
  domain          TEXT NOT NULL UNIQUE,
  created_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What the law moves: small rows, because every lock and unlock rewrites one.
CREATE TABLE users (
  user_id                  TEXT PRIMARY KEY,
  organization_id          TEXT NOT NULL,
  kind                     TEXT NOT NULL,
  state                    TEXT NOT NULL,
  sequence                 INTEGER NOT NULL,
  created_at               INTEGER NOT NULL,
  changed_at               INTEGER NOT NULL,
  failed_password_attempts INTEGER NOT NULL,
  tokens_ended_sequence    INTEGER NOT NULL,
  grants                   TEXT NOT NULL -- JSON array of {role, organizationId?}
) STRICT, WITHOUT ROWID;

CREATE INDEX users_with_grants ON users (user_id) WHERE grants <> '[]';

-- For pages of users in the order of creation. A change of state leaves the column, and so the index, alone.
CREATE INDEX users_by_creation ON users (created_at);

-- Who the user is. The folded name is what uniqueness is judged by: letter case and Unicode form do not make a second user.
CREATE TABLE profiles (
  user_id                  TEXT PRIMARY KEY,
  organization_id          TEXT NOT NULL,
  user_name                TEXT NOT NULL,
  user_name_folded         TEXT NOT NULL,
  profile                  TEXT NOT NULL, -- JSON: domain/user.ts, Profile
  password_hash            TEXT,          -- PHC string
  password_change_required INTEGER,
  password_changed_at      INTEGER,
  UNIQUE (organization_id, user_name_folded)
) STRICT, WITHOUT ROWID;

CREATE INDEX profiles_by_user_name ON profiles (user_name_folded);
CREATE INDEX profiles_by_email ON profiles (profile ->> 'email');

CREATE TABLE tokens (
  token_id    TEXT PRIMARY KEY,
  user_id     TEXT NOT NULL,
  sequence    INTEGER NOT NULL,
  secret_hash BLOB NOT NULL, -- SHA-256 of the secret
  created_at  INTEGER NOT NULL,
  expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX tokens_of_user ON tokens (user_id);

-- Append-only. One writer at a time, so the positions rise in the order of commit.
CREATE TABLE events (
  position      INTEGER PRIMARY KEY,
  user_id       TEXT NOT NULL, -- empty: the instance's own stream
  sequence      INTEGER NOT NULL,
  event_id      TEXT NOT NULL,
  type          TEXT NOT NULL,
  created_at    INTEGER NOT NULL,
  payload       TEXT NOT NULL, -- JSON, never a secret
  actor_user_id TEXT,
  actor_os_user TEXT,
  ip            TEXT,
  user_agent    TEXT,
  request_id    TEXT,
  traceparent   TEXT,
  reason        TEXT,
  UNIQUE (user_id, sequence)
) STRICT;
