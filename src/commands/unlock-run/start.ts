import { readScope, requireHeldAnywhere } from '../../auth/authorize.ts';
import { type Caller, turnOf } from '../../auth/caller.ts';
import { DomainError } from '../../domain/errors.ts';
import { parseText } from '../../domain/ids.ts';
import {
  noOutcomes,
  type RunItem,
  runStarted,
  type UnlockRun,
  withoutBulkMax,
} from '../../domain/unlock-run.ts';
import type { LockFilter } from '../../domain/unlock-run-events.ts';
import type { CommandApp } from '../change-user.ts';
import { requireRoom } from './room.ts';

/** The set as whoever starts the run has seen it. */
export interface ConfirmedSet {
  readonly organizationIds: UnlockRun['organizationIds'] | undefined;
  readonly filter: LockFilter;
  readonly count: number;
  readonly digest: number;
}

/** Texts are empty where nothing is said. */
export interface RunOrder {
  readonly reason: string;
  readonly ticket: string;
  readonly identification: string;
  /** AIP-155. */
  readonly requestId: string;
  /** 0: no limit. */
  readonly maxPerSecond: number;
  /** 0: never. */
  readonly stopAfterFailures: number;
}

/** How long a run may take to be written down before it is taken for given up. */
const prepareMs = 60_000;

/** The run that this request of the caller has started already. */
export async function findRun(
  app: Pick<CommandApp, 'store'>,
  caller: Caller,
  requestId: string,
): Promise<UnlockRun | undefined> {
  const key = requestKey(caller, requestId);
  const found = key === undefined ? undefined : await app.store.loadRunOfRequest(key);
  if (found?.state === 'preparing') throw new DomainError('conflict');
  return found;
}

function requestKey({ meta }: Caller, requestId: string): string | undefined {
  if (requestId === '') return undefined;
  const { actorUserId, actorOsUser, actorSubject } = meta;
  return JSON.stringify([actorUserId ?? '', actorOsUser ?? '', actorSubject ?? '', requestId]);
}

/**
 * Freezes the set and has it unlocked from now on, by whichever server. The caller holds user.unlock somewhere: that was asked
 * before. Throws permissionMissing, runSetChanged where it is not the one that was confirmed, and as prepare.
 */
export async function startRun(
  app: CommandApp,
  caller: Caller,
  { set, ...order }: RunOrder & { readonly set: ConfirmedSet },
): Promise<UnlockRun> {
  if (set.count > withoutBulkMax) requireHeldAnywhere(caller, 'user.unlock.bulk');
  const { organizationIds, filter, count } = set;
  const scope = readScope(caller, 'user.read');
  const slices = await app.store.sliceLocks({ scope, filter, asker: { by: turnOf(caller) } });
  const found = slices.reduce((all, { locks }) => all + locks, 0);
  const digest = slices.reduce((all, one) => all + one.digest, 0);
  if (found !== count || digest !== set.digest) {
    throw new DomainError('runSetChanged', { metadata: { count: String(found) } });
  }
  const run = {
    ...draft(app, caller, order),
    total: count,
    filter: await shortened(app, filter, organizationIds),
    ...(organizationIds !== undefined && { organizationIds }),
  };
  return prepare(app, caller, {
    run,
    requestId: order.requestId,
    slices: [slices.map(({ items }) => items)],
  });
}

const idsToldMax = 100;

// What a run says of itself is written with each of its steps. It is told to all who may read its organizations, who
// learn of no user elsewhere by it, even though whoever asked has named them.
async function shortened(
  { store }: Pick<CommandApp, 'store'>,
  filter: LockFilter,
  organizationIds: UnlockRun['organizationIds'] | undefined,
): Promise<LockFilter> {
  const short = async (ids: readonly string[]): Promise<readonly string[]> => {
    if (ids.length === 0 || ids.length > idsToldMax) return [];
    if (organizationIds === undefined) return ids;
    const { rows } = await store.listUsers({
      scope: organizationIds,
      filters: [{ kind: 'ids', userIds: ids }],
      sort: 'user_name',
      page: { offset: 0, limit: ids.length, ascending: true },
    });
    const theirs = new Set<string>(rows.map(({ user }) => user.userId));
    return ids.filter((id) => theirs.has(id));
  };
  const { userIds, exceptUserIds } = filter;
  return { ...filter, userIds: await short(userIds), exceptUserIds: await short(exceptUserIds) };
}

