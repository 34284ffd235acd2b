import { type EventMeta, instanceStream, type OrganizationAdded } from '../../domain/events.ts';
import { evolvePolicy, policyEvent, type StoredPolicy } from '../../domain/evolve/policy.ts';
import type { Organization } from '../../domain/user.ts';
import type { ChangeTime, PolicyChange } from '../store.ts';
import { type EventsToWrite, writeEvents } from './append.ts';
import type { Connection, Statement } from './connection.ts';
import { transaction } from './pool.ts';

export interface OrganizationToAdd {
  readonly event: OrganizationAdded;
  readonly at: ChangeTime;
  readonly meta: EventMeta;
}

/** Adds the organization and its event in one transaction. */
export async function addOrganization(
  connection: Connection,
  { event, at, meta }: OrganizationToAdd,
  nextBatchId: () => string,
): Promise<Organization | 'taken'> {
  const { organizationId, name, domain } = event.payload;
  return transaction(connection, 'BEGIN', async () => {
    const values = [organizationId, name, domain, at.createdAt];
    if ((await connection.query(insertOrganization, values)).length === 0) return 'taken';
    await writeInstanceEvent(connection, { events: [event], at, meta }, nextBatchId);
    return { organizationId, name, domain, createdAt: at.createdAt };
  });
}

/** Moves the policy by compare-and-set, with its event, in one transaction. */
export async function changePolicy(
  connection: Connection,
  change: PolicyChange,
  nextBatchId: () => string,
): Promise<StoredPolicy | 'stale'> {
  const { organizationId = '', before, at, meta } = change;
  const event = policyEvent(change.organizationId, change.policy);
  const after = evolvePolicy(before, event, at.createdAt);
  const policy = after.policy && JSON.stringify(after.policy);
  const row = [organizationId, policy, after.sequence, after.createdAt, after.changedAt];
  return transaction(connection, 'BEGIN', async () => {
    const moved = await (before === undefined
      ? connection.query(insertPolicy, row)
      : connection.query(movePolicy, [...row, before.sequence]));
    if (moved.length === 0) return 'stale';
    await writeInstanceEvent(connection, { events: [event], at, meta }, nextBatchId);
    return after;
  });
}

/** One after the other: the instance's stream has no row whose version could be compared. It is rarely written to. */
export async function writeInstanceEvent(
  connection: Connection,
  write: Omit<EventsToWrite, 'userId' | 'before'>,
  nextBatchId: () => string,
): Promise<void> {
  await connection.query(lockInstance);
  const [newest] = await connection.query(instanceSequence, [instanceStream]);
  const before = { sequence: newest?.sequence as number };
  await writeEvents(connection, { userId: instanceStream, before, ...write }, nextBatchId());
}

/** Whether the instance's stream holds this event: asked where the outcome was lost. */
export async function isInstanceEventLogged(
  connection: Connection,
  { eventId }: ChangeTime,
): Promise<boolean> {
  return (await connection.query(instanceEvent, [instanceStream, eventId])).length > 0;
}

const insertOrganization: Statement = {
  text: 'INSERT INTO organizations VALUES ($1,$2,$3,$4) ON CONFLICT DO NOTHING RETURNING organization_id',
};
const insertPolicy: Statement = {
  text: 'INSERT INTO lockout_policies VALUES ($1,$2,$3,$4,$5) ON CONFLICT DO NOTHING RETURNING organization_id',
};
const movePolicy: Statement = {
  text:
    'UPDATE lockout_policies SET policy = $2, sequence = $3, created_at = $4, changed_at = $5 ' +
    'WHERE organization_id = $1 AND sequence = $6 RETURNING organization_id',
};
const lockInstance: Statement = { text: 'SELECT placer_id FROM placer FOR UPDATE' };
const instanceSequence: Statement = {
  text: 'SELECT coalesce(max(sequence), 0) AS sequence FROM events WHERE user_id = $1',
};
const instanceEvent: Statement = { text: 'SELECT 1 FROM events WHERE user_id = $1 AND event_id = $2' };
