import type { Caller } from '../auth/caller.ts';
import { DomainError } from '../domain/errors.ts';
import { isBirth } from '../domain/events.ts';
import type { UserFilter } from '../domain/filter.ts';
import type { UserId } from '../domain/ids.ts';
import type { Lock, LockCause } from '../domain/lock.ts';
import type { Listed, Store, UserRecord } from '../store/store.ts';
import type { PageRequest } from './page.ts';
import { getUser, listUsers, type QueryApp } from './users.ts';

/** A lock with whose it is. */
export interface LockRecord {
  readonly record: UserRecord;
  readonly lock: Lock;
}

/** A wrong password, and where it came from as far as that is known. */
export interface FailedSignIn {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly ip: string | undefined;
  readonly userAgent: string | undefined;
}

/** The lock that the user is under, with the newest failures. Throws as getUser, and lockNotFound. */
export async function getLock(
  app: QueryApp,
  caller: Caller,
  userId: UserId,
): Promise<LockRecord & { readonly failures: readonly FailedSignIn[] }> {
  const record = await getUser(app, caller, userId);
  const found = lockOf(record);
  if (found === undefined) throw new DomainError('lockNotFound');
  return { ...found, failures: await newestFailures(app, userId) };
}

/** The user's lock; undefined where they are not locked. */
export function lockOf(record: UserRecord): LockRecord | undefined {
  const { lock } = record.user.lockout;
  return lock === undefined ? undefined : { record, lock };
}

const failuresMax = 10;
/** Among how many events failures are looked for: a lock that many changes ago has none to show. */
const eventsLookedAt = 100;

/** The user's newest wrong passwords, newest first. The caller may read the user: that was asked before. */
async function newestFailures(
  app: { readonly store: Pick<Store, 'listEvents'> },
  userId: UserId,
): Promise<readonly FailedSignIn[]> {
  const query = { userId, newestFirst: true, afterPosition: 0, limit: eventsLookedAt };
  const failures: FailedSignIn[] = [];
  for (const event of await app.store.listEvents(query)) {
    const { type, createdAt, meta } = event;
    if (isBirth(event)) break;
    if (type !== 'user.human.password.check.failed') continue;
    failures.push({ time: createdAt, ip: meta.ip, userAgent: meta.userAgent });
    if (failures.length === failuresMax) break;
  }
  return failures;
}

export interface LocksRequest {
  readonly organizationId: string | undefined;
  readonly cause: LockCause | undefined;
  /** Empty: of anybody. */
  readonly userIds: readonly string[];
  readonly loginName: string | undefined;
  /** Milliseconds since 1970; this very one counts. */
  readonly since: number | undefined;
  /** Milliseconds since 1970; this very one does not count. */
  readonly before: number | undefined;
  readonly page: PageRequest;
  readonly signal?: AbortSignal | undefined;
}

/** The locks of the users whom the caller may read, by the time of locking. Throws limitTooLarge, permissionMissing. */
export async function listLocks(
  app: QueryApp,
  caller: Caller,
  request: LocksRequest,
): Promise<Listed<LockRecord>> {
  const filters = filtersOf(request);
  const found = await listUsers(app, caller, {
    filters,
    sort: 'locked_at',
    page: request.page,
    signal: request.signal,
  });
  return { ...found, rows: found.rows.flatMap((record) => lockOf(record) ?? []) };
}

function filtersOf(request: LocksRequest): readonly UserFilter[] {
  const { organizationId, cause, userIds, loginName, since, before } = request;
  const filters: UserFilter[] = [{ kind: 'state', state: 'locked' }];
  if (organizationId !== undefined) filters.push({ kind: 'organization', organizationId });
  if (cause !== undefined) filters.push({ kind: 'lock_cause', cause });
  if (userIds.length > 0) filters.push({ kind: 'ids', userIds });
  if (loginName !== undefined) {
    filters.push({ kind: 'text', field: 'login_name', method: 'equals_ignore_case', value: loginName });
  }
  if (since !== undefined) filters.push({ kind: 'locked_at', time: since, method: 'after_or_equals' });
  if (before !== undefined) filters.push({ kind: 'locked_at', time: before, method: 'before' });
  return filters;
}
