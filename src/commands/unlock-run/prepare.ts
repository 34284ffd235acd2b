import { may, mayInRun, permissionMissing } from '../../auth/authorize.ts';
import type { Caller } from '../../auth/caller.ts';
import { DomainError } from '../../domain/errors.ts';
import { actorFacts } from '../../domain/events.ts';
import { leaseLeftMs } from '../../domain/lease.ts';
import { runStarted, type UnlockRun } from '../../domain/unlock-run.ts';
import type { CommandApp } from '../change-user.ts';
import { requireRoom } from './room.ts';

/** How long nothing may be heard of a run that is written down before it is taken for given up. */
export const prepareMs = 60_000;

/** What tells this request of this caller from all others; undefined where it has no id. */
export async function requestKey(
  { store }: Pick<CommandApp, 'store'>,
  { meta }: Caller,
  requestId: string,
): Promise<string | undefined> {
  if (requestId === '') return undefined;
  const { actorUserId } = meta;
  const actor = actorUserId === undefined ? undefined : await store.loadUser(actorUserId);
  // Whoever has the id of somebody deleted has asked for nothing yet.
  return JSON.stringify([...actorFacts(meta), requestId, ...(actor === undefined ? [] : [actor.createdAt])]);
}

export interface Preparation {
  readonly run: UnlockRun;
  readonly requestId: string;
  /** Writes its slices. As long as it calls `renew` now and then, nobody takes the run for given up; where it throws, there is none. */
  readonly write: (renew: () => Promise<void>) => Promise<void>;
}

/**
 * Writes the run down, where nobody sees it, and lets it go. Throws permissionMissing where all of it would be left alone,
 * runsTooMany, runsWithoutBulk, and conflict where its request came twice at once or it was given up meanwhile.
 */
export async function prepare(
  app: CommandApp,
  caller: Caller,
  { run, requestId, write }: Preparation,
): Promise<UnlockRun> {
  const { store, now } = app;
  requireSomewhere(caller, run);
  const key = await requestKey(app, caller, requestId);
  if (!(await store.addRun(run, key))) throw new DomainError('conflict');
  let before = run;
  const renew = async (): Promise<void> => {
    if (leaseLeftMs(before.leaseUntil, { nowMs: now(), msMax: prepareMs }) > prepareMs / 2) return;
    const after = { ...before, version: before.version + 1, leaseUntil: now() + prepareMs };
    if (!(await store.moveRun({ before, after }))) throw new DomainError('conflict');
    before = after;
  };
  try {
    await requireRoom(app, caller, run);
    await write(renew);
  } catch (error) {
    await store.removeRun(before);
    throw error;
  }
  const after: UnlockRun = { ...before, state: 'running', version: before.version + 1, leaseUntil: 0 };
  const at = { createdAt: now(), eventId: app.newId() };
  const event = { event: runStarted(after), at, meta: after.meta };
  if (!(await store.moveRun({ before, after, event }))) throw new DomainError('conflict');
  return after;
}

// Who may act in none of its organizations would only take a place of theirs, and their servers' time.
function requireSomewhere(caller: Caller, run: UnlockRun): void {
  const { organizationIds } = run;
  if (organizationIds === undefined || organizationIds.some((id) => mayInRun(caller, run, id))) return;
  const permission = run.revertsRunId === undefined ? 'user.unlock' : 'user.write';
  const holdsIt = organizationIds.some((id) => may(caller, permission, id));
  throw permissionMissing(holdsIt ? 'user.unlock.bulk' : permission);
}
