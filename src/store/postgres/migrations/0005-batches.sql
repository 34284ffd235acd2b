-- The events of one commit stand in the log one after the other, and get their position together: see placer. 512 events
-- at most: whoever looks for a position finds its batch less than that before it.
CREATE TABLE batches (
  batch_id       TEXT COLLATE "C" PRIMARY KEY, -- who wrote it and its number there: see postgres-batch-id.ts
  events         BIGINT NOT NULL,
  created_at     BIGINT NOT NULL,
  first_position BIGINT
);

CREATE UNIQUE INDEX batches_by_position ON batches (first_position) WHERE first_position IS NOT NULL;
CREATE INDEX batches_without_position ON batches (created_at, batch_id) WHERE first_position IS NULL;

-- What has no position yet gets it here, a user's events in the order of their sequences.
LOCK TABLE events;
UPDATE events SET position = (SELECT last_position FROM placer) + late.place
FROM (SELECT user_id, sequence, row_number() OVER (ORDER BY age, user_id, sequence) AS place
  FROM (SELECT user_id, sequence, max(created_at) OVER (PARTITION BY user_id ORDER BY sequence) AS age
    FROM events WHERE position IS NULL) AS dated) AS late
WHERE events.user_id = late.user_id AND events.sequence = late.sequence;
UPDATE placer SET last_position = greatest(last_position, (SELECT max(position) FROM events));

-- From here on an event's row is never written twice. `place` counts the events of one batch from 0.
ALTER TABLE events ADD COLUMN batch_id TEXT COLLATE "C";
ALTER TABLE events ADD COLUMN place BIGINT;
UPDATE events SET batch_id = lpad((position / 512)::text, 20, '0'), place = position % 512;
INSERT INTO batches SELECT batch_id, max(place) + 1, max(created_at), min(position - place) FROM events GROUP BY batch_id;
ALTER TABLE events ALTER COLUMN batch_id SET NOT NULL;
ALTER TABLE events ALTER COLUMN place SET NOT NULL;
ALTER TABLE events DROP COLUMN position;
CREATE INDEX events_of_batch ON events (batch_id, place);

-- Events with their positions.
CREATE VIEW log AS
  SELECT events.*, batches.first_position, batches.first_position + batches.events AS next_position,
    batches.first_position + events.place AS position
  FROM events LEFT JOIN batches ON batches.batch_id = events.batch_id;
