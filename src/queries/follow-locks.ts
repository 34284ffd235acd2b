import { readScope } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import { loadRecords } from '../auth/load-user.ts';
import { actorIn, type RecordedEvent, type UserLocked, type UserUnlocked } from '../domain/events.ts';
import { lockSet } from '../domain/evolve/lockout.ts';
import type { Scope } from '../domain/filter.ts';
import type { OrganizationId, UserId } from '../domain/ids.ts';
import type { Lock } from '../domain/lock.ts';
import { loginNameOf, type User } from '../domain/user.ts';
import type { Store } from '../store/store.ts';
import { birthsAmong, type Life } from './earlier-life.ts';
import { untilNext } from './events.ts';
import { newestPosition } from './newest-position.ts';

export interface FollowLocksRequest {
  /** undefined: from now on. */
  readonly afterPosition: number | undefined;
  readonly organizationId: OrganizationId | undefined;
  /** Who asks, as of now: see followEvents. */
  readonly caller: () => Promise<Caller>;
  /** Ends the stream. */
  readonly signal: AbortSignal;
  /** How long to wait before looking again where there was nothing new. Default 200. */
  readonly pollMs?: number;
}

/** Whose lock it is; no login name where they are deleted meanwhile. */
export interface LockOwner {
  readonly userId: UserId;
  readonly organizationId: OrganizationId;
  readonly loginName: string;
}

export interface LockEnding {
  /** 0 where it is not known. */
  readonly generation: number;
  readonly how: 'unlocked' | 'time' | 'deactivated' | 'deleted';
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly endedBy: string | undefined;
  readonly reason: string | undefined;
  readonly ticket: string | undefined;
}

/** `position` is of the newest event that was looked at: going on after it leaves nothing out and repeats nothing. */
export type LockNews = { readonly position: number } & (
  | { readonly kind: 'begun' }
  | { readonly kind: 'locked'; readonly owner: LockOwner; readonly lock: Lock }
  | { readonly kind: 'ended'; readonly owner: LockOwner; readonly ending: LockEnding }
);

/** Where the follower stands: also past events that are none of theirs. */
export interface Cursor {
  position: number;
}

type FollowApp = {
  readonly store: Pick<Store, 'listEvents' | 'listUsers' | 'loadUser' | 'listOrganizations'>;
};

const lookedAtMax = 500;

/**
 * First that it has begun, then every lock and end of a lock of the users whom the caller may read, in order, until the
 * signal. `cursor` is moved past what was taken, and past what is none of the caller's. Throws permissionMissing.
 */
export async function* followLocks(
  app: FollowApp,
  request: FollowLocksRequest,
  cursor: Cursor,
): AsyncGenerator<LockNews, void, undefined> {
  const { signal, pollMs = 200 } = request;
  let scope = scopeOf(await request.caller(), request);
  cursor.position = request.afterPosition ?? (await newestPosition(app));
  yield { kind: 'begun', position: cursor.position };
  while (!signal.aborted) {
    const events = await app.store.listEvents({ afterPosition: cursor.position, limit: lookedAtMax });
    for (const news of await newsOf(app, scope, events)) {
      yield news;
      cursor.position = news.position;
    }
    cursor.position = events.at(-1)?.position ?? cursor.position;
    if (events.length < lookedAtMax) await untilNext(pollMs, signal);
    scope = scopeOf(await request.caller(), request);
  }
}

function scopeOf(caller: Caller, { organizationId }: FollowLocksRequest): Scope {
  const scope = readScope(caller, 'user.read');
  if (organizationId === undefined) return scope;
  return scope === 'all' || scope.includes(organizationId) ? [organizationId] : [];
}

async function newsOf(
  app: FollowApp,
  scope: Scope,
  events: readonly RecordedEvent[],
): Promise<readonly LockNews[]> {
  const ofLocks = events.filter(({ type }) => isOfLock(type));
  if (ofLocks.length === 0) return [];
  const owners = await ownersOf(app, scope, [...new Set(ofLocks.map(({ userId }) => userId))]);
  const bornAt = await birthsAmong(app, owners, ofLocks);
  const news: LockNews[] = [];
  for (const event of ofLocks) {
    const owner = owners.get(event.userId);
    if (owner === undefined || event.position < (bornAt.get(event.userId) ?? 0)) continue;
    const { position } = event;
    if (event.type === 'user.locked') news.push({ kind: 'locked', position, owner, lock: lockFrom(event) });
    else {
      const ending = await endingFrom(app, event);
      if (ending !== undefined) news.push({ kind: 'ended', position, owner, ending });
    }
  }
  return news;
}

const lockTypes = ['user.locked', 'user.unlocked', 'user.deactivated', 'user.removed'];
const isOfLock = (type: string): boolean => lockTypes.includes(type);

// What the store recorded is what it was given: the type says what the payload is.
function lockFrom({ sequence, createdAt, payload }: RecordedEvent): Lock {
  return lockSet({ sequence, changedAt: createdAt, failedPasswordAttempts: 0 }, payload as UserLocked);
}

async function endingFrom(app: FollowApp, event: RecordedEvent): Promise<LockEnding | undefined> {
  const { type, meta, createdAt: time } = event;
  const { cause, generation, ticket } = event.payload as UserUnlocked;
  const isOver = cause === 'policy';
  const told = {
    time,
    endedBy: isOver ? undefined : actorIn(meta),
    reason: meta.reason,
    ticket,
  };
  if (type === 'user.unlocked')
    return { ...told, generation: generation ?? 0, how: isOver ? 'time' : 'unlocked' };
  const lock = await lockBefore(app, event);
  const how = type === 'user.removed' ? 'deleted' : 'deactivated';
  return lock && { ...told, generation: lock.sequence, how };
}

/** How far back a lock is looked for: as far as a request is known again. */
const lookedBackMax = 1_000;

/** The `user.locked` of the lock that the user was under when the event was written. */
async function lockBefore(
  { store }: FollowApp,
  { userId, sequence }: RecordedEvent,
): Promise<RecordedEvent | undefined> {
  const query = {
    userId,
    newestFirst: true,
    beforeSequence: sequence,
    afterPosition: 0,
    limit: lookedBackMax,
  };
  const before = await store.listEvents(query);
  const newest = before.find(({ type }) => isOfLock(type) || type === 'user.reactivated');
  return newest?.type === 'user.locked' ? newest : undefined;
}

type Owner = LockOwner & Life;

async function ownersOf(
  app: FollowApp,
  scope: Scope,
  userIds: readonly UserId[],
): Promise<ReadonlyMap<UserId, Owner>> {
  const owners = new Map<UserId, Owner>();
  for (const record of await loadRecords(app, scope, userIds)) {
    owners.set(record.user.userId, ownerOf(record.user, loginNameOf(record)));
  }
  for (const userId of userIds.filter((one) => !owners.has(one))) {
    const user = await app.store.loadUser(userId);
    if (user?.state !== 'deleted' || !(scope === 'all' || scope.includes(user.organizationId))) continue;
    owners.set(userId, ownerOf(user, ''));
  }
  return owners;
}

function ownerOf(user: User, loginName: string): Owner {
  const { userId, organizationId, createdAt, tokensEndedSequence } = user;
  return { userId, organizationId, createdAt, tokensEndedSequence, loginName };
}
