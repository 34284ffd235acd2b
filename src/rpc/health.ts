import type { MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError, type ServiceImpl } from '@connectrpc/connect';
import {
  type HealthCheckResponseSchema,
  type Health as HealthService,
  HealthCheckResponse_ServingStatus as Status,
} from '../../gen/es/grpc/health/v1/health_pb.js';
import { createStreamLimit, sharerByAddress } from './limits/stream-limit.ts';

export interface HealthOptions {
  /** Full names of the services that the server serves; all of them are as ready as the server itself. */
  readonly services: readonly string[];
  /** Whether a call would be served now. Has its own limit in time; a rejection means no. */
  readonly isReady: () => Promise<boolean>;
  /** Watch streams open at once, shared among addresses; the next one is refused with RESOURCE_EXHAUSTED. */
  readonly watchesMax: number;
  /** How often `isReady` is asked while anybody watches. */
  readonly pollMs: number;
}

/** `grpc.health.v1`, and what the server does to it. */
export interface Health {
  readonly service: ServiceImpl<typeof HealthService>;
  /** Asks `isReady` now and tells the watchers where the answer is new. Never rejects. */
  refresh(): Promise<void>;
  /** NOT_SERVING from here on, told to every watcher as its last message. */
  shutdown(): void;
}

type Response = MessageInitShape<typeof HealthCheckResponseSchema>;

/** Makes the health service. It holds a timer only while somebody watches. */
export function createHealth({ services, isReady, watchesMax, pollMs }: HealthOptions): Health {
  const known = new Set(['', ...services]);
  const readiness = createReadiness(isReady);
  const statusOf = (service: string): Status => {
    if (!known.has(service)) return Status.SERVICE_UNKNOWN;
    return readiness.isServing ? Status.SERVING : Status.NOT_SERVING;
  };
  const limit = createStreamLimit(watchesMax);
  let watches = 0;
  let timer: NodeJS.Timeout | undefined;
  const poll = (): void => {
    clearTimeout(timer);
    const isWanted = watches > 0 && !readiness.isStopped;
    timer = isWanted ? setTimeout(() => void readiness.refresh().then(poll), pollMs).unref() : undefined;
  };

  async function* watch(service: string, signal: AbortSignal): AsyncGenerator<Response> {
    watches += 1;
    try {
      await readiness.refresh();
      if (timer === undefined) poll();
      for (let last: Status | undefined; !signal.aborted; ) {
        const status = statusOf(service);
        // After the last word, no end as if all had been said: who watches is to ask another server.
        if (status === last && readiness.isStopped)
          throw new ConnectError('the server is shutting down', Code.Unavailable);
        if (status === last) await readiness.nextChange(signal);
        // While the client takes this one the next may come, and a third: only the newest counts.
        else yield { status };
        last = status;
      }
    } finally {
      watches -= 1;
      if (watches === 0) poll();
    }
  }

  return {
    service: {
      async check({ service }) {
        if (!known.has(service)) throw new ConnectError('unknown service', Code.NotFound);
        await readiness.refresh();
        return { status: statusOf(service) };
      },
      async list() {
        await readiness.refresh();
        const statuses = [...known].map((name): [string, Response] => [name, { status: statusOf(name) }]);
        return { statuses: Object.fromEntries(statuses) };
      },
      watch: ({ service }, { signal, values }) =>
        limit(() => watch(service, signal), sharerByAddress(values)),
    },
    refresh: readiness.refresh,
    shutdown() {
      readiness.stop();
      poll();
    },
  };
}

/** The newest answer of `isReady`, and who waits for another. */
interface Readiness {
  readonly isServing: boolean;
  readonly isStopped: boolean;
  refresh(): Promise<void>;
  stop(): void;
  /** Resolves when the answer may have changed, or when the call is over. */
  nextChange(signal: AbortSignal): Promise<void>;
}

function createReadiness(isReady: () => Promise<boolean>): Readiness {
  const wakers = new Set<() => void>();
  let answer = false;
  let isStopped = false;
  const wakeAll = (): void => {
    for (const wake of wakers) wake();
  };
  return {
    get isServing() {
      return answer && !isStopped;
    },
    get isStopped() {
      return isStopped;
    },
    async refresh() {
      const newest = await isReady().catch(() => false);
      if (newest === answer) return;
      answer = newest;
      wakeAll();
    },
    stop() {
      isStopped = true;
      wakeAll();
    },
    nextChange(signal) {
      return new Promise((resolve) => {
        const wake = (): void => {
          wakers.delete(wake);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        wakers.add(wake);
        signal.addEventListener('abort', wake);
      });
    },
  };
}
