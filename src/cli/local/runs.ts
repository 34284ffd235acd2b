import { randomUUID } from 'node:crypto';
import type { App } from '../../app/app.ts';
import type { Caller } from '../../auth/caller.ts';
import { cancelRun } from '../../commands/unlock-run/cancel.ts';
import { carryRun } from '../../commands/unlock-run/carry.ts';
import { revertRun } from '../../commands/unlock-run/revert.ts';
import { findRun, startRun } from '../../commands/unlock-run/start.ts';
import { actorIn } from '../../domain/events.ts';
import { parseOrganizationId } from '../../domain/ids.ts';
import { isEnded, type UnlockRun } from '../../domain/unlock-run.ts';
import type { LockFilter } from '../../domain/unlock-run-events.ts';
import { openRunToken, previewUnlock } from '../../queries/unlock-preview.ts';
import { getRun, type ItemRecord, listItems, listRuns } from '../../queries/unlock-runs.ts';
import type { LockQuery } from '../backend-lock.ts';
import type { RunBackend, RunItemRow, RunRow } from '../run-backend.ts';
import { checkLengths } from './lengths.ts';
import { timeText } from './rows.ts';

/**
 * Runs on the database itself. A run is carried here, where no server has it first, for as long as this is not disposed;
 * what is left then is for whoever comes next: a server, or this command line once more.
 */
export function localRuns(app: App, caller: Caller): RunBackend & AsyncDisposable {
  const carriers = new Carriers(app);
  const order = { reason: '', identification: '', stopAfterFailures: 0 };
  return {
    async previewRun(filter) {
      const request = { filter: lockFilter(filter), sampleSize: 0 };
      const { earliest, latest, causes, run, ...found } = await previewUnlock(app, caller, request);
      return {
        ...found,
        causes: causes.map(({ cause = 'unknown', count }) => ({ cause, count })),
        ...(earliest !== undefined && { earliest: timeText(earliest) }),
        ...(latest !== undefined && { latest: timeText(latest) }),
        ...(run !== undefined && { runToken: run.token }),
      };
    },
    async startRun({ runToken, count, ticket = '', requestId = '', rate }) {
      checkLengths({ ticket: [ticket, 0, 200], request_id: [requestId, 0, 200] });
      const sealed = await openRunToken(app, runToken);
      const set = { ...sealed, count, previewed: sealed.count };
      const asked = { ...order, ticket, requestId, maxPerSecond: rate };
      const earlier = await findRun(app, caller, { requestId });
      return runRow(carriers.carry(earlier ?? (await startRun(app, caller, { ...asked, set }))));
    },
    async getRun(runId) {
      const run = await getRun(app, caller, runId);
      carriers.requireSound(runId);
      return runRow(run);
    },
    async listRuns(page) {
      const found = await listRuns(app, caller, page);
      return { rows: found.runs.map(runRow), nextPageToken: found.nextPageToken };
    },
    async listRunItems({ outcome, ...query }) {
      const found = await listItems(app, caller, { ...query, outcome });
      return { rows: found.items.map(itemRow), nextPageToken: found.nextPageToken };
    },
    async cancelRun(runId) {
      return runRow(carriers.carry(await cancelRun(app, caller, (await getRun(app, caller, runId)).runId)));
    },
    async revertRun({ runId, ticket = '', rate }) {
      checkLengths({ ticket: [ticket, 0, 200] });
      const reverted = await getRun(app, caller, runId);
      const asked = { ...order, ticket, requestId: '', maxPerSecond: rate };
      return runRow(carriers.carry(await revertRun(app, caller, { ...asked, reverted })));
    },
    [Symbol.asyncDispose]: () => carriers[Symbol.asyncDispose](),
  };
}

/** Runs that this process carries, or tries to. */
class Carriers implements AsyncDisposable {
  readonly #app: App;
  readonly #abort = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  readonly #failures = new Map<string, unknown>();
  readonly #holder = randomUUID();

  constructor(app: App) {
    this.#app = app;
  }

  carry(run: UnlockRun): UnlockRun {
    if (isEnded(run)) return run;
    const carrying = { holder: this.#holder, signal: this.#abort.signal };
    const work = carryRun(this.#app, run, carrying)
      .catch((error: unknown) => void this.#failures.set(run.runId, error))
      .finally(() => this.#underWay.delete(work));
    this.#underWay.add(work);
    return run;
  }

  /** Throws what ended the carrying of the run. */
  requireSound(runId: string): void {
    if (this.#failures.has(runId)) throw this.#failures.get(runId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.#underWay);
  }
}

function lockFilter({
  organizationId,
  cause,
  since,
  before,
}: Omit<LockQuery, 'offset' | 'limit'>): LockFilter {
  return {
    ...(organizationId !== undefined && { organizationId: parseOrganizationId(organizationId) }),
    causes: cause === undefined ? [] : [cause],
    ...(since !== undefined && { since }),
    ...(before !== undefined && { before }),
    userIds: [],
    exceptUserIds: [],
  };
}

function runRow(run: UnlockRun): RunRow {
  const { runId, state, total, counts, startedAt, endedAt, meta, ticket, revertsRunId } = run;
  return {
    ...{ runId, state, total, outcomes: counts },
    started: timeText(startedAt),
    ...(endedAt !== undefined && { ended: timeText(endedAt) }),
    startedBy: actorIn(meta) ?? '',
    ...(meta.reason !== undefined && { reason: meta.reason }),
    ...(ticket !== undefined && { ticket }),
    ...(revertsRunId !== undefined && { revertsRunId }),
  };
}

function itemRow({ item, result, loginName }: ItemRecord): RunItemRow {
  const { userId, organizationId, generation } = item;
  return { userId, loginName, organizationId, generation, ...result };
}
