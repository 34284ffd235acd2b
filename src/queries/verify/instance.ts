import {
  type InstanceEvent,
  instanceStream,
  type OrganizationAdded,
  type PolicyEvent,
  type RecordedEvent,
} from '../../domain/events.ts';
import { evolvePolicy, type StoredPolicy } from '../../domain/evolve/policy.ts';
import { howMany } from '../../domain/words/how-many.ts';
import type { PolicyRecord, Verifiable } from '../../store/store.ts';
import { addDifference, type Findings, Order } from './findings.ts';

const pageSize = 1_000;

type Instance = Omit<Verifiable, 'readHistories'>;

/** Holds organizations and policies against the events of the instance's own stream. */
export async function verifyInstance(store: Instance, found: Findings): Promise<void> {
  const organizations = await store.listOrganizations('all', { offset: 0, limit: 1, ascending: true });
  const policies = new PolicyFold(await store.listLockoutPolicies());
  const order = new Order(instanceStream, found);
  let afterPosition = 0;
  for (let page = pageSize; page === pageSize; ) {
    const events = await store.listEvents({ afterPosition, limit: pageSize, userId: instanceStream });
    for (const recorded of events) {
      order.next(recorded);
      const event = parseInstanceEvent(recorded);
      if (!isObject(event.payload)) {
        found.add(instanceStream, `event ${recorded.sequence} (${event.type}) has no payload`);
      } else if (event.type === 'organization.added') {
        if (recorded.position <= organizations.position) found.organizations += 1;
        await verifyOrganization(store, { event, createdAt: recorded.createdAt }, found);
        // Runs have rows that an archive leaves out: what they did is in the users' own events.
      } else if (isOfPolicy(event)) policies.next(event, recorded);
      else if (!isOfRun(event))
        found.add(instanceStream, `event ${recorded.sequence} is none of the instance`);
    }
    page = events.length;
    afterPosition = events.at(-1)?.position ?? afterPosition;
  }
  policies.compare(found);
  if (organizations.total === found.organizations) return;
  found.add(
    instanceStream,
    `${howMany(organizations.total, 'organization')} of whom ${howMany(found.organizations, 'has', 'have')} an event`,
  );
}

function parseInstanceEvent({ type, payload }: RecordedEvent): InstanceEvent {
  return { type, payload } as InstanceEvent;
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;
const isOfPolicy = (event: InstanceEvent): event is PolicyEvent => event.type.startsWith('policy.');
const isOfRun = (event: InstanceEvent): boolean => event.type.startsWith('unlock.run.');

// Organizations are made and never changed: each event has its row, and no row is without one.
async function verifyOrganization(
  store: Pick<Instance, 'loadOrganization'>,
  { event, createdAt }: { readonly event: OrganizationAdded; readonly createdAt: number },
  found: Findings,
): Promise<void> {
  const { organizationId } = event.payload;
  const what = `organization ${organizationId}`;
  const row =
    typeof organizationId === 'string' ? await store.loadOrganization({ organizationId }) : undefined;
  addDifference({ userId: instanceStream, what, row, events: { ...event.payload, createdAt } }, found);
}

/** Policies may be changed while they are verified: each is compared as it was when its row was read. */
class PolicyFold {
  readonly #rows: ReadonlyMap<string, PolicyRecord>;
  readonly #position: number;
  readonly #folds = new Map<string, StoredPolicy>();

  constructor({ rows, position }: Awaited<ReturnType<Verifiable['listLockoutPolicies']>>) {
    this.#rows = new Map(rows.map((row) => [row.organizationId ?? '', row]));
    this.#position = position;
  }

  next(event: PolicyEvent, { position, createdAt }: RecordedEvent): void {
    const { organizationId = '' } = event.payload;
    const before = this.#folds.get(organizationId);
    const isInRow = (before?.sequence ?? 0) < (this.#rows.get(organizationId)?.sequence ?? 0);
    if (!isInRow && position > this.#position) return;
    this.#folds.set(organizationId, evolvePolicy(before, event, createdAt));
  }

  compare(found: Findings): void {
    for (const whose of new Set([...this.#rows.keys(), ...this.#folds.keys()])) {
      const what = whose === '' ? 'lockout policy of the instance' : `lockout policy of ${whose}`;
      const events = this.#folds.get(whose);
      addDifference({ userId: instanceStream, what, row: withoutId(this.#rows.get(whose)), events }, found);
    }
  }
}

function withoutId(record: PolicyRecord | undefined): StoredPolicy | undefined {
  if (record === undefined) return undefined;
  const { organizationId: _whose, ...row } = record;
  return row;
}
