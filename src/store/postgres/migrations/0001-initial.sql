-- The tables and columns of the embedded store. Times are milliseconds since 1970, UTC. Booleans are 0 and 1.
-- "C": ids and names sort by code point, whatever the database's locale. JSON stands as text: it comes back byte for byte.

CREATE TABLE organizations (
  organization_id TEXT COLLATE "C" PRIMARY KEY,
  name            TEXT COLLATE "C" NOT NULL,
  domain          TEXT COLLATE "C" NOT NULL UNIQUE,
  created_at      BIGINT NOT NULL
);

-- What the law moves: small rows, because every lock and unlock rewrites one, and room in each page to do so in place.
CREATE TABLE users (
  user_id                  TEXT COLLATE "C" PRIMARY KEY,
  organization_id          TEXT COLLATE "C" NOT NULL,
  kind                     TEXT COLLATE "C" NOT NULL,
  state                    TEXT COLLATE "C" NOT NULL,
  sequence                 BIGINT NOT NULL,
  created_at               BIGINT NOT NULL,
  changed_at               BIGINT NOT NULL,
  failed_password_attempts BIGINT NOT NULL,
  tokens_ended_sequence    BIGINT NOT NULL,
  grants                   TEXT COLLATE "C" NOT NULL -- JSON array of {role, organizationId?}
) WITH (fillfactor = 80);

CREATE INDEX users_with_grants ON users (user_id) WHERE grants <> '[]';

-- For pages of users in the order of creation. A change of state leaves the column, and so the index, alone.
CREATE INDEX users_by_creation ON users (created_at);

-- Who the user is. The folded name is what uniqueness is judged by: letter case and Unicode form do not make a second user.
CREATE TABLE profiles (
  user_id                  TEXT COLLATE "C" PRIMARY KEY,
  organization_id          TEXT COLLATE "C" NOT NULL,
  user_name                TEXT COLLATE "C" NOT NULL,
  user_name_folded         TEXT COLLATE "C" NOT NULL,
  profile                  TEXT COLLATE "C" NOT NULL, -- JSON: domain/user.ts, Profile
  profile_folded           TEXT COLLATE "C" NOT NULL, -- the same texts folded: the database's own idea of letter case is another
  password_hash            TEXT COLLATE "C",          -- PHC string
  password_change_required BIGINT,
  password_changed_at      BIGINT,
  CONSTRAINT profiles_user_name UNIQUE (organization_id, user_name_folded)
);

CREATE INDEX profiles_by_user_name ON profiles (user_name_folded);
CREATE INDEX profiles_by_email ON profiles ((profile::jsonb ->> 'email'));

CREATE TABLE tokens (
  token_id    TEXT COLLATE "C" PRIMARY KEY,
  user_id     TEXT COLLATE "C" NOT NULL,
  sequence    BIGINT NOT NULL,
  secret_hash BYTEA NOT NULL, -- SHA-256 of the secret
  created_at  BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL
);

CREATE INDEX tokens_of_user ON tokens (user_id);

-- Append-only. Many write at once, so an event gets its position after its commit: see placer.
CREATE TABLE events (
  user_id       TEXT COLLATE "C" NOT NULL, -- empty: the instance's own stream
  sequence      BIGINT NOT NULL,
  position      BIGINT,
  created_at    BIGINT NOT NULL,
  event_id      TEXT COLLATE "C" NOT NULL,
  type          TEXT COLLATE "C" NOT NULL,
  payload       TEXT COLLATE "C" NOT NULL, -- JSON, never a secret
  actor_user_id TEXT COLLATE "C",
  actor_os_user TEXT COLLATE "C",
  ip            TEXT COLLATE "C",
  user_agent    TEXT COLLATE "C",
  request_id    TEXT COLLATE "C",
  traceparent   TEXT COLLATE "C",
  reason        TEXT COLLATE "C",
  PRIMARY KEY (user_id, sequence)
);

CREATE UNIQUE INDEX events_by_position ON events (position) WHERE position IS NOT NULL;
CREATE INDEX events_without_position ON events (created_at, event_id) WHERE position IS NULL;

-- One row. Whoever holds its lock gives the next positions, and keeps it until they are committed.
CREATE TABLE placer (
  placer_id     BIGINT PRIMARY KEY,
  last_position BIGINT NOT NULL
);

INSERT INTO placer VALUES (1, 0);
