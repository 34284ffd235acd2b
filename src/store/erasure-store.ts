import type { RecordedEvent } from '../domain/events.ts';
import type { UserId } from '../domain/ids.ts';

/** What the memory does to forget somebody. The event `user.erased` begins an erasure, in one change with the row of it. */
export interface ErasureStore {
  /** Erasures that may have left something, the oldest first. */
  listErasures(): Promise<readonly Erasure[]>;
  /** Writes payload and meta of events over what stands in their places; all of them or none. */
  rewriteEvents(events: readonly RecordedEvent[]): Promise<void>;
  /**
   * What was written over or deleted stands in no file that the store itself writes to. False: somebody still reads what
   * was there before; ask again.
   */
  dropOverwritten(): Promise<boolean>;
  /** Nothing is left to be done. */
  endErasure(userId: UserId): Promise<void>;
}

export interface Erasure {
  readonly userId: UserId;
  /** Milliseconds since 1970, UTC; of the newest, where the id was used and erased more than once. */
  readonly erasedAt: number;
}
