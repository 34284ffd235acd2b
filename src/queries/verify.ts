import { instanceStream, type RecordedEvent, type UserEvent } from '../domain/events.ts';
import { evolve, evolvePassword, evolveProfile } from '../domain/evolve.ts';
import { evolveTokens } from '../domain/evolve-tokens.ts';
import type { OrganizationId, UserId } from '../domain/ids.ts';
import type { PasswordFacts, Profile, Token, User } from '../domain/user.ts';
import { foldText } from '../domain/user-filter.ts';
import type { History, ProfileKeys, Verifiable } from '../store/store.ts';

/** What a verification looked at and what it found. */
export interface Verification {
  readonly users: number;
  readonly organizations: number;
  readonly events: number;
  readonly problemsTotal: number;
  /** The first 100. */
  readonly problems: readonly Problem[];
}

export interface Problem {
  /** Empty where it is about an organization. */
  readonly userId: UserId;
  readonly text: string;
}

const problemsMax = 100;
const pageSize = 1_000;

/**
 * Holds every row against the fold of its events: users, profiles, facts of passwords, tokens, organizations; every
 * sequence without gap from 1, every history in the order of positions. Secrets are in no event, so not in this.
 * Others may write meanwhile; memory is that of the longest list of one user's tokens.
 */
export async function verify(store: Verifiable): Promise<Verification> {
  const found = new Findings();
  for await (const history of store.readHistories()) {
    found.users += 1;
    await verifyHistory(history, found);
  }
  await verifyOrganizations(store, found);
  const { users, organizations, events, problems, problemsTotal } = found;
  return { users, organizations, events, problems, problemsTotal };
}

class Findings {
  users = 0;
  organizations = 0;
  events = 0;
  problemsTotal = 0;
  readonly problems: Problem[] = [];

  add(userId: UserId, text: string): void {
    this.problemsTotal += 1;
    if (this.problems.length < problemsMax) this.problems.push({ userId, text });
  }
}

/** What the events of one id make of it. */
interface Fold {
  readonly user: User | undefined;
  readonly profile: Profile | undefined;
  readonly password: PasswordFacts | undefined;
  readonly tokens: readonly Token[];
}

const nothing: Fold = { user: undefined, profile: undefined, password: undefined, tokens: [] };

async function verifyHistory(history: History, found: Findings): Promise<void> {
  const { userId } = history;
  const order = new Order(userId, found);
  let fold = nothing;
  try {
    for await (const event of history.events) {
      order.next(event);
      fold = step(fold, event);
    }
  } catch (error) {
    // An unreachable database is not a wrong one; what the law cannot fold is.
    if (!(error instanceof UnfoldableEvent)) throw error;
    found.add(userId, error.message);
    return;
  }
  compare(history, fold, found);
}

class UnfoldableEvent extends Error {}

function step(fold: Fold, recorded: RecordedEvent): Fold {
  const { userId, sequence, createdAt, type } = recorded;
  const event = parseUserEvent(recorded);
  const at = { userId, sequence, createdAt };
  try {
    return {
      user: evolve(fold.user, event, at),
      profile: evolveProfile(fold.profile, event),
      password: evolvePassword(fold.password, event, createdAt),
      tokens: evolveTokens(fold.tokens, event, at),
    };
  } catch (cause) {
    throw new UnfoldableEvent(`event ${sequence} (${type}) does not follow from those before it`, { cause });
  }
}

// The log's own form says less than the law's: a payload that does not fit shows as a row that differs.
function parseUserEvent({ type, payload }: RecordedEvent): UserEvent {
  return { type, payload } as UserEvent;
}

/** Sequences without gap from 1, positions rising. */
class Order {
  readonly #userId: UserId;
  readonly #found: Findings;
  #sequence = 0;
  #position = 0;

  constructor(userId: UserId, found: Findings) {
    this.#userId = userId;
    this.#found = found;
  }

  next({ sequence, position }: RecordedEvent): void {
    this.#found.events += 1;
    if (sequence !== this.#sequence + 1) {
      this.#found.add(this.#userId, `event ${this.#sequence + 1} is missing: the next one is ${sequence}`);
    }
    if (position <= this.#position) {
      this.#found.add(this.#userId, `event ${sequence} stands at position ${position}, before an older one`);
    }
    this.#sequence = sequence;
    this.#position = position;
  }
}

function compare(history: History, fold: Fold, found: Findings): void {
  const { userId } = history;
  if (history.user === undefined || fold.user === undefined) {
    if (history.user !== fold.user)
      found.add(userId, history.user ? 'a row without events' : 'events without a row');
  } else {
    for (const key of Object.keys({ ...history.user, ...fold.user }) as (keyof User)[]) {
      differ({ userId, what: key, row: history.user[key], events: fold.user[key] }, found);
    }
  }
  for (const what of ['profile', 'password', 'tokens'] as const) {
    differ({ userId, what, row: history[what], events: fold[what] }, found);
  }
  differ({ userId, what: 'profile keys', row: history.profileKeys, events: keysOf(fold) }, found);
}

function keysOf({ user, profile }: Fold): ProfileKeys | undefined {
  if (user === undefined || profile === undefined) return undefined;
  const { organizationId } = user;
  const { userName } = profile;
  return { organizationId, userName, userNameFolded: foldText(userName) };
}

interface Compared {
  readonly userId: UserId;
  readonly what: string;
  readonly row: unknown;
  readonly events: unknown;
}

function differ({ userId, what, row, events }: Compared, found: Findings): void {
  if (isSame(row, events)) return;
  const [inRow, inEvents] = [asText(row), asText(events)];
  if (inRow !== inEvents) found.add(userId, `${what}: the row says ${inRow}, its events say ${inEvents}`);
}

// True only where the texts are equal too: nearly always, and ten times sooner.
function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  const names = Object.keys(one);
  return (
    Array.isArray(one) === Array.isArray(other) &&
    names.length === Object.keys(other).length &&
    names.every((name) => isSame(one[name as keyof typeof one], other[name as keyof typeof other]))
  );
}

// One text for one value: members in the order of their names, absent ones left out.
function asText(value: unknown): string {
  return JSON.stringify(value, sorted) ?? 'nothing';
}

function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}

// Organizations are made and never changed: each event has its row, and no row is without one.
async function verifyOrganizations(store: Omit<Verifiable, 'readHistories'>, found: Findings): Promise<void> {
  const listed = await store.listOrganizations('all', { offset: 0, limit: 1, ascending: true });
  const order = new Order(instanceStream, found);
  let afterPosition = 0;
  for (let page = pageSize; page === pageSize; ) {
    const events = await store.listEvents({ afterPosition, limit: pageSize, userId: instanceStream });
    for (const event of events) {
      order.next(event);
      if (event.position <= listed.position) found.organizations += 1;
      await verifyOrganization(store, event, found);
    }
    page = events.length;
    afterPosition = events.at(-1)?.position ?? afterPosition;
  }
  if (listed.total === found.organizations) return;
  found.add(instanceStream, `${listed.total} organizations of whom ${found.organizations} have an event`);
}

async function verifyOrganization(
  store: Pick<Verifiable, 'loadOrganization'>,
  { payload, createdAt }: RecordedEvent,
  found: Findings,
): Promise<void> {
  const organizationId = payload.organizationId as OrganizationId;
  const row = await store.loadOrganization({ organizationId });
  const what = `organization ${organizationId}`;
  differ({ userId: instanceStream, what, row, events: { ...payload, createdAt } }, found);
}
