import type { Answer } from '../answer.ts';
import { openWire } from '../wire.ts';
import { type Ask, askBare, type Form } from './bare.ts';
import { openConnectClients } from './connect.ts';
import { openGrpcJsClient } from './grpc-js.ts';

/** One way into the server: a client that puts a call into one dialect. */
export interface Dialect extends Form {
  readonly name: string;
  /** Who speaks it; `bare` is our own hand, byte by byte. */
  readonly client: 'bare' | 'connect-node' | 'grpc-js';
}

const json = { codec: 'json' } as const;
const proto = { codec: 'proto' } as const;
const rest = { ...json, frame: 'rest', url: 'rest', contentType: 'application/json' } as const;
const connect = { frame: 'connect', url: 'rpc' } as const;
const grpc = { http: 2, frame: 'grpc' } as const;
const web = { ...proto, frame: 'web' } as const;
const text = { ...proto, frame: 'web-text', url: 'rpc' } as const;
const node = { client: 'connect-node' } as const;
const bare = { client: 'bare' } as const;

const connectJson = { ...connect, ...json, ...node, contentType: 'application/json' } as const;
const connectProto = { ...connect, ...proto, ...node, contentType: 'application/proto' } as const;
const grpcProto = { ...grpc, ...proto, url: 'rpc', contentType: 'application/grpc+proto' } as const;
const grpcJson = { ...grpc, ...json, url: 'rpc', contentType: 'application/grpc+json' } as const;
const webProto = { ...web, url: 'rpc', contentType: 'application/grpc-web+proto' } as const;
const webJson = { ...webProto, ...json, contentType: 'application/grpc-web+json' } as const;
const grpcOnRest = { ...grpc, ...proto, ...bare, url: 'rest' } as const;
const webOnRest = { ...web, ...bare, url: 'rest' } as const;

/** Every dialect of the contract, by every client that we have for it. */
export const dialects: readonly Dialect[] = [
  { name: 'REST, HTTP/1.1', ...rest, ...bare, http: 1 },
  { name: 'REST, HTTP/2', ...rest, ...bare, http: 2 },
  { name: 'Connect JSON, HTTP/1.1', ...connectJson, http: 1 },
  { name: 'Connect JSON, HTTP/2', ...connectJson, http: 2 },
  { name: 'Connect proto, HTTP/1.1', ...connectProto, http: 1 },
  { name: 'Connect proto, HTTP/2', ...connectProto, http: 2 },
  { name: 'gRPC proto, bare', ...grpcProto, ...bare },
  { name: 'gRPC proto, bare, short content type', ...grpcProto, ...bare, contentType: 'application/grpc' },
  { name: 'gRPC proto, grpc-js', ...grpcProto, client: 'grpc-js' },
  { name: 'gRPC proto, connect-node', ...grpcProto, ...node },
  { name: 'gRPC JSON, connect-node', ...grpcJson, ...node },
  { name: 'gRPC-Web proto, HTTP/1.1', ...webProto, ...node, http: 1 },
  { name: 'gRPC-Web proto, HTTP/2', ...webProto, ...node, http: 2 },
  { name: 'gRPC-Web JSON, HTTP/1.1', ...webJson, ...node, http: 1 },
  { name: 'gRPC-Web text, HTTP/1.1', ...text, ...bare, http: 1, contentType: 'application/grpc-web-text' },
  {
    name: 'gRPC-Web text+proto, HTTP/2',
    ...text,
    ...bare,
    http: 2,
    contentType: 'application/grpc-web-text+proto',
  },
  { name: 'gRPC on the REST URL', ...grpcOnRest, contentType: 'application/grpc' },
  { name: 'gRPC+proto on the REST URL', ...grpcOnRest, contentType: 'application/grpc+proto' },
  { name: 'gRPC-Web on the REST URL', ...webOnRest, http: 1, contentType: 'application/grpc-web' },
  {
    name: 'gRPC-Web+proto on the REST URL',
    ...webOnRest,
    http: 1,
    contentType: 'application/grpc-web+proto',
  },
];

/** A client of each dialect, on connections that are kept until disposed. */
export interface Clients extends AsyncDisposable {
  ask(dialect: Dialect, ask: Ask): Promise<Answer>;
}

/** Connects each client when it is first asked. */
export function openClients(url: string): Clients {
  const all = new AsyncDisposableStack();
  const wire = all.use(openWire(url));
  const connectNode = all.use(openConnectClients(url));
  const grpcJs = all.use(openGrpcJsClient(url));
  return {
    ask(dialect, ask) {
      // No library sends what is not a message: the bytes, under the dialect's own content type, are sent by hand.
      if (dialect.client === 'bare' || ask.malformed) return askBare(wire, dialect, ask);
      return dialect.client === 'grpc-js' ? grpcJs.ask(ask) : connectNode.ask(dialect, ask);
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** REST, for tests that need just one way in. */
export const restDialect: Form = { ...rest, http: 1 };
