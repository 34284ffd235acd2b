-- Users whose erasure has begun and may have left something. Whoever finishes it takes the row away.
CREATE TABLE erasures (
  user_id   TEXT COLLATE "C" PRIMARY KEY,
  erased_at BIGINT NOT NULL
);
