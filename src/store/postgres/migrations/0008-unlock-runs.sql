-- Many unlocks as one piece of work. What they did is in the log; these rows say what is left to do, and what became of each.
CREATE TABLE unlock_runs (
  run_id      TEXT COLLATE "C" PRIMARY KEY,
  version     BIGINT NOT NULL,
  state       TEXT COLLATE "C" NOT NULL,
  lease_until BIGINT NOT NULL,    -- of the server that carries it
  run         TEXT COLLATE "C" NOT NULL,    -- JSON: domain/unlock-run.ts, UnlockRun
  request_key TEXT COLLATE "C" UNIQUE       -- who asked, and under which request id
);

CREATE INDEX unlock_runs_left ON unlock_runs (lease_until) WHERE state IN ('preparing', 'running');

-- Rows of many users: each commit of a run writes one or two.
CREATE TABLE unlock_run_slices (
  run_id   TEXT COLLATE "C" NOT NULL,
  slice    BIGINT NOT NULL,
  items    TEXT COLLATE "C" NOT NULL,              -- JSON array of [user id, organization id, generation, end of the lock]
  results  TEXT COLLATE "C" NOT NULL DEFAULT '[]', -- JSON array of [outcome, sequence, why] or null, beside the items
  outcomes TEXT COLLATE "C" NOT NULL DEFAULT '',   -- those among the results, each as <outcome>
  PRIMARY KEY (run_id, slice)
);
