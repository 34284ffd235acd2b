import { DomainError } from '../../domain/errors.ts';
import type { Store, StoreReport } from '../store.ts';
import { asStoreError } from './error.ts';
import type { Trouble } from './writer-thread.ts';

/** What stands between a store and its callers while the writer's thread knows of trouble. */
export interface Gate {
  readonly onTrouble: (trouble: Trouble | undefined) => void;
  readonly onEnd: (error: unknown) => void;
  /** Throws storeUnavailable while what is read may not be what the next start finds. */
  readonly requireOpen: () => void;
  /** The same store, of which the reads that come by no snapshot pass the gate as well. */
  readonly reads: (store: Store) => Store;
}

/** Open at first. */
export function createGate(onReport: (report: StoreReport) => void = () => undefined): Gate {
  let known: Trouble | undefined;
  const requireOpen = () => {
    if (known?.stopsReads) throw failureOf(known);
  };
  const gated =
    <Arguments extends readonly unknown[], Answer>(read: (...asked: Arguments) => Promise<Answer>) =>
    async (...asked: Arguments): Promise<Answer> => {
      requireOpen();
      return read(...asked);
    };
  return {
    requireOpen,
    onTrouble(trouble) {
      known = trouble;
      if (trouble === undefined) onReport({ level: 'info', text: 'the database can be written to again' });
      else onReport({ level: 'error', text: trouble.message });
    },
    onEnd(error) {
      const why = error instanceof Error ? error.message : String(error);
      onReport({ level: 'fatal', text: `the thread that writes to the database ended too often: ${why}` });
    },
    reads(store) {
      const reads = Object.entries(store).filter(([name]) => isRead.test(name) && !bySnapshot.has(name));
      return { ...store, ...Object.fromEntries(reads.map(([name, read]) => [name, gated(read)])) };
    },
  };
}

/** By their names: also what the store learns one day. */
const isRead = /^(load|find|list|count|sum|freeze)/;
const bySnapshot: ReadonlySet<string> = new Set(['loadToken', 'loadUser'] satisfies (keyof Store)[]);

function failureOf({ message, errcode }: Trouble): unknown {
  const cause = Object.assign(new Error(message), { errcode });
  const error = asStoreError(cause);
  return error === cause ? new DomainError('storeUnavailable', { cause }) : error;
}
