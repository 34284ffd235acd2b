/** What a user and an event take on disk, and a password of processor time: `node bench/sizes.ts`, ten seconds. */
import { argon2Sync, randomBytes } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { UserEvent } from '../src/domain/events.ts';
import type { OrganizationId, UserId } from '../src/domain/ids.ts';
import type { User } from '../src/domain/user.ts';
import { openStore } from '../src/store/open.ts';
import type { Store } from '../src/store/store.ts';

const users = 500;
const roundsOfLocks = 20;
const hashes = 20;
const organizationId = 'home' as OrganizationId;
const meta = {
  actorUserId: '1795658474412618544' as UserId,
  ip: '203.0.113.77',
  userAgent: 'help-desk/1.4',
  requestId: 'dMX2ag9r9LTW-2',
};
let lastId = 1795658474412618544n;

function newId(): string {
  lastId += 1n;
  return String(lastId);
}

async function append(
  store: Store,
  userId: UserId,
  before: User | undefined,
  event: UserEvent,
): Promise<User> {
  const at = { createdAt: Date.now(), eventId: newId() };
  const after = await store.append({ before, userId, events: [event], at, meta });
  if (typeof after === 'string') throw new Error(after);
  return after;
}

function added(nth: number): UserEvent {
  const name = { userName: `user${nth}`, givenName: 'Given', familyName: 'Family' };
  const profile = { kind: 'human', ...name, email: `user${nth}@mail.example`, emailVerified: true } as const;
  return { type: 'user.human.added', payload: { organizationId, state: 'active', profile } };
}

const locked: UserEvent = { type: 'user.locked', payload: { cause: 'policy', failedAttempts: 10 } };

const folder = await mkdtemp(join(tmpdir(), 'latchkey-sizes-'));
const path = join(folder, 'latchkey.db');

async function fileBytes(): Promise<number> {
  using db = new DatabaseSync(path);
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  return (await stat(path)).size;
}

{
  await using store = await openStore({ database: path });
  const made = Array.from({ length: users }, (_none, nth) =>
    append(store, newId() as UserId, undefined, added(nth)),
  );
  let rows = await Promise.all(made);
  const usersBytes = await fileBytes();
  for (let round = 0; round < roundsOfLocks; round += 1) {
    const event = (row: User): UserEvent =>
      round % 2 === 0 ? locked : { type: 'user.unlocked', payload: { generation: row.sequence } };
    rows = await Promise.all(rows.map((row) => append(store, row.userId, row, event(row))));
  }
  const eventBytes = ((await fileBytes()) - usersBytes) / (users * roundsOfLocks);
  console.log(`a user with its first event: ${Math.round(usersBytes / users)} bytes`);
  console.log(`an event: ${Math.round(eventBytes)} bytes`);
}
await rm(folder, { recursive: true });

// The cost of our own hashes: src/sign-in/password.ts.
const cost = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 };
const before = process.cpuUsage();
for (let nth = 0; nth < hashes; nth += 1) {
  argon2Sync('argon2id', { message: 'correct horse', nonce: randomBytes(16), ...cost });
}
const { user, system } = process.cpuUsage(before);
console.log(`a password: ${((user + system) / 1_000 / hashes).toFixed(0)} ms of a processor`);
