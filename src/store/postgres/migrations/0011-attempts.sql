-- What an application calls a user whose password it checks itself: one user's alone in an organization.
ALTER TABLE profiles ADD COLUMN external_id TEXT COLLATE "C";
CREATE UNIQUE INDEX profiles_external_id ON profiles (external_id, organization_id) WHERE external_id IS NOT NULL;

-- An attempt that an application has begun and not ended: a claim that nobody takes over.
ALTER TABLE password_checks ADD COLUMN attempt_id TEXT COLLATE "C";
ALTER TABLE password_checks ADD COLUMN attempt TEXT COLLATE "C"; -- JSON: store/attempt-store.ts, AttemptFacts
CREATE UNIQUE INDEX password_checks_attempt ON password_checks (attempt_id) WHERE attempt_id IS NOT NULL;