/** A run of which nothing is known but who wants it and why. Throws fieldInvalid. */
export function draft(
  app: Pick<CommandApp, 'now' | 'newId'>,
  caller: Caller,
  order: RunOrder,
): Omit<UnlockRun, 'total'> {
  const { maxPerSecond, stopAfterFailures } = order;
  const [reason, ticket, identification] = [
    parseText(order.reason, 'reason'),
    parseText(order.ticket, 'ticket'),
    parseText(order.identification, 'identification'),
  ];
  parseText(order.requestId, 'request_id');
  const { grants, expiresAt = 0, credentialId } = caller;
  return {
    runId: app.newId(),
    state: 'preparing',
    version: 1,
    counts: noOutcomes,
    startedAt: app.now(),
    meta: reason === '' ? caller.meta : { ...caller.meta, reason },
    ...(caller.meta.actorUserId !== undefined && credentialId !== undefined && { tokenId: credentialId }),
    ...(caller.meta.actorSubject !== undefined && { grants: { held: grants, until: expiresAt } }),
    ...(ticket && { ticket }),
    ...(identification && { identification }),
    ...{ maxPerSecond, stopAfterFailures, nextSlice: 0, holder: '', leaseUntil: app.now() + prepareMs },
  };
}

type Items = string | readonly RunItem[];

export interface Preparation {
  readonly run: UnlockRun;
  readonly requestId: string;
  /** Items of each slice, in order, some slices at a time. */
  readonly slices: Iterable<readonly Items[]> | AsyncIterable<readonly Items[]>;
}

/**
 * Writes the run down, where nobody sees it, and lets it go. Throws runsTooMany, runsWithoutBulk, and conflict where its
 * request came twice at once or it was given up meanwhile.
 */
export async function prepare(
  app: CommandApp,
  caller: Caller,
  { run, requestId, slices }: Preparation,
): Promise<UnlockRun> {
  const { store } = app;
  if (!(await store.addRun(run, requestKey(caller, requestId)))) throw new DomainError('conflict');
  try {
    await requireRoom(app, caller, run);
  } catch (error) {
    await store.removeRun(run);
    throw error;
  }
  const before = await writeSlices(app, run, slices);
  const after: UnlockRun = { ...before, state: 'running', version: before.version + 1, leaseUntil: 0 };
  const at = { createdAt: app.now(), eventId: app.newId() };
  const event = { event: runStarted(after), at, meta: after.meta };
  if (!(await store.moveRun({ before, after, event }))) throw new DomainError('conflict');
  return after;
}

const slicesWritten = 1_000;

/** The run as it stands when they are written: as long as that goes on, it is given up by nobody. */
async function writeSlices(
  app: CommandApp,
  run: UnlockRun,
  slices: Preparation['slices'],
): Promise<UnlockRun> {
  let prepared = run;
  let slice = 0;
  for await (const some of slices) {
    for (let from = 0; from < some.length; from += slicesWritten) {
      if (slice > 0) prepared = await renewed(app, prepared);
      const added = some
        .slice(from, from + slicesWritten)
        .map((items, index) => ({ slice: slice + index, items }));
      if (!(await app.store.addRunSlices(run.runId, added))) throw new DomainError('conflict');
      slice += added.length;
    }
  }
  return prepared;
}

async function renewed({ store, now }: CommandApp, before: UnlockRun): Promise<UnlockRun> {
  const after = { ...before, version: before.version + 1, leaseUntil: now() + prepareMs };
  if (!(await store.moveRun({ before, after }))) throw new DomainError('conflict');
  return after;
}
