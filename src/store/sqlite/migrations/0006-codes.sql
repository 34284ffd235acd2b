-- Codes that were handed out and not used yet, one of a kind for each user. No history, so without events of their own.
CREATE TABLE codes (
  user_id    TEXT NOT NULL,
  kind       TEXT NOT NULL,    -- domain/code.ts, CodeKind
  digest     TEXT NOT NULL,    -- hex of a keyed digest
  expires_at INTEGER NOT NULL,
  tries      INTEGER NOT NULL,
  PRIMARY KEY (user_id, kind)
) STRICT, WITHOUT ROWID;
