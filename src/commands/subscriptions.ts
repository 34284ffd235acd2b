import { requireOnOwner } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import { loadSubscription } from '../auth/subscription-access.ts';
import { DomainError } from '../domain/errors.ts';
import { type OrganizationId, parseText, type UserId } from '../domain/ids.ts';
import {
  type Attempt,
  parseEventTypes,
  parseHookUrl,
  pause,
  resume,
  type Subscription,
} from '../domain/subscription.ts';
import type { CommandApp } from './change-user.ts';

/** What commands on subscriptions ask of the part that delivers them. */
export interface HookSender {
  /** Where a new one begins: what happened so far is not for it. */
  newestPosition(): Promise<number>;
  /** The secret in force, in the form that libraries take. */
  secretOf(subscription: Subscription): Promise<string>;
  /** Sends a message of its own type, once, now. */
  test(subscription: Subscription): Promise<Attempt>;
}

export type SubscriptionApp = Pick<CommandApp, 'store' | 'now' | 'newId'> & { readonly hooks: HookSender };

export interface SubscriptionToCreate {
  readonly organizationId: OrganizationId | undefined;
  readonly url: string;
  readonly description: string;
  readonly eventTypes: readonly string[];
}

/** Shown once: see webhooks/signature.ts. */
export interface WithSecret {
  readonly subscription: Subscription;
  readonly secret: string;
}

/** Of all organizations together; each costs a look a second, and a connection while it delivers. */
const subscriptionsMax = 1_000;
/** Of one organization. */
const subscriptionsOfOneMax = 50;

/**
 * A subscription to what happens from now on. Throws fieldInvalid, permissionMissing, organizationNotFound,
 * subscriptionOwnerless, subscriptionsTooMany.
 */
export async function createSubscription(
  app: SubscriptionApp,
  caller: Caller,
  request: SubscriptionToCreate,
): Promise<WithSecret> {
  const { organizationId } = request;
  const content = parseContent(request);
  await requireOnOwner(app, caller, organizationId, 'subscription.write');
  const ownerUserId = ownerOf(caller);
  await requirePlace(app, organizationId, 1);
  const now = app.now();
  const subscription: Subscription = {
    ...{ subscriptionId: app.newId(), sequence: 1, organizationId, ownerUserId },
    url: content.url ?? '',
    description: content.description ?? '',
    eventTypes: content.eventTypes ?? [],
    ...{ state: 'active', createdAt: now, changedAt: now, secretNumber: 1, previousSecretUntil: 0 },
    position: await app.hooks.newestPosition(),
    ...{ tries: 0, nextTryAt: 0, attempts: [], holder: '', heldUntil: 0 },
  };
  await app.store.addSubscription(subscription);
  await keepOrTakeBack(app, subscription);
  return { subscription, secret: await app.hooks.secretOf(subscription) };
}

export interface SubscriptionChange {
  readonly subscriptionId: string;
  /** Left out stays. */
  readonly url?: string;
  readonly description?: string;
  readonly eventTypes?: readonly string[];
  /** A new secret; for so long the old one signs as well. */
  readonly newSecret?: { readonly previousForMs: number };
}

/**
 * Whoever changes it owns it from then on: where it sends to, what its owner may read, is theirs to answer for. The secret is
 * answered where it is a new one. Throws what createSubscription does, subscriptionNotFound and conflict.
 */
export async function updateSubscription(
  app: SubscriptionApp,
  caller: Caller,
  change: SubscriptionChange,
): Promise<{ readonly subscription: Subscription; readonly secret: string | undefined }> {
  const content = parseContent(change);
  const { newSecret } = change;
  const subscription = await changeSubscription(app, caller, change.subscriptionId, (before) => ({
    ...before,
    ...content,
    ...(newSecret && {
      secretNumber: before.secretNumber + 1,
      previousSecretUntil: app.now() + newSecret.previousForMs,
    }),
    // The operating system's user, who may do all, takes it from nobody.
    ownerUserId: caller.meta.actorOsUser === undefined ? ownerOf(caller) : before.ownerUserId,
    changedAt: app.now(),
    sequence: before.sequence + 1,
  }));
  return { subscription, secret: newSecret && (await app.hooks.secretOf(subscription)) };
}

