import { requireHeldAnywhere, requireOnOrganization } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import { withNameReach } from '../auth/name-reach.ts';
import { underWayOf } from '../auth/under-way.ts';
import type { ErrorKind } from '../domain/error-entry.ts';
import { DomainError, type ErrorName, errors } from '../domain/errors.ts';
import type { UserAdded, UserEvent } from '../domain/events.ts';
import { evolve } from '../domain/evolve/evolve.ts';
import { foldText } from '../domain/filter.ts';
import { type OrganizationId, parseName, parseUserId, type UserId } from '../domain/ids.ts';
import {
  bornAt,
  externalIdOf,
  type Organization,
  type Profile,
  type Standing,
  type User,
  type UserState,
} from '../domain/user.ts';
import { parsePasswordHash } from '../sign-in/password.ts';
import { parseStoredHash } from '../sign-in/stored-hash.ts';
import type { Change } from '../store/store.ts';
import { type NewExternal, type NewUser, named, sharedNamesOf } from './create-user.ts';
import { loadProfile } from './load-profile.ts';
import { lockMsMax, withReason } from './lock-user.ts';
import { type ProfileChange, parseProfileChange, profileEvents } from './profile-change.ts';
import type { SignInApp } from './sign-in-facts.ts';
import { updateUser } from './update-user.ts';
import { lockedBy } from './user-state.ts';

/** Somebody as another system knew them. Empty texts are not here: what is not known is absent. */
export interface ImportedUser extends Pick<NewUser, 'userId' | 'userName'> {
  readonly profile: (NewUser | NewExternal)['profile'];
  readonly state: Exclude<UserState, 'deleted'>;
  readonly password?: { readonly hash: string; readonly changeRequired: boolean };
  /** Milliseconds since 1970; of a locked user alone, absent: until somebody unlocks. A lock that is over is none. */
  readonly lockedUntil?: number;
  readonly lockReason?: string;
  /** Whoever has the id of the row, an external one, has no external id from then on. Nobody is made. */
  readonly removeExternalId?: true;
}

export interface UserImport {
  readonly organizationId: OrganizationId;
  readonly users: readonly ImportedUser[];
  /** Nothing is written; the answers are what would have come of it. */
  readonly validateOnly: boolean;
  /** Who is there gets the names, address, number and external id; never another state or password. */
  readonly updateExisting: boolean;
  /** Nobody is made: who is not there is refused. */
  readonly existingOnly: boolean;
  /** Who has a hash that is refused is made without a password. */
  readonly withoutPasswords: boolean;
}

/** What became of one of them. An id that is only to be made up is absent. */
export type ImportOutcome =
  | {
      readonly outcome: 'created' | 'updated' | 'unchanged';
      readonly userId?: string;
      readonly passwordLeftOut?: true;
    }
  | { readonly outcome: 'refused'; readonly error: DomainError };

/** By what the hash is made, by whatever server it may be taken; undefined: by nothing that is checked here. */
export const passwordKindOf = (hash: string): string | undefined => parseStoredHash(hash)?.kind;

/** Of all imports at once: an unlock waits for what is committed together with it. One import alone is as quick as with all at once. */
const importedAtOnceMax = 48;
/** Beside others: their unlock waits for one such share at most. */
const importedBesideMax = 6;
const admitOf = underWayOf({ max: importedAtOnceMax, besideMax: importedBesideMax });

/**
 * Brings people in, each for themselves: in one append with their state, or refused. Who is there already, by external id,
 * else by id, else by login name, stays as they are, so the same again changes nothing. Throws permissionMissing and organizationNotFound, and
 * what says nothing of one of them: storeUnavailable, overloaded.
 */
export async function importUsers(
  app: SignInApp,
  caller: Caller,
  order: UserImport,
): Promise<readonly ImportOutcome[]> {
  requireHeldAnywhere(caller, 'user.write');
  const found = await app.store.loadOrganization({ organizationId: order.organizationId });
  requireOnOrganization(caller, found?.organizationId, 'user.write');
  if (found === undefined) throw new DomainError('organizationNotFound');
  const desk = { app, caller, order, organization: found };
  const admit = admitOf(app.store);
  return Promise.all(order.users.map((user) => admit(caller, () => importOne(desk, user).catch(refusal))));
}

interface Desk {
  readonly app: SignInApp;
  readonly caller: Caller;
  readonly order: UserImport;
  readonly organization: Organization;
}

