import type { UserId } from './ids.ts';
import type { User } from './user.ts';

/** A sign-in, in the making or made. Times are milliseconds since 1970, UTC. */
export interface Session {
  readonly sessionId: string;
  /** Number of its changes, counted from 1; the version that compare-and-set compares. */
  readonly sequence: number;
  readonly createdAt: number;
  readonly changedAt: number;
  /** Absent: it lasts until it is deleted, or ended with its user's tokens. */
  readonly expiresAt?: number;
  /** Who made it. */
  readonly creatorUserId?: UserId;
  readonly user?: SessionUser;
  /** When the password was last right; absent: never. */
  readonly passwordCheckedAt?: number;
  /** Values in base64. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly userAgent?: SessionUserAgent;
}

export interface SessionUser {
  readonly userId: UserId;
  /** The user's newest event when they were checked: what ends the user's tokens after it ends this session. */
  readonly sequence: number;
  readonly checkedAt: number;
  /** The known device that the password came from. */
  readonly deviceId?: string;
}

export interface SessionUserAgent {
  readonly fingerprintId?: string;
  readonly ip?: string;
  readonly description?: string;
  readonly header?: Readonly<Record<string, readonly string[]>>;
}

/**
 * Whether the session still is one: not expired, and nothing since has ended its user's sign-ins. A lock by the policy,
 * which is about strangers, leaves alone what a known device signed in to after it.
 */
export function isSessionOpen(session: Session, owner: User | undefined, nowMs: number): boolean {
  if (session.expiresAt !== undefined && session.expiresAt <= nowMs) return false;
  if (session.user === undefined) return true;
  if (owner === undefined || session.user.sequence < owner.tokensEndedSequence) return false;
  if (owner.state === 'active' || owner.state === 'initial') return true;
  return (
    owner.state === 'locked' && owner.lockout.lock?.cause === 'policy' && session.user.deviceId !== undefined
  );
}
