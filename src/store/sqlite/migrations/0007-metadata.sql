-- Notes that other systems keep with a user. Their events hold a digest of the value, never the value.
CREATE TABLE user_metadata (
  user_id    TEXT NOT NULL,
  key        TEXT NOT NULL,
  value      BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  PRIMARY KEY (user_id, key)
) STRICT, WITHOUT ROWID;
