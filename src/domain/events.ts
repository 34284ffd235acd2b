import type { CodeKind } from './code.ts';
import type { OrganizationId, UserId } from './ids.ts';
import type { LockCause } from './lock.ts';
import type { LockoutPolicy } from './lockout-policy.ts';
import type { MetadataFacts } from './metadata.ts';
import type { ProfileEvent, SharedNames } from './profile-events.ts';
import type { UnlockRunEvent } from './unlock-run-events.ts';
import type { Grant, Profile, UserKind, UserState } from './user.ts';

/** Past tense, append-only; an erasure alone takes out of one again, see domain/erasure.ts. A payload never holds a secret: no password, no hash, no token. */
export type UserEvent =
  | ProfileEvent
  | {
      /** The code itself is in no event. */
      readonly type: `user.human.${CodeKind}.code.added`;
      readonly payload: { readonly expiresAt: number };
    }
  | {
      readonly type: `user.${UserKind}.added`;
      readonly payload: UserAdded;
    }
  | { readonly type: 'user.locked'; readonly payload: UserLocked }
  | { readonly type: 'user.unlocked'; readonly payload: UserUnlocked }
  | { readonly type: 'user.deactivated' | 'user.reactivated' | 'user.removed'; readonly payload: NoPayload }
  /** The events before it, from the user's first in this organization on, say no more whom they are about. */
  | { readonly type: 'user.erased'; readonly payload: NoPayload }
  /** Who locked is erased, and with them what they wrote; the lock stays. */
  | { readonly type: 'user.lock.reason.removed'; readonly payload: NoPayload }
  | {
      readonly type: 'user.human.password.changed';
      /**
       * failuresStay: it gives no fresh attempts. Absent: set by whoever knew the one before, or by a code where the policy
       * lets that forgive failures; and events from before that was asked.
       */
      readonly payload: { readonly changeRequired: boolean; readonly failuresStay?: true };
    }
  | { readonly type: 'user.human.password.check.failed'; readonly payload: PasswordCheckFailed }
  | {
      readonly type: 'user.human.password.check.succeeded';
      /** deviceId: of the known device that it came from; sessionId: of the session that it is part of. */
      readonly payload: { readonly deviceId?: string; readonly sessionId?: string };
    }
  | {
      /** Begun and never checked. `abandoned`: so many, this one included, that counted as no failure. */
      readonly type: 'user.attempt.abandoned';
      readonly payload: { readonly abandoned: number };
    }
  | {
      readonly type: 'user.pat.added';
      readonly payload: { readonly tokenId: string; readonly expiresAt: number };
    }
  | { readonly type: 'user.pat.removed'; readonly payload: { readonly tokenId: string } }
  | { readonly type: 'user.metadata.set'; readonly payload: MetadataSet }
  | { readonly type: 'user.metadata.removed'; readonly payload: { readonly key: string } }
  | { readonly type: 'user.grant.added' | 'user.grant.removed'; readonly payload: Grant };

/** How a user's events begin. */
export const birthTypes = [
  'user.human.added',
  'user.machine.added',
  'user.external.added',
] as const satisfies readonly `user.${UserKind}.added`[];
const births: ReadonlySet<string> = new Set(birthTypes);

/** Whether it is how a user's events begin. */
export const isBirth = ({ type }: { readonly type: string }): boolean => births.has(type);

export type StateEventType =
  | 'user.locked'
  | 'user.unlocked'
  | 'user.deactivated'
  | 'user.reactivated'
  | 'user.removed';

export type UserEventType = UserEvent['type'];
type NoPayload = Readonly<Record<string, never>>;

export interface UserAdded extends SharedNames {
  readonly organizationId: OrganizationId;
  readonly state: Extract<UserState, 'initial' | 'active'>;
  readonly profile: Profile;
  /** Present where the user was added with a password. */
  readonly password?: { readonly changeRequired: boolean };
}

