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
    reads: (store) => ({
      ...store,
      loadPasswordHash: gated(store.loadPasswordHash),
      loadCode: gated(store.loadCode),
      loadMetadata: gated(store.loadMetadata),
      listErasures: gated(store.listErasures),
      loadOrganization: gated(store.loadOrganization),
      loadLockoutPolicies: gated(store.loadLockoutPolicies),
      loadSession: gated(store.loadSession),
      findLogins: gated(store.findLogins),
      listLocksOver: gated(store.listLocksOver),
      listUsers: gated(store.listUsers),
      listTokens: gated(store.listTokens),
      listGrants: gated(store.listGrants),
      listOrganizations: gated(store.listOrganizations),
      listEvents: gated(store.listEvents),
      listLockoutPolicies: gated(store.listLockoutPolicies),
      listSessions: gated(store.listSessions),
      loadRun: gated(store.loadRun),
      loadRunOfRequest: gated(store.loadRunOfRequest),
      listRuns: gated(store.listRuns),
      listRunsLeft: gated(store.listRunsLeft),
      listRunSlices: gated(store.listRunSlices),
      loadSubscription: gated(store.loadSubscription),
      listSubscriptions: gated(store.listSubscriptions),
      listSubscriptionsFree: gated(store.listSubscriptionsFree),
      countSubscriptions: gated(store.countSubscriptions),
    }),
  };
}

function failureOf({ message, errcode }: Trouble): unknown {
  const cause = Object.assign(new Error(message), { errcode });
  const error = asStoreError(cause);
  return error === cause ? new DomainError('storeUnavailable', { cause }) : error;
}
