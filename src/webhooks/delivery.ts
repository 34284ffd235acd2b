import type { RecordedEvent } from '../domain/events.ts';
import type { OrganizationId } from '../domain/ids.ts';
import { leaseLeftMs } from '../domain/lease.ts';
import { attemptsKept, pause, type Subscription, waitAfter, wants } from '../domain/subscription.ts';
import type { DeliveryMeasures, Tracer } from '../ops/measures.ts';
import { untilNext } from '../queries/events.ts';
import type { Store } from '../store/store.ts';
import { type AttemptApp, attempt, type Tried } from './attempt.ts';
import type { GiveWay } from './give-way.ts';
import { type Message, messageOf } from './message.ts';
import { isInReach, organizationsOf, reachOf } from './reach.ts';

/** What delivering asks of the server. */
export interface DeliveryApp extends AttemptApp {
  readonly store: Pick<
    Store,
    | ('loadSubscription' | 'changeSubscription' | 'listSubscriptionsFree')
    | ('listEvents' | 'loadUser' | 'listOrganizations' | 'loadSigningKey')
  >;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly log: { warn(fields: object, text: string): void; error(fields: object, text: string): void };
  readonly measures: DeliveryMeasures;
  /** undefined: no delivery is followed. */
  readonly tracer: Pick<Tracer, 'alone'> | undefined;
  readonly giveWay: GiveWay;
  /** Resolves where there may be events after the position, soon in any case, and where the signal says so. */
  readonly untilNews: (position: number, signal: AbortSignal) => Promise<void>;
}

/** A server that says nothing for so long delivers no more: another one goes on. */
export const holdMs = 30_000;
/** Said again where less than this is left: a try and its bookkeeping take less, so no two servers try at once. */
const holdLeftMsMin = 20_000;
/** How long progress is kept back: what a crash repeats. */
const saveAfterMs = 250;
const eventsAtOnce = 100;
const pauseAfterFailureMs = 1_000;

/** Where delivering stands: what the row says, and what was done since that was written. */
interface Standing {
  row: Subscription;
  isSaved: boolean;
  savedAtMs: number;
}

/**
 * Delivers what a subscription is about, one event after the other, from a row that this server holds: until somebody
 * changes its state, it is to wait, another server holds it, or the signal. Never rejects.
 */
export async function deliver(app: DeliveryApp, held: Subscription, signal: AbortSignal): Promise<void> {
  const standing: Standing = { row: held, isSaved: true, savedAtMs: performance.now() };
  let isFailing = false;
  while (!signal.aborted) {
    try {
      if ((await step(app, standing, signal)) === 'over') return;
      isFailing = false;
    } catch (error) {
      if (signal.aborted) break;
      const { subscriptionId } = held;
      if (!isFailing) app.log.error({ subscriptionId, err: error }, 'delivering failed; trying again');
      isFailing = true;
      await untilNext(pauseAfterFailureMs, signal);
    }
  }
  await letGo(app, standing).catch((error: unknown) => {
    const { subscriptionId } = held;
    app.log.error(
      { subscriptionId, err: error },
      'a subscription could not be let go: it is free in a while',
    );
  });
}

type Step = 'on' | 'over';

async function step(app: DeliveryApp, standing: Standing, signal: AbortSignal): Promise<Step> {
  const { position } = standing.row;
  const events = await app.store.listEvents({ afterPosition: position, limit: eventsAtOnce });
  if (events.length === 0) {
    if (!(await save(app, standing))) return 'over';
    await app.untilNews(position, signal);
    return (await refresh(app, standing)) ? 'on' : 'over';
  }
  const wanted = events.filter((event) => wants(standing.row, event));
  const places = await organizationsOf(app, wanted);
  for (const event of events) {
    if (signal.aborted) return 'on';
    const outcome = wants(standing.row, event)
      ? await deliverOne(app, standing, { event, organizationId: places.get(event), signal })
      : 'passed';
    if (outcome === 'over') return 'over';
    if (outcome === 'again') return 'on';
    pass(standing, event);
    if (performance.now() - standing.savedAtMs > saveAfterMs && !(await save(app, standing))) return 'over';
  }
  return 'on';
}

interface ToDeliver {
  readonly event: RecordedEvent;
  readonly organizationId: OrganizationId | undefined;
  readonly signal: AbortSignal;
}

/** 'passed': done with, sent or not for the owner. 'again': somebody has changed the row, which is to be looked at once more. */
type Outcome = 'passed' | 'again' | 'over';

async function deliverOne(
  app: DeliveryApp,
  standing: Standing,
  { event, organizationId, signal }: ToDeliver,
): Promise<Outcome> {
  const [current, owner] = await Promise.all([
    app.store.loadSubscription(standing.row.subscriptionId),
    app.store.loadUser(standing.row.ownerUserId),
  ]);
  const { sequence } = standing.row;
  if (!(await takeOver(app, standing, current))) return 'over';
  if (standing.row.sequence !== sequence) return 'again';
  const reach = reachOf(standing.row, owner);
  if (reach === undefined) return stop(app, standing, 'owner');
  if (!isInReach(reach, organizationId)) return 'passed';
  if (!(await holdOn(app, standing))) return 'over';
  const message = messageOf(standing.row, { event, organizationId, isWhole: reach.isWhole });
  const tried = await followed(app, event, () => attempt(app, standing.row, message, signal));
  app.measures.delivered(tried.attempt.outcome, tried.attempt.durationMs);
  return record(app, standing, { message, tried, signal });
}

