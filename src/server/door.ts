import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Registry } from '@bufbuild/protobuf';
import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import type { CorsPolicy } from './cors.ts';
import { createDialectTable } from './dialects/table.ts';
import { createDispatch } from './dispatch.ts';
import type { ExchangePolicy, Log } from './exchange.ts';
import { Http1Exchange } from './http1/exchange.ts';
import { Http2Exchange } from './http2/exchange.ts';
import type { Http2Stream } from './http2/stream.ts';
import { BodyBudget } from './lane/body-buffer.ts';
import { Deadlines } from './lane/deadline.ts';
import { Lane } from './lane/lane.ts';
import { type ClientAddressOptions, createClientAddress } from './port/client-address.ts';
import type { ProbeDeps } from './probes.ts';
import { createRequestIds } from './request-id.ts';
import { createMethodTable, type MountedService } from './routes/method-table.ts';
import { createAdapter } from './streams/adapter.ts';

/** What the listener hands requests to: one entry for each HTTP version, both ending in the same handlers. */
export interface Door {
  /** Takes one HTTP/1.1 request. Never throws. */
  handleRequest(req: IncomingMessage, res: ServerResponse): void;
  /** Takes one HTTP/2 stream. Never throws. */
  handleStream(stream: Http2Stream): void;
}

/** What stands behind the door, and its limits. */
export interface DoorOptions extends ProbeDeps {
  readonly services: readonly MountedService[];
  /** The one list, for all dialects; the first is the outermost. */
  readonly interceptors: readonly Interceptor[];
  readonly cors: CorsPolicy;
  readonly clientAddress: ClientAddressOptions;
  readonly log: Log;
  /** One message, compressed and not. */
  readonly bodyBytesMax?: number;
  /** All bodies together, while they come and until they are answered; twice `bodyBytesMax` at least. */
  readonly bodiesBytesMax?: number;
  /** One message of a stream; default `bodyBytesMax`. */
  readonly streamMessageBytesMax?: number;
  /** For calls that name no deadline. */
  readonly defaultTimeoutMs?: number;
  readonly timeoutMsMax?: number;
  /** For `google.protobuf.Any` in JSON. */
  readonly jsonRegistry?: Registry;
}

/** A door with its clock and its streams. */
export interface OpenDoor extends Door {
  /** Unary calls that are not answered yet. */
  readonly callsInFlight: number;
  /** Ends the streaming calls, which would else outlast any drain. */
  endStreams(): void;
  /** Stops the clock, once the listener is closed. */
  close(): void;
}

/** Opens the way from bytes to handlers. Throws where two services or routes collide. */
export function createDoor(options: DoorOptions): OpenDoor {
  const { services, interceptors, log, jsonRegistry, bodiesBytesMax = 128 * 1_048_576 } = options;
  const { bodyBytesMax = 1_048_576, defaultTimeoutMs = 30_000, timeoutMsMax = 300_000 } = options;
  const deadlines = new Deadlines({ defaultTimeoutMs, timeoutMsMax });
  const shutdown = new AbortController();
  const dispatch = createDispatch({
    methods: createMethodTable(services, interceptors),
    dialects: createDialectTable(jsonRegistry),
    lane: new Lane({ messageBytesMax: bodyBytesMax, deadlines, log }),
    adapter: createAdapter({
      services,
      interceptors,
      messageBytesMax: options.streamMessageBytesMax ?? bodyBytesMax,
      timeoutMsMax: deadlines.timeoutMsMax,
      defaultTimeoutMs,
      shutdownSignal: shutdown.signal,
      jsonRegistry,
      log,
    }),
    cors: options.cors,
    probes: options,
    log,
  });
  const policy: ExchangePolicy = {
    requestId: createRequestIds(),
    clientAddress: createClientAddress(options.clientAddress),
    forwardingHeader: options.clientAddress.header ?? 'x-forwarded-for',
    cors: options.cors,
    bodies: new BodyBudget(Math.max(bodiesBytesMax, 2 * bodyBytesMax)),
  };
  return {
    handleRequest: (req, res) => dispatch(new Http1Exchange(req, res, policy)),
    handleStream: (stream) => dispatch(new Http2Exchange(stream, policy)),
    get callsInFlight() {
      return deadlines.count;
    },
    endStreams() {
      shutdown.abort(new ConnectError('the server is shutting down', Code.Unavailable));
    },
    close() {
      deadlines.close();
    },
  };
}
