import { eventTypes } from '../../domain/event-types.ts';
import { instanceStream, type RecordedEvent, type UserEvent } from '../../domain/events.ts';
import { evolve, evolvePassword } from '../../domain/evolve/evolve.ts';
import { evolveMetadata } from '../../domain/evolve/metadata.ts';
import { evolveProfile } from '../../domain/evolve/profile.ts';
import { evolveTokens } from '../../domain/evolve/tokens.ts';
import { foldText } from '../../domain/filter.ts';
import type { MetadataFacts } from '../../domain/metadata.ts';
import { externalIdOf, type PasswordFacts, type Profile, type Token, type User } from '../../domain/user.ts';
import type { History, ProfileKeys, Verifiable } from '../../store/store.ts';
import { Erasing } from './erasing.ts';
import { addDifference, Findings, Order, type Problem } from './findings.ts';
import { verifyInstance } from './instance.ts';

export type { Problem } from './findings.ts';

/** What a verification looked at and what it found. */
export interface Verification {
  readonly users: number;
  readonly organizations: number;
  readonly events: number;
  readonly problemsTotal: number;
  /** The first 100. */
  readonly problems: readonly Problem[];
}

/**
 * Holds every row against the fold of its events: users, profiles, facts of passwords, tokens, metadata, organizations, policies; every
 * sequence without gap from 1, every history in the order of positions. Secrets are in no event, so not in this.
 * Others may write meanwhile; memory is that of the longest list of one user's tokens.
 */
export async function verify(store: Verifiable): Promise<Verification> {
  const found = new Findings();
  for await (const history of store.readHistories()) {
    found.users += 1;
    await verifyHistory(history, found);
  }
  try {
    await verifyInstance(store, found);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    found.add(instanceStream, `an event or a policy ${damaged}`);
  }
  // Where an event is lost, the links at its place are no news.
  if (found.problemsTotal === 0) {
    for (const { userId, text } of (await store.readBrokenLinks?.()) ?? []) found.add(userId, text);
  }
  const { users, organizations, events, problems, problemsTotal } = found;
  return { users, organizations, events, problems, problemsTotal };
}

/** What the events of one id make of it. */
interface Fold {
  readonly user: User | undefined;
  readonly profile: Profile | undefined;
  readonly password: PasswordFacts | undefined;
  readonly tokens: readonly Token[];
  readonly metadata: readonly MetadataFacts[];
}

const nothing: Fold = { user: undefined, profile: undefined, password: undefined, tokens: [], metadata: [] };

async function verifyHistory(history: History, found: Findings): Promise<void> {
  const { userId } = history;
  const order = new Order(userId, found);
  const erasing = new Erasing(history, found);
  let fold = nothing;
  try {
    for await (const event of history.events) {
      order.next(event);
      erasing.next(event);
      fold = step(fold, event);
    }
  } catch (error) {
    // An unreachable database is not a wrong one; what the law cannot fold is, and what is no JSON.
    if (!(error instanceof UnfoldableEvent || error instanceof SyntaxError)) throw error;
    found.add(userId, error instanceof UnfoldableEvent ? error.message : `an event ${damaged}`);
    return;
  }
  if (history.isDamaged) {
    found.add(userId, `a row ${damaged}`);
    return;
  }
  try {
    compare(history, fold, found);
  } catch {
    // What is compared has been read: it is of a shape that nothing here has.
    found.add(userId, 'its rows and its events cannot be held against one another: one of them is damaged');
  }
}

const damaged = 'is damaged: what stands in it is no JSON';

class UnfoldableEvent extends Error {}

const known: ReadonlySet<string> = new Set(eventTypes);

function step(fold: Fold, recorded: RecordedEvent): Fold {
  const { userId, sequence, createdAt, type } = recorded;
  if (!known.has(type))
    throw new UnfoldableEvent(`event ${sequence} is of a type that is not known here: ${type}`);
  const event = parseUserEvent(recorded);
  const at = { userId, sequence, createdAt };
  try {
    return {
      user: evolve(fold.user, event, at),
      profile: evolveProfile(fold.profile, event),
      password: evolvePassword(fold.password, event, createdAt),
      tokens: evolveTokens(fold.tokens, event, at),
      metadata: evolveMetadata(fold.metadata, event, createdAt),
    };
  } catch (cause) {
    throw new UnfoldableEvent(`event ${sequence} (${type}) does not follow from those before it`, { cause });
  }
}

// The log's own form says less than the law's: a payload that does not fit shows as a row that differs.
function parseUserEvent({ type, payload }: RecordedEvent): UserEvent {
  return { type, payload } as UserEvent;
}

function compare(history: History, fold: Fold, found: Findings): void {
  const { userId } = history;
  if (history.user === undefined || fold.user === undefined) {
    if (history.user !== fold.user)
      found.add(userId, history.user ? 'a row without events' : 'events without a row');
  } else {
    for (const key of Object.keys({ ...history.user, ...fold.user }) as (keyof User)[]) {
      addDifference({ userId, what: key, row: history.user[key], events: fold.user[key] }, found);
    }
  }
  const lockUntil = fold.user?.lockout.lock?.until;
  addDifference({ userId, what: 'lock until', row: history.lockUntil, events: lockUntil }, found);
  for (const what of ['profile', 'password', 'tokens'] as const) {
    addDifference({ userId, what, row: history[what], events: fold[what] }, found);
  }
  const [row, events] = [history.metadata, fold.metadata].map(byKey);
  addDifference({ userId, what: 'metadata', row, events }, found);
  addDifference({ userId, what: 'profile keys', row: history.profileKeys, events: keysOf(fold) }, found);
}

// The rows come in the order of the keys, the fold's in that of the events.
const byKey = (metadata: readonly MetadataFacts[]) =>
  Object.fromEntries(metadata.map((one) => [one.key, one]));

function keysOf({ user, profile }: Fold): ProfileKeys | undefined {
  if (user === undefined || profile === undefined) return undefined;
  const { organizationId } = user;
  const { userName } = profile;
  const emailFolded = profile.kind === 'human' ? { emailFolded: foldText(profile.email) } : {};
  const externalId = externalIdOf(profile);
  return {
    ...{ organizationId, userName, userNameFolded: foldText(userName), ...emailFolded },
    ...(externalId !== undefined && { externalId }),
  };
}
