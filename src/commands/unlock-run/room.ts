import { may } from '../../auth/authorize.ts';
import type { Caller } from '../../auth/caller.ts';
import { DomainError } from '../../domain/errors.ts';
import {
  openMax,
  openOfOneMax,
  organizationOf,
  startedBy,
  type UnlockRun,
  withoutBulkMax,
  withoutBulkWindowMs,
} from '../../domain/unlock-run.ts';
import type { CommandApp } from '../change-user.ts';

type RoomApp = Pick<CommandApp, 'store' | 'now'>;

/**
 * Whether a run that is written down already has room beside all others: so of many at once none slips through, though at
 * the limit all of them may be refused. Throws runsTooMany, runsWithoutBulk.
 */
export async function requireRoom(app: RoomApp, caller: Caller, run: UnlockRun): Promise<void> {
  const open = await app.store.listRunsLeft(Number.MAX_SAFE_INTEGER, openMax + 1);
  const own = open.filter((other) => ownerOf(other) === ownerOf(run));
  if (open.length > openMax || own.length > openOfOneMax) throw new DomainError('runsTooMany');
  // A larger one takes it of each item.
  if (isSmall(run) && !holdsBulk(caller, run)) await requireWithinHour(app, caller, { run, open });
}

// Who names several organizations keeps nobody else from it.
function ownerOf(run: UnlockRun): string {
  return organizationOf(run) || startedBy(run);
}

function isSmall({ total, revertsRunId }: UnlockRun): boolean {
  return revertsRunId === undefined && total <= withoutBulkMax;
}

function holdsBulk(caller: Caller, { organizationIds }: UnlockRun): boolean {
  const permission = 'user.unlock.bulk';
  return organizationIds?.every((organizationId) => may(caller, permission, organizationId)) ?? false;
}

const runsAtOnce = 100;
const looksMax = 100;

/** One run after the other unlocks no more than one of them may. */
async function requireWithinHour(
  app: RoomApp,
  caller: Caller,
  { run, open }: { readonly run: UnlockRun; readonly open: readonly UnlockRun[] },
): Promise<void> {
  const since = run.startedAt - withoutBulkWindowMs;
  const who = startedBy(run);
  const own = new Map<string, UnlockRun>();
  const add = (others: readonly UnlockRun[]) => {
    for (const other of others) {
      const counts = other.startedAt > since && isSmall(other) && !holdsBulk(caller, other);
      if (counts && startedBy(other) === who) own.set(other.runId, other);
    }
  };
  // Those that are being prepared stand among them, and in no list.
  add(open);
  let before = '';
  for (let look = 0; look < looksMax; look += 1) {
    const found = await app.store.listRuns({ before, limit: runsAtOnce });
    add(found);
    const last = found.at(-1);
    // Ids rise with time, of each server by its own clock.
    if (last === undefined || found.length < runsAtOnce || last.startedAt < since - withoutBulkWindowMs)
      break;
    before = last.runId;
  }
  const freeAt = roomFrom([...own.values()]);
  if (freeAt === undefined) return;
  throw new DomainError('runsWithoutBulk', { retryAfterMs: Math.max(1_000, freeAt - since) });
}

/** The start of the run with whose hour there is room for all that are younger; undefined where there is room now. */
function roomFrom(runs: readonly UnlockRun[]): number | undefined {
  let users = runs.reduce((sum, { total }) => sum + total, 0);
  let freeAt: number | undefined;
  for (const { total, startedAt } of runs.toSorted((one, other) => one.startedAt - other.startedAt)) {
    if (users <= withoutBulkMax) break;
    users -= total;
    freeAt = startedAt;
  }
  return freeAt;
}