/** Sends nothing until it is resumed. Throws subscriptionPausedAlready, subscriptionNotFound, permissionMissing, conflict. */
export const pauseSubscription = (
  app: SubscriptionApp,
  caller: Caller,
  subscriptionId: string,
): Promise<Subscription> =>
  changeSubscription(app, caller, subscriptionId, (before) => {
    if (before.state !== 'active') throw new DomainError('subscriptionPausedAlready');
    return pause(before, 'asked', app.now());
  });

/** Goes on with the event that it stopped at. Throws subscriptionActiveAlready, subscriptionNotFound, permissionMissing, conflict. */
export const resumeSubscription = (
  app: SubscriptionApp,
  caller: Caller,
  subscriptionId: string,
): Promise<Subscription> =>
  changeSubscription(app, caller, subscriptionId, (before) => {
    // While it waits for its next try, to resume it is to try now.
    if (before.state === 'active' && before.tries === 0) throw new DomainError('subscriptionActiveAlready');
    return resume(before, app.now());
  });

/** It and its secrets are gone. Throws subscriptionNotFound, permissionMissing, conflict. */
export async function deleteSubscription(
  app: SubscriptionApp,
  caller: Caller,
  subscriptionId: string,
): Promise<number> {
  await changeSubscription(app, caller, subscriptionId, () => undefined);
  return app.now();
}

/**
 * Sends one message of type latchkey.test now, whatever its state. Throws subscriptionNotFound, permissionMissing, and
 * tooManyCalls while another test of it is under way.
 */
export async function testSubscription(
  app: SubscriptionApp,
  caller: Caller,
  subscriptionId: string,
): Promise<Attempt> {
  return app.hooks.test(await loadSubscription(app, caller, subscriptionId));
}

const attemptsMax = 5;

async function changeSubscription(
  app: SubscriptionApp,
  caller: Caller,
  subscriptionId: string,
  decide: (before: Subscription) => Subscription | undefined,
): Promise<Subscription> {
  // Delivering moves the row as well, a few times a second at most.
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const found = await loadSubscription(app, caller, subscriptionId);
    const after = decide(found);
    if (await app.store.changeSubscription(found, after)) return after ?? found;
  }
  throw new DomainError('conflict', {
    text: 'The subscription was changed at the same time, please try again',
  });
}

function ownerOf({ meta }: Caller): UserId {
  if (meta.actorUserId === undefined) throw new DomainError('subscriptionOwnerless');
  return meta.actorUserId;
}

// Many at once may all have found the last place: each looks again when it is there, so there are never too many for longer
// than that takes.
async function keepOrTakeBack(app: SubscriptionApp, added: Subscription): Promise<void> {
  try {
    await requirePlace(app, added.organizationId, 0);
  } catch (error) {
    // A deliverer may have taken it up meanwhile, and moved its row.
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      const found = await app.store.loadSubscription(added.subscriptionId);
      if (found === undefined || (await app.store.changeSubscription(found, undefined))) break;
    }
    throw error;
  }
}

/** Throws subscriptionsTooMany where there is no place for so many more. */
async function requirePlace(
  { store }: SubscriptionApp,
  organizationId: OrganizationId | undefined,
  more: number,
): Promise<void> {
  const page = { offset: 0, limit: 1, ascending: true };
  const all = await store.listSubscriptions({ scope: 'all', page });
  const own =
    organizationId === undefined
      ? undefined
      : await store.listSubscriptions({ scope: [organizationId], page });
  if (all.total + more > subscriptionsMax || (own?.total ?? 0) + more > subscriptionsOfOneMax) {
    throw new DomainError('subscriptionsTooMany');
  }
}

function parseContent({
  url,
  description,
  eventTypes,
}: Pick<SubscriptionChange, 'url' | 'description' | 'eventTypes'>): Partial<
  Pick<Subscription, 'url' | 'description' | 'eventTypes'>
> {
  return {
    ...(url !== undefined && { url: parseHookUrl(url) }),
    ...(description !== undefined && { description: parseText(description, 'description') }),
    ...(eventTypes !== undefined && { eventTypes: parseEventTypes(eventTypes) }),
  };
}
