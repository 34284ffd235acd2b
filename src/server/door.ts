import type { DescMethod, Registry } from '@bufbuild/protobuf';
import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { type DoorMeasures, unmeasured } from '../ops/measures.ts';
import { conditionFalse } from '../rpc/connect-error.ts';
import type { DeskService } from '../rpc/desk.ts';
import type { Rehearse } from './conditional.ts';
import { createDialectTable } from './dialects/table.ts';
import { createDispatch } from './dispatch.ts';
import { BodyBudget } from './http/body-buffer.ts';
import { type ClientAddressOptions, createClientAddress } from './http/client-address.ts';
import type { CorsPolicy } from './http/cors.ts';
import type { ExchangePolicy, Log } from './http/exchange.ts';
import { memoryShares } from './http/memory.ts';
import { createRequestIds } from './http/request-id.ts';
import { Http1Exchange } from './http1/exchange.ts';
import { Http2Exchange } from './http2/exchange.ts';
import { Deadlines } from './lane/deadline.ts';
import { Lane } from './lane/lane.ts';
import { createMethodTable, type MethodTable, pathOf } from './lane/method-table.ts';
import type { Pages } from './pages/page.ts';
import type { Door } from './port/listener.ts';
import type { ProbeDeps } from './probes.ts';
import { createAdapter } from './streams/adapter.ts';

/** What stands behind the door, and its limits. */
export interface DoorOptions extends ProbeDeps {
  readonly services: readonly DeskService[];
  /**
   * The same services, of which none changes anything: for calls that must not. The first change is refused with the
   * error conditionFalse. Asked for by the first such call. Default: such a call is refused at once.
   */
  readonly rehearsals?: () => readonly DeskService[];
  /** Run before the body is decompressed or decoded: who calls, and may they? The first is the outermost. */
  readonly headerInterceptors?: readonly Interceptor[];
  /** Run after them, with the message. */
  readonly interceptors: readonly Interceptor[];
  readonly cors: CorsPolicy;
  /** What is there beside the calls. Default: nothing. */
  readonly pages?: Pages;
  readonly clientAddress: ClientAddressOptions;
  readonly log: Log;
  /** One message of any method, compressed and not. */
  readonly bodyBytesMax?: number;
  /** One message of this method; `bodyBytesMax` where that is less. */
  readonly messageBytesMaxOf?: (method: DescMethod) => number;
  /** All bodies together, while they come and until they are answered; twice `bodyBytesMax` at least. */
  readonly bodiesBytesMax?: number;
  /** For calls that name no deadline. */
  readonly defaultTimeoutMs?: number;
  readonly timeoutMsMax?: number;
  /** Told of every answer. Default: nobody is. */
  readonly measures?: DoorMeasures;
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
  const {
    services,
    headerInterceptors = [],
    interceptors,
    log,
    jsonRegistry,
    bodiesBytesMax = memoryShares().bodiesBytes,
  } = options;
  const { bodyBytesMax = 262_144, defaultTimeoutMs = 30_000, timeoutMsMax = 300_000 } = options;
  const { measures = unmeasured } = options;
  const deadlines = new Deadlines({ defaultTimeoutMs, timeoutMsMax });
  const messageBytesMaxOf = (method: DescMethod) =>
    Math.min(bodyBytesMax, options.messageBytesMaxOf?.(method) ?? bodyBytesMax);
  const shutdown = new AbortController();
  const steps = { headerInterceptors, interceptors, messageBytesMaxOf };
  const dispatch = createDispatch({
    methods: createMethodTable(services, steps),
    rehearse: rehearsing(options, steps),
    dialects: createDialectTable(jsonRegistry),
    lane: new Lane({ deadlines, log }),
    adapter: createAdapter({
      services,
      // Of a stream, messages are decoded as they are asked for, and nobody asks before these have let it pass.
      interceptors: [...headerInterceptors, ...interceptors],
      messageBytesMaxOf,
      timeoutMsMax: deadlines.timeoutMsMax,
      shutdownSignal: shutdown.signal,
      jsonRegistry,
      measures,
      log,
    }),
    cors: options.cors,
    probes: options,
    pages: options.pages,
    measures,
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

function rehearsing({ rehearsals }: DoorOptions, steps: Parameters<typeof createMethodTable>[1]): Rehearse {
  let methods: MethodTable | undefined;
  return (method) => {
    methods ??= createMethodTable(rehearsals?.() ?? [], steps);
    return methods.byPath.get(pathOf(method))?.unary?.run ?? refuseUnheard;
  };
}

const refuseUnheard = () => Promise.reject(conditionFalse());
