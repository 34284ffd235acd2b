-- Sign-ins, in the making or made: no history, so without events.
CREATE TABLE sessions (
  session_id          TEXT PRIMARY KEY,
  sequence            INTEGER NOT NULL,
  created_at          INTEGER NOT NULL,
  changed_at          INTEGER NOT NULL,
  expires_at          INTEGER,
  creator_user_id     TEXT,
  user_id             TEXT,
  user_sequence       INTEGER, -- of the user when they were checked: over at a tokens_ended_sequence after it
  user_checked_at     INTEGER,
  device_id           TEXT,
  password_checked_at INTEGER,
  metadata            TEXT NOT NULL, -- JSON object of base64
  user_agent          TEXT,          -- JSON: domain/session.ts, SessionUserAgent
  token_hash          BLOB NOT NULL  -- SHA-256 of the newest token's secret
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_of_user ON sessions (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX sessions_by_expiry ON sessions (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX sessions_by_creation ON sessions (created_at);

-- Whose password is being checked, by any server, and at which version of the user: one check a version.
CREATE TABLE password_checks (
  user_id  TEXT PRIMARY KEY,
  sequence INTEGER NOT NULL,
  holder   TEXT NOT NULL,
  until    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX password_checks_by_end ON password_checks (until);

-- What device tokens are signed with. One row.
CREATE TABLE signing_keys (
  key_id INTEGER PRIMARY KEY,
  secret BLOB NOT NULL -- 32 random bytes
) STRICT;

-- An e-mail address is a login name, found and kept unique by its folded form.
ALTER TABLE profiles ADD COLUMN email_folded TEXT;
UPDATE profiles SET email_folded = fold_text(profile ->> 'email');
CREATE INDEX profiles_by_email_folded ON profiles (email_folded) WHERE email_folded IS NOT NULL;
