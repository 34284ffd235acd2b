import type { RecordedEvent } from '../domain/events.ts';
import type { OrganizationId, UserId } from '../domain/ids.ts';
import type { MetadataFacts } from '../domain/metadata.ts';
import type { PasswordFacts, Profile, Token, User } from '../domain/user.ts';

/** All that is kept of one id at one moment, secrets apart: what `latchkey verify` holds against itself. */
export interface History {
  readonly userId: UserId;
  /** The row of users or of profiles holds what is no JSON, and is left out. */
  readonly isDamaged?: true;
  readonly user: User | undefined;
  /** An erasure is under way: its events may still say whom they are about. */
  readonly isErasing: boolean;
  /** What the user's row is found by; of the lock in it. */
  readonly lockUntil: number | undefined;
  readonly profile: Profile | undefined;
  /** What the profile's row is found by. */
  readonly profileKeys: ProfileKeys | undefined;
  readonly password: PasswordFacts | undefined;
  /** In the order in which they were added. */
  readonly tokens: readonly Token[];
  /** As the rows say, in the order of the keys. */
  readonly metadata: readonly MetadataFacts[];
  /** Every event up to that moment, oldest first; to be read once, before the store is closed. */
  readonly events: AsyncIterable<RecordedEvent>;
}

/** No organization has two profiles that share a login name. */
export interface ProfileKeys {
  readonly organizationId: OrganizationId;
  readonly userName: string;
  readonly userNameFolded: string;
  readonly emailFolded?: string;
  readonly externalId?: string;
}
