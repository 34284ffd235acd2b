-- The same births by a condition that SQLite compares in place: of a list of more than two it makes a table anew for every
-- event that is written.
DROP INDEX events_births;
CREATE INDEX events_births ON events (user_id, sequence)
  WHERE type = 'user.human.added' OR type = 'user.machine.added' OR type = 'user.external.added';
