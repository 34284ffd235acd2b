-- Sign-ins, in the making or made: no history, so without events.
CREATE TABLE sessions (
  session_id          TEXT COLLATE "C" PRIMARY KEY,
  sequence            BIGINT NOT NULL,
  created_at          BIGINT NOT NULL,
  changed_at          BIGINT NOT NULL,
  expires_at          BIGINT,
  creator_user_id     TEXT COLLATE "C",
  user_id             TEXT COLLATE "C",
  user_sequence       BIGINT, -- of the user when they were checked: over at a tokens_ended_sequence after it
  user_checked_at     BIGINT,
  device_id           TEXT COLLATE "C",
  password_checked_at BIGINT,
  metadata            TEXT COLLATE "C" NOT NULL, -- JSON object of base64
  user_agent          TEXT COLLATE "C",          -- JSON: domain/session.ts, SessionUserAgent
  token_hash          BYTEA NOT NULL             -- SHA-256 of the newest token's secret
);

CREATE INDEX sessions_of_user ON sessions (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX sessions_by_expiry ON sessions (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX sessions_by_creation ON sessions (created_at);

-- Whose password is being checked, by any server, and at which version of the user: one check a version.
CREATE TABLE password_checks (
  user_id  TEXT COLLATE "C" PRIMARY KEY,
  sequence BIGINT NOT NULL,
  holder   TEXT COLLATE "C" NOT NULL,
  until    BIGINT NOT NULL
) WITH (fillfactor = 80);

CREATE INDEX password_checks_by_end ON password_checks (until);

-- What device tokens are signed with. One row.
CREATE TABLE signing_keys (
  key_id BIGINT PRIMARY KEY,
  secret BYTEA NOT NULL -- 32 random bytes
);

-- An e-mail address is a login name, found and kept unique by its folded form.
ALTER TABLE profiles ADD COLUMN email_folded TEXT COLLATE "C";
UPDATE profiles SET email_folded = profile_folded::jsonb ->> 'email';
CREATE INDEX profiles_by_email_folded ON profiles (email_folded) WHERE email_folded IS NOT NULL;
