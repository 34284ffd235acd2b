import { createHash } from 'node:crypto';
import type { Caller } from '../auth/caller.ts';
import { DomainError } from '../domain/errors.ts';
import type { UserEvent } from '../domain/events.ts';
import type { UserId } from '../domain/ids.ts';
import { type MetadataEntry, metadataBytesMax, metadataEntriesMax } from '../domain/metadata.ts';
import type { User } from '../domain/user.ts';
import { type CommandApp, changeUser } from './change-user.ts';

/** Entries by their keys. */
export type MetadataValues = ReadonlyMap<string, Uint8Array>;

const ruleOf = (userId: UserId) => ({ userId, permission: 'user.write', notFound: 'userNotFound' }) as const;

/** Sets entries; the others stay, and so does one that has the value already. Throws metadataFull, as changeUser. */
export function setMetadata(
  app: CommandApp,
  caller: Caller,
  { userId, values }: { readonly userId: UserId; readonly values: MetadataValues },
): Promise<User> {
  return changeUser(app, caller, ruleOf(userId), async () => {
    // After the row, by whose version the append goes: what is set in between makes it stale.
    const before = await app.store.loadMetadata(userId);
    const held = new Map(before.map(({ key, value }) => [key, value]));
    requireRoom(new Map([...held, ...values]));
    const changed = [...values].filter(([key, value]) => !isSame(held.get(key), value));
    return { events: changed.map(setEvent), metadata: new Map(changed) };
  });
}

/** Takes entries away; what is not there stays so. Throws as changeUser. */
export function removeMetadata(
  app: CommandApp,
  caller: Caller,
  { userId, keys }: { readonly userId: UserId; readonly keys: readonly string[] },
): Promise<User> {
  return changeUser(app, caller, ruleOf(userId), async () => {
    const removed = await app.store.loadMetadata(userId);
    const asked = new Set(keys);
    return { events: removed.filter(({ key }) => asked.has(key)).map(removedEvent) };
  });
}

function requireRoom(after: MetadataValues): void {
  let bytes = 0;
  for (const [key, value] of after) bytes += Buffer.byteLength(key) + value.length;
  if (after.size > metadataEntriesMax || bytes > metadataBytesMax) throw new DomainError('metadataFull');
}

function isSame(one: Uint8Array | undefined, other: Uint8Array): boolean {
  return one !== undefined && Buffer.compare(one, other) === 0;
}

function setEvent([key, value]: readonly [string, Uint8Array]): UserEvent {
  const sha256 = createHash('sha256').update(value).digest('hex');
  return { type: 'user.metadata.set', payload: { key, bytes: value.length, sha256 } };
}

function removedEvent({ key }: MetadataEntry): UserEvent {
  return { type: 'user.metadata.removed', payload: { key } };
}
