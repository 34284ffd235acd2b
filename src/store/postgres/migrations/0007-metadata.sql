-- Notes that other systems keep with a user. Their events hold a digest of the value, never the value.
CREATE TABLE user_metadata (
  user_id    TEXT COLLATE "C" NOT NULL,
  key        TEXT COLLATE "C" NOT NULL,
  value      BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  PRIMARY KEY (user_id, key)
);
