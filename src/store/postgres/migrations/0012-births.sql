-- How a life of an id began: looked for where an id may have been used again, without a walk through all that happened since.
CREATE INDEX events_births ON events (user_id, sequence)
  WHERE type IN ('user.human.added', 'user.machine.added', 'user.external.added');

-- What a run had left that was given up while it was still written down.
DELETE FROM unlock_run_slices WHERE run_id NOT IN (SELECT run_id FROM unlock_runs);
