import { DomainError } from '../domain/errors.ts';
import { evolve } from '../domain/evolve/evolve.ts';
import type { UserFilter } from '../domain/filter.ts';
import { endOfLock, isLockOver } from '../domain/lock-events.ts';
import type { User } from '../domain/user.ts';
import type { ListUsers, Store } from './store.ts';

/** What it takes to write the end of a lock. */
export interface LockEnder {
  /** Milliseconds since 1970, UTC. */
  readonly now: () => number;
  readonly newId: () => string;
}

/** Locks whose ends are written together, and how often that is done before a reader goes on. */
const locksMax = 1_000;
const roundsMax = 1_000;
/** Whoever else ended the lock has moved the row; a lock after that has an end of its own. */
const attemptsMax = 10;

/**
 * The same store, in which no lock outlives its end: whoever looks at a user, a list or the log first has the end
 * written, at the true instant, whenever that is. So whatever looks agrees with whatever else does, on every server
 * of the database, and no command or query can forget to. Where there is nothing to end, a look at a user costs a
 * comparison, and a list one look into an index that holds nothing but locks with an end.
 */
export function withLockEnds(store: Store, ender: LockEnder): Store {
  const settled = (user: User | undefined): Promise<User | undefined> | User | undefined =>
    user !== undefined && isLockOver(user, ender.now()) ? endLock(store, ender, user) : user;
  // Where the owner's lock is over, the answer is asked for once more.
  const owned = async <Answer>(
    read: () => Promise<Answer>,
    ownerOf: (answer: Answer) => User | undefined,
  ) => {
    const answer = await read();
    const owner = ownerOf(answer);
    if (owner === undefined || !isLockOver(owner, ender.now())) return answer;
    await endLock(store, ender, owner);
    return read();
  };
  const first = async <Answer>(read: () => Promise<Answer>): Promise<Answer> => {
    await endLocks(store, ender);
    return read();
  };
  // Where the disk is full, one lock whose end cannot be written does not take everybody's lists away.
  const trySettle = () => endLocks(store, ender).then(() => true, isNotUnavailable);
  return {
    ...store,
    loadUser: (userId, admit) => store.loadUser(userId, admit).then(settled),
    loadToken: (tokenId) =>
      owned(
        () => store.loadToken(tokenId),
        (found) => found?.owner,
      ),
    loadSession: (sessionId) =>
      owned(
        () => store.loadSession(sessionId),
        (found) => found?.owner?.user,
      ),
    async listUsers(query) {
      if (asksOfLocks(query)) return first(() => store.listUsers(query));
      const isWritten = await trySettle();
      const listed = await store.listUsers(query);
      if (isWritten) return listed;
      return { ...listed, rows: listed.rows.map((row) => ({ ...row, user: asOf(row.user, ender.now()) })) };
    },
    // Of these a lock has ended what it ends when it was set; its own end changes none.
    listTokens: (query) => trySettle().then(() => store.listTokens(query)),
    listGrants: (query) => trySettle().then(() => store.listGrants(query)),
    listSessions: (query) => trySettle().then(() => store.listSessions(query)),
    listEvents: (query) => first(() => store.listEvents(query)),
    countLocks: (query) => first(() => store.countLocks(query)),
    sumLocks: (query) => first(() => store.sumLocks(query)),
    freezeLocks: (freeze) => first(() => store.freezeLocks(freeze)),
  };
}

function isNotUnavailable(error: unknown): false {
  if (error instanceof DomainError && error.error === 'storeUnavailable') return false;
  throw error;
}

/** The user as they are at this time, whether that is written or not. */
function asOf(user: User, nowMs: number): User {
  const until = user.lockout.lock?.until;
  if (until === undefined || !isLockOver(user, nowMs)) return user;
  return evolve(user, endOfLock(user), { userId: user.userId, createdAt: until });
}

// Which users these find, and in what order, the database says, by what is written.
function asksOfLocks({ filters, sort }: ListUsers): boolean {
  return sort === 'state' || sort === 'locked_at' || filters.some(isOfLocks);
}

function isOfLocks(filter: UserFilter): boolean {
  if (filter.kind === 'and' || filter.kind === 'or') return filter.filters.some(isOfLocks);
  if (filter.kind === 'not') return isOfLocks(filter.filter);
  return filter.kind === 'state' || filter.kind === 'lock_cause' || filter.kind === 'locked_at';
}

/** Ends every lock whose time has come. Answers how many there were. Throws storeUnavailable. */
export async function endLocks(
  store: Pick<Store, 'listLocksOver' | 'append' | 'loadUser'>,
  ender: LockEnder,
): Promise<number> {
  let ended = 0;
  for (let round = 0; round < roundsMax; round += 1) {
    const over = await store.listLocksOver(ender.now(), locksMax);
    await Promise.all(over.map((user) => endLock(store, ender, user)));
    ended += over.length;
    if (over.length < locksMax) break;
  }
  return ended;
}

// Compare-and-set: of all who find the lock over, one writes its end, and nobody ends a later one.
async function endLock(
  store: Pick<Store, 'append' | 'loadUser'>,
  { now, newId }: LockEnder,
  found: User,
): Promise<User | undefined> {
  let before: User | undefined = found;
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const until = before?.lockout.lock?.until;
    if (before === undefined || until === undefined || !isLockOver(before, now())) return before;
    const after = await store.append({
      before,
      userId: before.userId,
      events: [endOfLock(before)],
      at: { createdAt: until, eventId: newId() },
      meta: {},
    });
    if (typeof after !== 'string') return after;
    before = await store.loadUser(before.userId);
  }
  throw new DomainError('conflict');
}