/** These are about the server, and another try may go well. */
const ofTheServer: ReadonlySet<ErrorKind> = new Set(['unavailable', 'internal', 'resource_exhausted']);

function refusal(error: unknown): ImportOutcome {
  if (!(error instanceof DomainError) || ofTheServer.has(errors[error.error].kind)) throw error;
  return { outcome: 'refused', error };
}

async function importOne(desk: Desk, imported: ImportedUser): Promise<ImportOutcome> {
  const { app, order } = desk;
  const userId = parseUserId(imported.userId ?? app.newId());
  const byId = () => app.store.loadUser(userId, (found) => requireOurs(desk, found));
  if (imported.removeExternalId) return existing(desk, await byId(), imported);
  const profile = named(imported, userId);
  requireLockFits(imported, app.now());
  const find = async () =>
    (await findExternal(desk, profile)) ??
    (imported.userId === undefined ? findByName(desk, profile) : byId());
  const there = await find();
  if (isLiving(there)) {
    await requireOne(desk, there, imported);
    return existing(desk, there, imported);
  }
  if (order.existingOnly) throw new DomainError('userNotFound');
  const newcomer = { userId, before: there, profile: withNameReach(desk.caller, profile) };
  try {
    return await create(desk, imported, newcomer);
  } catch (error) {
    if (!(error instanceof DomainError && isOfSomebody.has(error.error))) throw error;
    // The same request, sent again while the first was still under way.
    const meanwhile = await find();
    if (isLiving(meanwhile)) return { outcome: 'unchanged', userId: meanwhile.userId };
    throw error;
  }
}

const isLiving = (user: User | undefined): user is User => user !== undefined && user.state !== 'deleted';

/** What says that somebody has the id or the name. */
const isOfSomebody: ReadonlySet<ErrorName> = new Set(['userExists', 'userNameTaken']);

// Whoever holds the id may be somebody else's user: that it is taken is all that may be told, in any state.
function requireOurs({ order }: Desk, found: Standing | undefined): void {
  if (found === undefined || found.state === 'deleted') return;
  if (found.organizationId !== order.organizationId) throw new DomainError('userExists');
}

// Who has the external id and who has the id are two: neither is meant for sure.
async function requireOne(desk: Desk, there: User, { userId }: ImportedUser): Promise<void> {
  if (userId === undefined || userId === there.userId) return;
  const other = await desk.app.store.loadUser(parseUserId(userId), (found) => requireOurs(desk, found));
  if (!isLiving(other)) return;
  throw new DomainError('userNameTaken', { text: 'external_id: another user has it, not the one of the id' });
}

function requireLockFits({ state, lockedUntil, lockReason, profile }: ImportedUser, nowMs: number): void {
  if (state !== 'locked' && (lockedUntil !== undefined || lockReason !== undefined)) {
    const field = lockedUntil === undefined ? 'lock_reason' : 'locked_until';
    throw new DomainError('fieldInvalid', { text: `${field}: goes with the state locked` });
  }
  if (lockedUntil !== undefined && lockedUntil > nowMs + lockMsMax) throw new DomainError('lockEndInvalid');
  if (state === 'initial' && profile.kind !== 'human') {
    throw new DomainError('fieldInvalid', {
      text: `state: ${profile.kind === 'machine' ? 'a machine' : 'an external'} user is never initial`,
    });
  }
}

async function findExternal({ app, order }: Desk, profile: Profile): Promise<User | undefined> {
  const externalId = externalIdOf(profile);
  if (externalId === undefined) return undefined;
  const { organizationId } = order;
  const name = { organizationId, externalId: parseName(externalId, 'external_id') };
  const userId = await app.store.findExternal(name);
  return userId === undefined ? undefined : app.store.loadUser(userId);
}

async function findByName({ app, order }: Desk, { userName }: Profile): Promise<User | undefined> {
  const [userId] = await app.store.findLogins(foldText(userName), { named: order.organizationId });
  return userId === undefined ? undefined : app.store.loadUser(userId);
}

async function existing(desk: Desk, there: User | undefined, imported: ImportedUser): Promise<ImportOutcome> {
  if (!isLiving(there)) throw new DomainError('userNotFound');
  if (desk.order.updateExisting) return update(desk, there, imported);
  return { outcome: 'unchanged', userId: there.userId };
}

