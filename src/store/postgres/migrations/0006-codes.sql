-- Codes that were handed out and not used yet, one of a kind for each user. No history, so without events of their own.
CREATE TABLE codes (
  user_id    TEXT COLLATE "C" NOT NULL,
  kind       TEXT COLLATE "C" NOT NULL, -- domain/code.ts, CodeKind
  digest     TEXT COLLATE "C" NOT NULL, -- hex of a keyed digest
  expires_at BIGINT NOT NULL,
  tries      BIGINT NOT NULL,
  PRIMARY KEY (user_id, kind)
);
