/** Who or what locked: the lockout policy, an administrator over the API, or the command line on the database itself. */
export type LockCause = 'policy' | 'administrator' | 'command_line';

/** One lock, from the event that set it to the one that ends it. Times are milliseconds since 1970, UTC. */
export interface Lock {
  readonly cause: LockCause;
  /** Sequence of its `user.locked` event: no two locks of a user share it. */
  readonly generation: number;
  readonly since: number;
  /** Absent: until somebody unlocks. */
  readonly until?: number;
  readonly reason?: string;
  /** Id of the user who locked, `issuer|subject`, or the operating system's user; absent for the policy. */
  readonly lockedBy?: string;
  /** Failed attempts that counted when it was set. */
  readonly failedAttempts: number;
}

/**
 * What a user's locks and failures have left: most users have nothing of it. Every way out of `locked` empties it; the
 * end of a lock by time keeps what makes the next one longer, and the known devices' own counters.
 */
export interface Lockout {
  readonly lock?: Lock;
  /** Strangers' failures that may still count, oldest first; the newest `failuresKept`. */
  readonly failedAt?: readonly number[];
  /** The same for each known device that failed, by its id; `devicesKept` at most. */
  readonly devices?: Readonly<Record<string, readonly number[]>>;
  /** Locks by the policy since a stranger last signed in or somebody unlocked by hand. */
  readonly policyLocks?: number;
  /** Attempts that were begun and never checked, and counted as no failure, since the counters were last cleared. */
  readonly abandoned?: number;
}

/** As many failures as a policy can ask for. */
export const failuresKept = 100;
/** Devices with failures of their own; beyond them a device fails like a stranger. */
export const devicesKept = 20;

export const noLockout: Lockout = Object.freeze({});
