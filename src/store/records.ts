import type { TurnKeys } from '../domain/turns.ts';
import type { PasswordFacts, Profile, User } from '../domain/user.ts';

/** A user with all that a reader is shown. */
export interface UserRecord {
  readonly user: User;
  readonly profile: Profile;
  readonly password: PasswordFacts | undefined;
  readonly organizationDomain: string;
}

/** total counts all that match, whatever the page; position is the newest event's that the answer reflects. */
export interface Listed<Row> {
  readonly rows: readonly Row[];
  readonly total: number;
  readonly position: number;
}

/** How a time of a row is held against a filter's. */
export type TimeMethod = 'equals' | 'after' | 'after_or_equals' | 'before' | 'before_or_equals';

/** For whom a list is made that may take long. */
export interface Asker {
  /** Whose turn it takes: see domain/turns.ts. */
  readonly by: TurnKeys;
  /** Aborted when they are gone: what is under way for them is dropped. */
  readonly signal?: AbortSignal | undefined;
}
