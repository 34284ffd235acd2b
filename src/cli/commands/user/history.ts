import type { UserEvent, UserEventType } from '../../../domain/events.ts';
import { evolve } from '../../../domain/evolve/evolve.ts';
import { parseUserId } from '../../../domain/ids.ts';
import type { User } from '../../../domain/user.ts';
import type { Backend, EventRow } from '../../backend.ts';
import { CliError } from '../../failure.ts';
import { pageRowsMax } from '../../page.ts';

/** What a user's events say. */
export interface UserHistory {
  /** When the user came into the present state. */
  readonly stateSince?: string;
  /** Wrong passwords since the last right one or unlock. */
  readonly failedPasswordAttempts?: number;
  /** The newest, oldest first. */
  readonly events: readonly EventRow[];
}

const eventsShownMax = 10;

/** Undefined where the caller may not read events. */
export async function readHistory(backend: Backend, userId: string): Promise<UserHistory | undefined> {
  try {
    return fold(userId, await allEvents(backend, userId));
  } catch (error) {
    if (error instanceof CliError && error.failure.code === 'permission_denied') return undefined;
    throw error;
  }
}

const pagesMax = 1_000;

async function allEvents(backend: Backend, userId: string): Promise<readonly EventRow[]> {
  const events: EventRow[] = [];
  for (let page = 0; page < pagesMax; page += 1) {
    const afterPosition = events.at(-1)?.position ?? 0;
    const rows = await backend.listEvents({ userId, afterPosition, limit: pageRowsMax });
    events.push(...rows);
    if (rows.length < pageRowsMax) return events;
  }
  throw new CliError({ code: 'internal', message: `User ${userId} has over ${events.length} events` });
}

function fold(typedUserId: string, events: readonly EventRow[]): UserHistory {
  const userId = parseUserId(typedUserId);
  let user: User | undefined;
  let stateSince: string | undefined;
  for (const row of events) {
    const event = parseUserEvent(row);
    if (event === undefined) continue;
    const next = evolve(user, event, { userId, createdAt: Date.parse(row.creationDate) });
    if (next.state !== user?.state) stateSince = row.creationDate;
    user = next;
  }
  return {
    ...(stateSince !== undefined && { stateSince }),
    ...(user !== undefined && { failedPasswordAttempts: user.failedPasswordAttempts }),
    events: events.slice(-eventsShownMax),
  };
}

const known = {
  'user.human.added': true,
  'user.machine.added': true,
  'user.erased': true,
  'user.lock.reason.removed': true,
  'user.external.added': true,
  'user.attempt.abandoned': true,
  'user.locked': true,
  'user.unlocked': true,
  'user.deactivated': true,
  'user.reactivated': true,
  'user.removed': true,
  'user.human.password.changed': true,
  'user.human.password.check.failed': true,
  'user.human.password.check.succeeded': true,
  'user.human.email.code.added': true,
  'user.human.phone.code.added': true,
  'user.human.password.code.added': true,
  'user.username.changed': true,
  'user.external.id.changed': true,
  'user.external.id.removed': true,
  'user.human.profile.changed': true,
  'user.human.email.changed': true,
  'user.human.email.verified': true,
  'user.human.phone.changed': true,
  'user.human.phone.removed': true,
  'user.machine.changed': true,
  'user.metadata.set': true,
  'user.metadata.removed': true,
  'user.pat.added': true,
  'user.pat.removed': true,
  'user.grant.added': true,
  'user.grant.removed': true,
} as const satisfies Record<UserEventType, true>;

/** Undefined for a type that a newer server knows and this program does not: shown, but not folded. */
function parseUserEvent({ type, payload }: EventRow): UserEvent | undefined {
  return Object.hasOwn(known, type) ? ({ type, payload } as UserEvent) : undefined;
}
