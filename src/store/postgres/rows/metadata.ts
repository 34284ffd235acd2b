import type { UserEvent } from '../../../domain/events.ts';
import type { UserId } from '../../../domain/ids.ts';
import type { MetadataEntry } from '../../../domain/metadata.ts';
import { metadataValue, parseMetadata } from '../../sql/metadata.ts';
import type { Change } from '../../store.ts';
import type { Connection, Statement } from '../connection.ts';

/** A user's metadata, in the order of the keys. */
export async function loadMetadata(
  connection: Connection,
  userId: UserId,
): Promise<readonly MetadataEntry[]> {
  return (await connection.query(ofUser, [userId])).map(parseMetadata);
}

/** Writes what the event does to the user's metadata. */
export async function writeMetadata(
  connection: Connection,
  { userId, at, metadata }: Change,
  event: UserEvent,
): Promise<void> {
  if (event.type === 'user.metadata.set') {
    const { key } = event.payload;
    await connection.query(set, [userId, key, metadataValue(metadata, key), at.createdAt]);
  } else if (event.type === 'user.metadata.removed') {
    await connection.query(remove, [userId, event.payload.key]);
  } else if (event.type === 'user.removed') {
    await connection.query(removeAll, [userId]);
  }
}

const ofUser: Statement = {
  name: 'metadata_of_user',
  text: 'SELECT * FROM user_metadata WHERE user_id = $1 ORDER BY key',
};
const set: Statement = {
  name: 'set_metadata',
  text:
    'INSERT INTO user_metadata (user_id, key, value, created_at, changed_at) VALUES ($1,$2,$3,$4,$4) ' +
    'ON CONFLICT (user_id, key) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at',
};
const remove: Statement = {
  name: 'remove_metadata',
  text: 'DELETE FROM user_metadata WHERE user_id = $1 AND key = $2',
};
const removeAll: Statement = {
  name: 'remove_all_metadata',
  text: 'DELETE FROM user_metadata WHERE user_id = $1',
};