async function update(desk: Desk, there: User, imported: ImportedUser): Promise<ImportOutcome> {
  const { app, caller, order } = desk;
  const { userId } = there;
  const change = changeOf(imported);
  if (order.validateOnly) {
    const { profile } = await loadProfile(app, there);
    const events = profileEvents(caller, profile, parseProfileChange(change));
    return { outcome: events.length > 0 ? 'updated' : 'unchanged', userId };
  }
  const { user } = await updateUser(app, caller, { userId, ...change });
  return { outcome: user.sequence > there.sequence ? 'updated' : 'unchanged', userId };
}

function changeOf({ userName, profile }: ImportedUser): ProfileChange {
  const name = userName !== undefined && { userName };
  if (profile.kind === 'external') return { ...name, externalId: profile.externalId };
  if (profile.kind === 'machine') {
    const { description } = profile;
    return {
      ...name,
      machine: { name: profile.name, ...(description !== undefined && { description }) },
    };
  }
  const { kind: _kind, externalId, email, emailVerified, phone, phoneVerified = false, ...texts } = profile;
  const number = phone !== undefined && { phone: { phone, isVerified: phoneVerified } };
  const human = { texts, email: { email, isVerified: emailVerified }, ...number };
  return { ...name, ...(externalId !== undefined && { externalId }), human };
}

interface Newcomer {
  readonly userId: UserId;
  /** A deleted one, whose id is used again. */
  readonly before: User | undefined;
  readonly profile: Profile;
}

async function create(desk: Desk, imported: ImportedUser, newcomer: Newcomer): Promise<ImportOutcome> {
  const { app, order, organization } = desk;
  const { userId, before, profile } = newcomer;
  const caller = withReason(desk.caller, imported.lockReason ?? '');
  const hash = hashToKeep(desk, imported);
  const told = {
    outcome: 'created',
    ...(hash === undefined && imported.password && { passwordLeftOut: true as const }),
  } as const;
  if (order.validateOnly) {
    await requireNamesFree(desk, newcomer);
    return { ...told, ...(imported.userId !== undefined && { userId }) };
  }
  const sharedNames = await sharedNamesOf(app, { userId, profile, domain: organization.domain });
  const nowMs = app.now();
  const createdAt = bornAt(before, nowMs);
  const payload: UserAdded = {
    organizationId: order.organizationId,
    state: imported.state === 'initial' ? 'initial' : 'active',
    profile,
    ...(sharedNames.length > 0 && { sharedNames }),
    ...(hash !== undefined && { password: { changeRequired: imported.password?.changeRequired ?? false } }),
  };
  const added: UserEvent = { type: `user.${profile.kind}.added`, payload };
  const user = evolve(before, added, { userId, createdAt });
  const change: Change = {
    before,
    userId,
    events: [added, ...stateEvents(caller, user, { imported, nowMs })],
    at: { createdAt, eventId: app.newId() },
    meta: caller.meta,
    ...(hash !== undefined && { secrets: { passwordHash: hash } }),
  };
  const after = await app.store.append(change);
  if (after === 'stale') throw new DomainError('userExists');
  if (after === 'user name taken') throw new DomainError('userNameTaken');
  return { ...told, userId };
}

function hashToKeep({ app, order }: Desk, { password }: ImportedUser): string | undefined {
  if (password === undefined) return undefined;
  try {
    return parsePasswordHash(password.hash, app.importedHashCostMax);
  } catch (error) {
    if (order.withoutPasswords && error instanceof DomainError) return undefined;
    throw error;
  }
}

/** What makes an active newcomer what they were. */
function stateEvents(
  caller: Caller,
  user: User,
  { imported, nowMs }: { readonly imported: ImportedUser; readonly nowMs: number },
): readonly UserEvent[] {
  const { state, lockedUntil: until } = imported;
  if (state === 'inactive') return [{ type: 'user.deactivated', payload: {} }];
  const isOver = until !== undefined && until <= nowMs;
  if (state !== 'locked' || isOver) return [];
  return [lockedBy(caller, user, until === undefined ? {} : { until })];
}

// As the append would find it, but for who comes at the same time.
async function requireNamesFree({ app, order, organization }: Desk, { userId, profile }: Newcomer) {
  const { userName } = profile;
  const names = [
    ...[userName, `${userName}@${organization.domain}`],
    ...(profile.kind === 'human' ? [profile.email] : []),
  ];
  for (const name of new Set(names.map(foldText))) {
    const holders = await app.store.findLogins(name, { named: order.organizationId });
    if (holders.some((holder) => holder !== userId)) throw new DomainError('userNameTaken');
  }
}