/** Absent facts are those of an event from before locks had records. */
export interface UserLocked {
  readonly cause?: LockCause;
  /** Milliseconds since 1970, UTC; absent: until somebody unlocks. */
  readonly until?: number;
  readonly reason?: string;
  readonly lockedBy?: string;
  readonly failedAttempts?: number;
  /** AIP-155: the request that asked for it, so that the same one again does nothing. */
  readonly requestId?: string;
  /** The run that locked again what another one had unlocked. */
  readonly runId?: string;
}

export interface UserUnlocked {
  /** 'policy': the lock's own end came. 'password_reset': the policy lets a new password by code end its locks. */
  readonly cause?: LockCause | 'password_reset';
  /** Of the lock that ended. */
  readonly generation?: number;
  readonly ticket?: string;
  /** How the person was identified. */
  readonly identification?: string;
  readonly requestId?: string;
  /** The run that it is an item of. */
  readonly runId?: string;
}

export interface PasswordCheckFailed {
  /** Failures that count, this one included: the known device's, or all strangers'. */
  readonly attempts?: number;
  readonly deviceId?: string;
}

/** The value itself is in no event: a page of events would be as long as a thousand values. */
export type MetadataSet = Pick<MetadataFacts, 'key' | 'bytes' | 'sha256'>;

/** An organization is made once; its event stands in the instance's own stream (see instanceStream). */
export interface OrganizationAdded {
  readonly type: 'organization.added';
  readonly payload: {
    readonly organizationId: OrganizationId;
    readonly name: string;
    readonly domain: string;
  };
}

/** An organization's own policy, or the instance's where it names none. In the instance's own stream. */
export type PolicyEvent =
  | { readonly type: 'policy.lockout.changed'; readonly payload: PolicyChanged }
  | { readonly type: 'policy.lockout.removed'; readonly payload: Omit<PolicyChanged, 'policy'> };

export interface PolicyChanged {
  readonly organizationId?: OrganizationId;
  readonly policy: LockoutPolicy;
}

/** What the instance's own stream holds. */
export type InstanceEvent = OrganizationAdded | PolicyEvent | UnlockRunEvent;

/** The stream of events that belong to no user. No user has the empty id, so the two never meet. */
export const instanceStream = '' as UserId;

/** Who did it, from where, why: written beside every event. Absent facts are undefined, never empty. */
export interface EventMeta {
  readonly actorUserId?: UserId;
  /** Name of the operating system's user where the change came from the command line, straight on the database. */
  readonly actorOsUser?: string;
  /** `issuer|subject` of a token that another issuer signed: a person whom that issuer knows, and no user of ours. */
  readonly actorSubject?: string;
  readonly ip?: string;
  readonly userAgent?: string;
  readonly requestId?: string;
  /** W3C Trace Context, as received. */
  readonly traceparent?: string;
  readonly reason?: string;
}

/** Who did it, in whichever way they are known; undefined for what nobody asked for. */
export function actorIn({ actorUserId, actorOsUser, actorSubject }: EventMeta): string | undefined {
  return actorUserId ?? actorOsUser ?? actorSubject;
}

/** The same, as what tells them from everybody else. */
export function actorFacts({ actorUserId, actorOsUser, actorSubject }: EventMeta): readonly string[] {
  return [actorUserId ?? '', actorOsUser ?? '', actorSubject ?? ''];
}

/** From where and why, whoever it was. */
export type EventOrigin = Omit<EventMeta, 'actorUserId' | 'actorOsUser' | 'actorSubject'>;

/** What the log holds. */
export type EventType = UserEventType | InstanceEvent['type'];

/** An event as the log holds it. */
export interface RecordedEvent {
  /** Place in the one total order of all events, from 1 upward. */
  readonly position: number;
  readonly eventId: string;
  readonly userId: UserId;
  readonly sequence: number;
  readonly type: EventType;
  readonly createdAt: number;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly meta: EventMeta;
}
