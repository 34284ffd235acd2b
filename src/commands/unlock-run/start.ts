import { may, readScope, requireHeldAnywhere } from '../../auth/authorize.ts';
import { type Caller, turnOf } from '../../auth/caller.ts';
import { loadRecords } from '../../auth/load-user.ts';
import { DomainError } from '../../domain/errors.ts';
import { parseText } from '../../domain/ids.ts';
import { noOutcomes, type UnlockRun, withoutBulkMax } from '../../domain/unlock-run.ts';
import type { LockFilter } from '../../domain/unlock-run-events.ts';
import type { FrozenSet } from '../../store/store.ts';
import type { CommandApp } from '../change-user.ts';
import { prepare, prepareMs, requestKey } from './prepare.ts';

/** The set as whoever starts the run has seen it. */
export interface ConfirmedSet {
  readonly organizationIds: UnlockRun['organizationIds'] | undefined;
  readonly filter: LockFilter;
  readonly count: number;
  readonly digest: number;
  /** How many the preview has found: another number was never seen together with this set. */
  readonly previewed: number;
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

export interface IdentifiedRun {
  /** Empty: the request has no name. */
  readonly requestId: string;
  /** The run that is to be taken back; undefined: none. */
  readonly revertsRunId?: string;
}

/**
 * The run that this request of the caller has started already. Throws requestIdUsed where the caller asked for something
 * else under it, runNotFound where they may not read all of it any more.
 */
export async function findRun(
  app: Pick<CommandApp, 'store'>,
  caller: Caller,
  { requestId, revertsRunId }: IdentifiedRun,
): Promise<UnlockRun | undefined> {
  const key = await requestKey(app, caller, requestId);
  const found = key === undefined ? undefined : await app.store.loadRunOfRequest(key);
  if (found === undefined) return undefined;
  if (found.state === 'preparing') throw new DomainError('conflict');
  if (found.organizationIds?.some((id) => !may(caller, 'user.read', id)))
    throw new DomainError('runNotFound');
  if (found.revertsRunId === revertsRunId) return found;
  throw new DomainError('requestIdUsed', { text: 'The request id belongs to another run' });
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
  const { organizationIds, filter, count, previewed } = set;
  const scope = readScope(caller, 'user.read');
  const asker = { by: turnOf(caller) };
  const query = { scope, filter, asker };
  if (count > lookedAtFirstMin || count !== previewed) requireSame(set, await app.store.sumLocks(query));
  const run = {
    ...draft(app, caller, order),
    total: count,
    filter: await shortened(app, filter, organizationIds),
    ...(organizationIds !== undefined && { organizationIds }),
  };
  return prepare(app, caller, {
    run,
    requestId: order.requestId,
    write: async (renew) => {
      const { runId } = run;
      const frozen = await app.store.freezeLocks({ ...query, runId, onPart: renew });
      if (frozen === undefined) throw new DomainError('conflict');
      requireSame(set, frozen);
    },
  });
}

/** Of more, megabytes would be written down for a set that is another one by now. No set grows after its preview. */
const lookedAtFirstMin = 10_000;

function requireSame(set: ConfirmedSet, found: FrozenSet): void {
  if (found.locks === set.count && found.digest === set.digest) return;
  throw new DomainError('runSetChanged', { metadata: { count: String(found.locks) } });
}

const idsToldMax = 100;

// What a run says of itself is written with each of its steps. It is told to all who may read its organizations, who
// learn of no user elsewhere by it, even though whoever asked has named them.
async function shortened(
  app: Pick<CommandApp, 'store'>,
  filter: LockFilter,
  organizationIds: UnlockRun['organizationIds'] | undefined,
): Promise<LockFilter> {
  const short = async (ids: readonly string[]): Promise<readonly string[]> => {
    if (ids.length === 0 || ids.length > idsToldMax) return [];
    if (organizationIds === undefined) return ids;
    const records = await loadRecords(app, organizationIds, ids);
    const theirs = new Set<string>(records.map(({ user }) => user.userId));
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
