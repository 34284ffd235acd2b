import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { mayInRun, readScope } from '../auth/authorize.ts';
import { type Caller, turnOf } from '../auth/caller.ts';
import { loadRecords } from '../auth/load-user.ts';
import { DomainError } from '../domain/errors.ts';
import type { Scope } from '../domain/filter.ts';
import type { OrganizationId, UserId } from '../domain/ids.ts';
import { leaseLeftMs } from '../domain/lease.ts';
import type { LockCause } from '../domain/lock.ts';
import { organizationsNamedMax, saysNothing } from '../domain/unlock-run.ts';
import type { LockFilter } from '../domain/unlock-run-events.ts';
import type { LocksFound } from '../store/store.ts';
import { type LockRecord, lockOf } from './locks.ts';
import { sealOf } from './sealed.ts';
import type { QueryApp } from './users.ts';

export interface PreviewRequest {
  readonly filter: LockFilter;
  /** 0 to 100. */
  readonly sampleSize: number;
  readonly signal?: AbortSignal | undefined;
}

/** What a filter finds. Times are milliseconds since 1970. */
export interface Preview {
  readonly count: number;
  /** undefined: from before causes were written. */
  readonly causes: readonly { readonly cause: LockCause | undefined; readonly count: number }[];
  /** Those with the most of them first. */
  readonly organizations: readonly { readonly organizationId: OrganizationId; readonly count: number }[];
  readonly earliest: number | undefined;
  readonly latest: number | undefined;
  readonly sample: readonly LockRecord[];
  /** Of the count: whom the caller may read and not unlock in a run of this size. */
  readonly notPermitted: number;
  /** undefined: there is nothing to unlock. */
  readonly run?: { readonly token: Uint8Array; readonly expires: number };
}

/** What a run token stands for. */
export interface SealedSet {
  readonly filter: LockFilter;
  readonly count: number;
  /** Of another set of as many locks it is another one. */
  readonly digest: number;
  /** undefined: more than a run names. */
  readonly organizationIds: readonly OrganizationId[] | undefined;
  readonly expires: number;
}

const tokenMs = 15 * 60_000;
/** Ten thousand ids, compressed. */
const tokenBytesMax = 150_000;
/** A sealed text this small grows to no more than this. */
const openedBytesMax = 8 * 1_024 * 1_024;

/**
 * Counts the locks of the users whom the caller may read. No lock that is set after it is ever in the set. Throws
 * permissionMissing, fieldInvalid for a filter that says nothing.
 */
export async function previewUnlock(
  app: QueryApp,
  caller: Caller,
  { filter: asked, sampleSize, signal }: PreviewRequest,
): Promise<Preview> {
  const scope = readScope(caller, 'user.read');
  if (saysNothing(asked)) {
    const text = 'filter: must say which locks: a cause, a time, an organization, users, a reason';
    throw new DomainError('fieldInvalid', { text });
  }
  const nowMs = app.now();
  const filter = {
    ...asked,
    before: Math.min(asked.before ?? Number.POSITIVE_INFINITY, Math.ceil(nowMs) + 1),
  };
  const asker = { by: turnOf(caller), signal };
  const found = await app.store.countLocks({ scope, filter, sampleSize, asker });
  const count = sum(found.groups.map(({ locks }) => locks));
  const organizations = grouped(found, ({ organizationId }) => organizationId);
  const runTokenExpires = nowMs + tokenMs;
  const isTooMany = organizations.length > organizationsNamedMax;
  const set: SealedSet = {
    filter,
    count,
    digest: found.digest,
    organizationIds: isTooMany ? undefined : organizations.map(([organizationId]) => organizationId),
    expires: runTokenExpires,
  };
  return {
    count,
    causes: grouped(found, ({ cause }) => cause).map(([cause, of]) => ({ cause, count: of })),
    organizations: organizations
      .slice(0, organizationsNamedMax)
      .map(([organizationId, of]) => ({ organizationId, count: of })),
    earliest: found.times?.earliest,
    latest: found.times?.latest,
    sample: await sampleOf(app, scope, found.sample),
    notPermitted: sum(
      organizations.filter(([id]) => !mayInRun(caller, { total: count }, id)).map(([, of]) => of),
    ),
    // Of nothing there is no run.
    ...(count > 0 && { run: { token: await closed(app, set), expires: runTokenExpires } }),
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

function grouped<Key>(
  { groups }: LocksFound,
  keyOf: (group: LocksFound['groups'][number]) => Key,
): readonly (readonly [Key, number])[] {
  const counts = new Map<Key, number>();
  for (const group of groups) {
    const key = keyOf(group);
    counts.set(key, (counts.get(key) ?? 0) + group.locks);
  }
  return [...counts].sort(([, one], [, other]) => other - one);
}

async function sampleOf(
  app: QueryApp,
  scope: Scope,
  userIds: readonly UserId[],
): Promise<readonly LockRecord[]> {
  if (userIds.length === 0) return [];
  const records = await loadRecords(app, scope, userIds);
  const byId = new Map(records.map((record) => [record.user.userId, lockOf(record)]));
  return userIds.flatMap((userId) => byId.get(userId) ?? []);
}

async function closed(app: QueryApp, set: SealedSet): Promise<Uint8Array> {
  const text = deflateRawSync(JSON.stringify(set)).toString('base64');
  const token = Buffer.from((await sealOf(app.store)).close('unlock-run', text), 'base64url');
  if (token.length <= tokenBytesMax) return token;
  throw new DomainError('fieldInvalid', { text: 'filter: its lists of ids are too long' });
}

/** What the token stands for. Throws runTokenInvalid. */
export async function openRunToken(app: QueryApp, token: Uint8Array): Promise<SealedSet> {
  const sealed = Buffer.from(token).toString('base64url');
  const isTooLong = token.length > tokenBytesMax;
  const text = isTooLong ? undefined : (await sealOf(app.store)).open('unlock-run', sealed);
  if (text === undefined) throw new DomainError('runTokenInvalid');
  const options = { maxOutputLength: openedBytesMax };
  // Nobody but this database's servers can have sealed it.
  const set = JSON.parse(inflateRawSync(Buffer.from(text, 'base64'), options).toString()) as SealedSet;
  const isOver = leaseLeftMs(set.expires, { nowMs: app.now(), msMax: 2 * tokenMs }) <= 0;
  if (isOver) throw new DomainError('runTokenInvalid');
  return set;
}
