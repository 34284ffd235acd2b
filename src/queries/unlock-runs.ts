import { readScope } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import { loadRecords } from '../auth/load-user.ts';
import { DomainError } from '../domain/errors.ts';
import type { Scope } from '../domain/filter.ts';
import { isEnded, type RunItem, type RunResult, type UnlockRun } from '../domain/unlock-run.ts';
import type { UnlockOutcome } from '../domain/unlock-run-events.ts';
import { loginNameOf } from '../domain/user.ts';
import { untilNext } from './events.ts';
import { sealOf } from './sealed.ts';
import type { QueryApp } from './users.ts';

/** The run, for whoever may read all that it is about. Throws permissionMissing, runNotFound for a hidden one too. */
export async function getRun(
  app: Pick<QueryApp, 'store'>,
  caller: Caller,
  runId: string,
): Promise<UnlockRun> {
  const scope = readScope(caller, 'user.read');
  const run = await app.store.loadRun(runId);
  if (run === undefined || !isShown(run, scope)) throw new DomainError('runNotFound');
  return run;
}

function isShown({ state, organizationIds }: UnlockRun, scope: Scope): boolean {
  if (state === 'preparing') return false;
  if (scope === 'all') return true;
  return organizationIds?.every((organizationId) => scope.includes(organizationId)) ?? false;
}

export interface RunsRequest {
  /** 0: 20. */
  readonly pageSize: number;
  readonly pageToken: string;
}

const runsDefault = 20;
const runsLookedAt = 100;
const looksMax = 10;

/** The runs that the caller may read, newest first. Throws permissionMissing, fieldInvalid. */
export async function listRuns(
  app: Pick<QueryApp, 'store'>,
  caller: Caller,
  { pageSize, pageToken }: RunsRequest,
): Promise<{ readonly runs: readonly UnlockRun[]; readonly nextPageToken: string }> {
  const scope = readScope(caller, 'user.read');
  const size = pageSize === 0 ? runsDefault : pageSize;
  // Sealed: the last one that was looked at may be none of the caller's.
  const seal = await sealOf(app.store);
  let before = pageToken === '' ? '' : seal.open('unlock-run-page', pageToken);
  if (before === undefined) throw pageInvalid();
  const runs: UnlockRun[] = [];
  for (let look = 0; look < looksMax; look += 1) {
    const found = await app.store.listRuns({ before, limit: runsLookedAt });
    for (const run of found) {
      if (runs.length === size) return { runs, nextPageToken: seal.close('unlock-run-page', before) };
      before = run.runId;
      if (isShown(run, scope)) runs.push(run);
    }
    if (found.length < runsLookedAt) return { runs, nextPageToken: '' };
  }
  return { runs, nextPageToken: seal.close('unlock-run-page', before) };
}

const pageInvalid = () =>
  new DomainError('fieldInvalid', { text: 'page_token: must be the next_page_token of the page before' });

export interface ItemsRequest {
  readonly runId: string;
  readonly outcome: UnlockOutcome | undefined;
  /** 0: 100. */
  readonly pageSize: number;
  readonly pageToken: string;
}

/** One user of a run, and what became of them. */
export interface ItemRecord {
  readonly item: RunItem;
  readonly result: RunResult | undefined;
  /** Empty where they are deleted meanwhile. */
  readonly loginName: string;
}

const itemsDefault = 100;
const slicesAtOnce = 8;
const pageForm = /^(\d{1,9})\.(\d{1,9})$/;

/** The users of a run, in an order that never changes. Throws as getRun, fieldInvalid, runItemsGone. */
export async function listItems(
  app: Pick<QueryApp, 'store'>,
  caller: Caller,
  { runId, outcome, pageSize, pageToken }: ItemsRequest,
): Promise<{ readonly items: readonly ItemRecord[]; readonly nextPageToken: string }> {
  const run = await getRun(app, caller, runId);
  if (run.itemsGone === true) throw new DomainError('runItemsGone');
  const size = pageSize === 0 ? itemsDefault : pageSize;
  const place = pageToken === '' ? ['', '0', '0'] : pageForm.exec(pageToken);
  if (place === null) throw pageInvalid();
  let [from, skipped] = [Number(place[1]), Number(place[2])];
  const items: Omit<ItemRecord, 'loginName'>[] = [];
  for (let look = 0; look < looksMax; look += 1) {
    const only = outcome === undefined ? {} : { outcome };
    const slices = await app.store.listRunSlices({ runId, from, limit: slicesAtOnce, ...only });
    for (const { slice, items: all, results } of slices) {
      const start = slice === from ? skipped : 0;
      for (let index = start; index < all.length; index += 1) {
        const [item, result] = [all[index], results[index]];
        if (item === undefined || (outcome !== undefined && result?.outcome !== outcome)) continue;
        if (items.length === size) return named(app, caller, { run, found: items }, `${slice}.${index}`);
        items.push({ item, result });
      }
      [from, skipped] = [slice + 1, 0];
    }
    if (slices.length < slicesAtOnce) return named(app, caller, { run, found: items }, '');
  }
  return named(app, caller, { run, found: items }, `${from}.0`);
}

async function named(
  app: Pick<QueryApp, 'store'>,
  caller: Caller,
  { run, found }: { readonly run: UnlockRun; readonly found: readonly Omit<ItemRecord, 'loginName'>[] },
  nextPageToken: string,
): Promise<{ readonly items: readonly ItemRecord[]; readonly nextPageToken: string }> {
  if (found.length === 0) return { items: [], nextPageToken };
  const userIds = found.map(({ item }) => item.userId);
  const records = await loadRecords(app, readScope(caller, 'user.read'), userIds);
  // Whoever has the id of somebody deleted was in no run before.
  const those = records.filter(({ user }) => user.createdAt <= run.startedAt);
  const names = new Map(those.map((record) => [record.user.userId, loginNameOf(record)]));
  const items = found.map((one) => ({ ...one, loginName: names.get(one.item.userId) ?? '' }));
  return { items, nextPageToken };
}

export interface WatchRequest {
  readonly runId: string;
  /** Who asks, as of now: see followEvents. */
  readonly caller: () => Promise<Caller>;
  readonly signal: AbortSignal;
  /** How long to wait before looking again. Default 200. */
  readonly pollMs?: number;
}

/** The run, again whenever it has moved, until it has ended. Throws as getRun. */
export async function* watchRun(
  app: Pick<QueryApp, 'store'>,
  { runId, caller, signal, pollMs = 200 }: WatchRequest,
): AsyncGenerator<UnlockRun, void, undefined> {
  let told = -1;
  while (!signal.aborted) {
    const run = await getRun(app, await caller(), runId);
    if (run.version !== told) yield run;
    told = run.version;
    if (isEnded(run)) return;
    await untilNext(pollMs, signal);
  }
}
