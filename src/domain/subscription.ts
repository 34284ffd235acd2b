import { DomainError } from './errors.ts';
import { eventTypes } from './event-types.ts';
import type { RecordedEvent } from './events.ts';
import type { OrganizationId, UserId } from './ids.ts';
import { parseText } from './ids.ts';

/** 'paused': resumed, it goes on where it stopped. 'disabled': the receiver said that it is gone. */
export type SubscriptionState = 'active' | 'paused' | 'disabled';

/** Why a subscription sends nothing: somebody said so, tries ran out, 410, or its owner may not read any more. */
export type PauseCause = 'asked' | 'failed' | 'gone' | 'owner';

/** What came of one try. */
export const attemptOutcomes = [
  'delivered',
  /** An answer that is no success. */
  'refused',
  'timeout',
  'unreachable',
  'name_unknown',
  /** A destination that this server does not connect to. */
  'not_allowed',
  /** No encrypted connection: a certificate that is over, of another name or of nobody who is trusted, among others. */
  'tls_failed',
  'invalid_answer',
] as const;
export type AttemptOutcome = (typeof attemptOutcomes)[number];

/** One try; never what the receiver wrote in its answer. */
export interface Attempt {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly messageId: string;
  readonly eventType: string;
  /** 1 for the first of this message. */
  readonly nth: number;
  readonly outcome: AttemptOutcome;
  /** Of HTTP; 0 where there was no answer. */
  readonly code: number;
  readonly durationMs: number;
}

/** A cursor over the log, and where what it passes is sent. Times are milliseconds since 1970. */
export interface Subscription {
  readonly subscriptionId: string;
  /** Counts every change of the row, also those that delivering makes. */
  readonly sequence: number;
  /** Only of this organization; undefined: of all that the owner may read. */
  readonly organizationId: OrganizationId | undefined;
  /** By whose rights it reads. */
  readonly ownerUserId: UserId;
  readonly url: string;
  readonly description: string;
  /** None: all. */
  readonly eventTypes: readonly string[];
  readonly state: SubscriptionState;
  readonly cause?: PauseCause;
  readonly createdAt: number;
  /** Of what somebody asked for. */
  readonly changedAt: number;
  /** Which of its secrets is in force, from 1; none is stored. */
  readonly secretNumber: number;
  /** Until then the one before it signs as well. */
  readonly previousSecretUntil: number;

  /** Of the newest event that is done with. */
  readonly position: number;
  /** Failed tries of the next one. */
  readonly tries: number;
  /** No try before. */
  readonly nextTryAt: number;
  readonly lastDeliveredAt?: number;
  /** Newest first. */
  readonly attempts: readonly Attempt[];
  /** The server that delivers, until it has to say so again. */
  readonly holder: string;
  readonly heldUntil: number;
}

export const attemptsKept = 20;

const urlLengthMax = 2_000;

/** Where to send. Throws fieldInvalid. What it leads to is looked at whenever it is connected to. */
export function parseHookUrl(text: string): string {
  const invalid = (rule: string) => new DomainError('fieldInvalid', { text: `url: ${rule}` });
  if (text.length > urlLengthMax) throw invalid(`must be at most ${urlLengthMax} characters long`);
  if (!/^https?:\/\/[^/]/i.test(text) || !URL.canParse(text)) throw invalid('must be a URL of https or http');
  const { username, password, hash, href } = new URL(parseText(text, 'url'));
  if (username !== '' || password !== '') throw invalid('must hold no user and no password');
  if (hash !== '') throw invalid('must have no fragment');
  return href;
}

/** Without repetition. Throws fieldInvalid for a type that there is not. */
export function parseEventTypes(types: readonly string[]): readonly string[] {
  const unknown = types.find((type) => !eventTypes.includes(type));
  if (unknown === undefined) return [...new Set(types)].sort();
  throw new DomainError('fieldInvalid', { text: 'event_types: must be types of events that the log knows' });
}

/** Sends nothing from now on. */
export function pause(before: Subscription, cause: PauseCause, at: number): Subscription {
  return {
    ...before,
    state: cause === 'gone' ? 'disabled' : 'paused',
    cause,
    changedAt: cause === 'asked' ? at : before.changedAt,
    sequence: before.sequence + 1,
  };
}

/** Goes on at once with the event that it stopped at, as if none of its tries had failed. */
export function resume(before: Subscription, at: number): Subscription {
  const { cause: _over, ...rest } = before;
  return { ...rest, state: 'active', changedAt: at, tries: 0, nextTryAt: 0, sequence: before.sequence + 1 };
}

/** Milliseconds to wait after so many failed tries, as the Standard Webhooks specification recommends. */
const waitsMs: readonly number[] = [
  5_000, // 5 seconds
  300_000, // 5 minutes
  1_800_000, // 30 minutes
  7_200_000, // 2 hours
  18_000_000, // 5 hours
  36_000_000, // 10 hours
  50_400_000, // 14 hours
  72_000_000, // 20 hours
  86_400_000, // 24 hours
];
/** A receiver may ask for more time, and not for ever. */
const waitMsMax = 86_400_000;
/** Receivers that failed together are not all tried again together. */
const jitter = 0.1;

/**
 * How long to wait after the failed try of this number, from 1; undefined: it was the last one. `random` from 0 to 1;
 * what the receiver asked for is kept to, where it is longer.
 */
export function waitAfter(
  tries: number,
  { random, askedMs = 0 }: { readonly random: number; readonly askedMs?: number },
): number | undefined {
  const waitMs = waitsMs[tries - 1];
  if (waitMs === undefined) return undefined;
  return Math.round(Math.max(waitMs * (1 - jitter + 2 * jitter * random), Math.min(askedMs, waitMsMax)));
}

/** Whether the subscription is about such an event. */
export function wants({ eventTypes: types }: Subscription, { type }: Pick<RecordedEvent, 'type'>): boolean {
  return types.length === 0 || types.includes(type);
}
