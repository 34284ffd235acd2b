import { type Lock, LockCause, type LockEnded } from '../../../../gen/es/latchkey/v1/lock_pb.js';
import { locks } from '../../state/api.ts';
import { msOf } from '../../state/clock.ts';
import { loadOrganizations, loadPeople, nameThen } from '../../state/people.ts';
import { endWords } from '../../words.ts';

/** Rows of one page. */
export const rowsMax = 50;

/** One lock, with names for ids. */
export interface Row {
  readonly lock: Lock;
  readonly name: string;
  /** Who locked; undefined: the policy. */
  readonly lockedBy: string | undefined;
}

export interface LockedPage {
  readonly rows: readonly Row[];
  readonly total: number;
  readonly organizations: ReadonlyMap<string, string>;
}

/** How a lock ended that is still shown. */
export interface Ending {
  readonly how: string;
  /** The id of whoever did it; empty where nobody did. */
  readonly by: string;
  readonly ticket: string;
}

/** No two locks share it. */
export function keyOf({ userId, generation }: Pick<Lock, 'userId' | 'generation'>): string {
  return `${generation} ${userId}`;
}

export function endingOf({ end, endedBy, ticket }: LockEnded): Ending {
  return { how: endWords[end], by: endedBy, ticket };
}

const causes = new Map(
  [LockCause.POLICY, LockCause.ADMINISTRATOR, LockCause.COMMAND_LINE].map((one) => [String(one), one]),
);

/** The page that the address asks for. */
export async function loadLocked(query: URLSearchParams, signal: AbortSignal): Promise<LockedPage> {
  const page = Math.max(1, Math.floor(Number(query.get('page') ?? 1)) || 1);
  const [organizationId, loginName] = [query.get('org'), query.get('login')];
  const request = {
    query: { offset: BigInt((page - 1) * rowsMax), limit: rowsMax },
    cause: causes.get(query.get('cause') ?? '') ?? LockCause.UNSPECIFIED,
    ...(organizationId && { organizationId }),
    ...(loginName && { loginName }),
  };
  const [found, organizations] = await Promise.all([
    locks.listLocks(request, { signal }),
    loadOrganizations(signal),
  ]);
  const ids = found.locks.flatMap(({ userId, lockedBy }) => [userId, lockedBy]);
  const people = await loadPeople(ids, signal);
  const rows = found.locks.map((lock) => ({
    lock,
    name: people.get(lock.userId)?.name ?? '',
    lockedBy:
      lock.lockedBy === '' ? undefined : nameThen(people, lock.lockedBy, msOf(lock.since)) || lock.lockedBy,
  }));
  return { rows, organizations, total: Number(found.details?.totalResult ?? rows.length) };
}