async function followed(
  { tracer }: DeliveryApp,
  { meta: { traceparent } }: RecordedEvent,
  work: () => Promise<Tried>,
): Promise<Tried> {
  return tracer === undefined
    ? work()
    : tracer.alone({ name: 'deliver webhook', traceparent, attributesOf }, work);
}

/** What a span tells of a try: neither where it went nor whom it was about. */
function attributesOf({ attempt: { messageId, eventType, nth, outcome, code } }: Tried) {
  return {
    'latchkey.webhook_id': messageId,
    'latchkey.event_type': eventType,
    'latchkey.try': nth,
    'latchkey.outcome': outcome,
    ...(code !== 0 && { 'http.response.status_code': code }),
    ...(outcome !== 'delivered' && { 'error.type': outcome }),
  };
}

interface Done {
  readonly message: Message;
  readonly tried: Tried;
  readonly signal: AbortSignal;
}

async function record(
  app: DeliveryApp,
  standing: Standing,
  { message: { id }, tried: { attempt: made, askedMs = 0, why }, signal }: Done,
): Promise<Outcome> {
  const { row } = standing;
  const attempts = [made, ...row.attempts].slice(0, attemptsKept);
  if (made.outcome === 'delivered') {
    standing.row = { ...row, attempts, tries: 0, nextTryAt: 0, lastDeliveredAt: made.at };
    await app.giveWay(signal);
    return 'passed';
  }
  const tries = row.tries + 1;
  const waitMs = waitAfter(tries, { random: app.random(), askedMs });
  standing.row = { ...row, attempts, tries, nextTryAt: waitMs === undefined ? 0 : app.now() + waitMs };
  standing.isSaved = false;
  if (made.code === statusGone) return stop(app, standing, 'gone');
  if (waitMs === undefined) return stop(app, standing, 'failed');
  const { subscriptionId } = row;
  const { outcome, code } = made;
  app.log.warn({ subscriptionId, messageId: id, outcome, code, why, tries, waitMs }, 'a delivery failed');
  // Whoever is free when it is time takes it up.
  await letGo(app, standing);
  return 'over';
}

const statusGone = 410;

function pass(standing: Standing, { position }: RecordedEvent): void {
  standing.row = { ...standing.row, position };
  standing.isSaved = false;
}

/** Sends nothing more, and says so. */
async function stop(
  app: DeliveryApp,
  standing: Standing,
  cause: 'owner' | 'gone' | 'failed',
): Promise<'again' | 'over'> {
  const before = standing.row;
  const after = { ...pause(before, cause, app.now()), holder: '', heldUntil: 0 };
  if (await app.store.changeSubscription(before, after)) {
    const { subscriptionId, tries } = after;
    app.log.warn({ subscriptionId, cause, tries }, 'a subscription sends nothing more until it is resumed');
    return 'over';
  }
  return (await refresh(app, standing)) ? 'again' : 'over';
}

/** Writes what was done. False: it is not this server's any more. */
async function save(app: DeliveryApp, standing: Standing): Promise<boolean> {
  if (standing.isSaved) return holdOn(app, standing);
  return write(app, standing);
}

/** Says that this server goes on, where that was long ago. */
async function holdOn(app: DeliveryApp, standing: Standing): Promise<boolean> {
  const leftMs = leaseLeftMs(standing.row.heldUntil, { nowMs: app.now(), msMax: holdMs });
  if (leftMs >= holdLeftMsMin) return true;
  return write(app, standing);
}

async function write(app: DeliveryApp, standing: Standing): Promise<boolean> {
  const before = standing.row;
  const after = { ...before, heldUntil: app.now() + holdMs, sequence: before.sequence + 1 };
  if (!(await app.store.changeSubscription(before, after))) return refresh(app, standing);
  standing.row = after;
  standing.isSaved = true;
  standing.savedAtMs = performance.now();
  return true;
}

/** Free for any server, with all that was done. */
async function letGo(app: DeliveryApp, standing: Standing): Promise<void> {
  const before = standing.row;
  const after = { ...before, holder: '', heldUntil: 0, sequence: before.sequence + 1 };
  if (await app.store.changeSubscription(before, after)) return;
  const current = await app.store.loadSubscription(before.subscriptionId);
  if (current?.holder !== before.holder) return;
  const merged = { ...withProgress(current, before), holder: '', heldUntil: 0 };
  await app.store.changeSubscription(current, { ...merged, sequence: current.sequence + 1 });
}

/** False: it is to be delivered no more, or not here. */
async function refresh(app: DeliveryApp, standing: Standing): Promise<boolean> {
  return takeOver(app, standing, await app.store.loadSubscription(standing.row.subscriptionId));
}

/** What somebody else has made of the row, with what was done here since. False: it is to be delivered no more, or not here. */
async function takeOver(
  app: DeliveryApp,
  standing: Standing,
  current: Subscription | undefined,
): Promise<boolean> {
  const { row } = standing;
  if (current === undefined || current.holder !== row.holder) return false;
  if (current.sequence === row.sequence) return true;
  standing.row = withProgress(current, row);
  standing.isSaved = false;
  if (current.state === 'active') return true;
  await letGo(app, standing);
  return false;
}

function withProgress(current: Subscription, done: Subscription): Subscription {
  const { position, attempts, tries, nextTryAt, lastDeliveredAt } = done;
  const delivered = lastDeliveredAt === undefined ? {} : { lastDeliveredAt };
  return { ...current, position, attempts, tries, nextTryAt, ...delivered };
}
