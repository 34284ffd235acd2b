import type { AttemptOutcome, PauseCause, SubscriptionState } from '../domain/subscription.ts';
import type { Listing, PageQuery } from './page.ts';

/** The part of Backend that is about where events are sent. */
export interface HookBackend {
  createHook(request: HookToCreate): Promise<HookWithSecret>;
  /** Oldest first. */
  listHooks(page: PageQuery): Promise<Listing<HookRow>>;
  getHook(subscriptionId: string): Promise<HookRow>;
  updateHook(change: HookToUpdate): Promise<HookRow & Partial<HookWithSecret>>;
  /** When it was deleted. */
  deleteHook(subscriptionId: string): Promise<string>;
  pauseHook(subscriptionId: string): Promise<HookRow>;
  resumeHook(subscriptionId: string): Promise<HookRow>;
  testHook(subscriptionId: string): Promise<AttemptRow>;
  /** Newest first. */
  listAttempts(subscriptionId: string): Promise<readonly AttemptRow[]>;
}

export interface HookToCreate {
  readonly organizationId?: string;
  readonly url: string;
  readonly description: string;
  /** None: all. */
  readonly eventTypes: readonly string[];
}

export interface HookToUpdate extends Partial<Omit<HookToCreate, 'organizationId'>> {
  readonly subscriptionId: string;
  /** A new secret, and for how long the old one signs as well. */
  readonly rotate?: { readonly keepPreviousForSeconds: number };
}

export interface HookRow {
  readonly subscriptionId: string;
  /** Absent: of all that the owner may read. */
  readonly organizationId?: string;
  readonly ownerUserId: string;
  readonly url: string;
  readonly description?: string;
  readonly eventTypes: readonly string[];
  readonly state: SubscriptionState;
  readonly pauseCause?: PauseCause;
  readonly creationDate: string;
  readonly changeDate: string;
  readonly previousSecretUntil?: string;
  readonly lastDelivered?: string;
  readonly failedTries: number;
  readonly nextTry?: string;
}

export interface HookWithSecret extends HookRow {
  /** Shown this once. */
  readonly secret: string;
}

export interface AttemptRow {
  readonly time: string;
  readonly messageId: string;
  readonly eventType: string;
  readonly nth: number;
  readonly outcome: AttemptOutcome;
  /** Of HTTP; absent where there was no answer. */
  readonly status?: number;
  readonly durationMs: number;
}
