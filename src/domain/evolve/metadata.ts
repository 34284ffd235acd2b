import type { UserEvent } from '../events.ts';
import type { MetadataFacts } from '../metadata.ts';

/** The fold of what is known of a user's metadata, in the order in which the keys were first set. */
export function evolveMetadata(
  before: readonly MetadataFacts[],
  event: UserEvent,
  changedAt: number,
): readonly MetadataFacts[] {
  switch (event.type) {
    case 'user.metadata.set': {
      const { key } = event.payload;
      const index = before.findIndex((entry) => entry.key === key);
      const createdAt = before[index]?.createdAt ?? changedAt;
      const entry = { ...event.payload, createdAt, changedAt };
      return index === -1 ? [...before, entry] : before.with(index, entry);
    }
    case 'user.metadata.removed':
      return before.filter(({ key }) => key !== event.payload.key);
    case 'user.removed':
      return before.length === 0 ? before : [];
    default:
      return before;
  }
}
