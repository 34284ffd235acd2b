import type { MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError, type ServiceImpl } from '@connectrpc/connect';
import {
  type HealthCheckResponseSchema,
  type Health as HealthService,
  HealthCheckResponse_ServingStatus as Status,
} from '../../gen/es/grpc/health/v1/health_pb.js';

export interface HealthOptions {
  /** Full names of the services that the server serves; all of them are as ready as the server itself. */
  readonly services: readonly string[];
  /** Whether a call would be served now. Has its own limit in time; a rejection means no. */
  readonly isReady: () => Promise<boolean>;
  /** Watch streams open at once; the next one is refused with RESOURCE_EXHAUSTED. */
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
export function createHealth(options: HealthOptions): Health {
  const known = new Set(['', ...options.services]);
  const wakers = new Set<() => void>();
  let isServing = false;
  let isStopped = false;
  let watches = 0;
  let timer: NodeJS.Timeout | undefined;

  const wakeAll = (): void => {
    for (const wake of wakers) wake();
  };
  const refresh = async (): Promise<void> => {
    const isReady = await options.isReady().catch(() => false);
    if (isReady === isServing) return;
    isServing = isReady;
    wakeAll();
  };
  const statusOf = (service: string): Status => {
    if (!known.has(service)) return Status.SERVICE_UNKNOWN;
    return isServing && !isStopped ? Status.SERVING : Status.NOT_SERVING;
  };
  const poll = (): void => {
    clearTimeout(timer);
    const isWanted = watches > 0 && !isStopped;
    timer = isWanted ? setTimeout(() => void refresh().then(poll), options.pollMs).unref() : undefined;
  };

  async function* watch(service: string, signal: AbortSignal): AsyncGenerator<Response> {
    if (watches >= options.watchesMax) throw new ConnectError('too many watches', Code.ResourceExhausted);
    watches += 1;
    try {
      await refresh();
      if (timer === undefined) poll();
      for (let last: Status | undefined; !signal.aborted; ) {
        const status = statusOf(service);
        if (status === last && isStopped) return;
        if (status === last) await nextChange(wakers, signal);
        // While this one is taken by the client the next may come: only the newest counts.
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
        await refresh();
        return { status: statusOf(service) };
      },
      async list() {
        await refresh();
        const statuses = [...known].map((service): [string, Response] => [
          service,
          { status: statusOf(service) },
        ]);
        return { statuses: Object.fromEntries(statuses) };
      },
      watch: ({ service }, { signal }) => watch(service, signal),
    },
    refresh,
    shutdown() {
      isStopped = true;
      clearTimeout(timer);
      wakeAll();
    },
  };
}

/** Resolves when a status may have changed, or when the call is over. */
function nextChange(wakers: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      wakers.delete(wake);
      signal.removeEventListener('abort', wake);
      resolve();
    };
    wakers.add(wake);
    signal.addEventListener('abort', wake);
  });
}
