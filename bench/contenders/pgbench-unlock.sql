-- What one unlock leaves, one transaction each, for pgbench -M prepared -D i=0 -D clients=N -D count=N. Every second
-- user is locked, `count` of them. Call i of each of the clients takes a place of its own in their permutation, so that
-- each is unlocked once; a second time would fail on the primary key of events and end the run.
\set i :i + 1
\set user 100000000000000000 + 2 * permute(:i * :clients + :client_id, :count)
\set at 1767225600000 + :i
\set event random(1000000000000000000, 9000000000000000000)
BEGIN;
UPDATE users SET state = 'active', sequence = 3, changed_at = :at, failed_password_attempts = 0, lockout = '{}', tokens_ended_sequence = 2 WHERE user_id = :user AND sequence = 2;
INSERT INTO events (user_id, sequence, batch_id, place, created_at, event_id, type, payload, actor_user_id, ip, user_agent, request_id) VALUES (:user, 3, concat('z', CAST(:event AS text)), 0, :at, :event, 'user.unlocked', '{}', '1795000000000000001', '127.0.0.1', 'latchkey-bench', '9f2c1a34-5b6d-4e7f-8a90-b1c2d3e4f506');
COMMIT;
