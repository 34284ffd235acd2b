import type { IncomingHttpHeaders } from 'node:http';
import type { DescMethodUnary, Message } from '@bufbuild/protobuf';
import type { ConnectError } from '@connectrpc/connect';
import type { Exchange, Reply } from '../http/exchange.ts';
import type { RouteMatch } from '../routes/http-rule.ts';

/** A REST route and the values of its variables. */
export type FoundRoute = Extract<RouteMatch, { kind: 'found' }>;

/** What a dialect sees of a call. */
export interface DialectCall {
  readonly method: DescMethodUnary;
  readonly exchange: Exchange;
  /** The REST route that the path matched, where it was a REST path. */
  readonly match: FoundRoute | undefined;
  /** What the handler set, where it set anything. */
  readonly sentHeader: Headers | undefined;
  readonly sentTrailer: Headers | undefined;
}

/**
 * One way to write a unary call on HTTP: a translation in and a translation out. Neither waits, neither sends; the lane
 * between them is the same for all. Each dialect's file has these functions, in this order.
 */
export interface Dialect {
  readonly protocolName: 'connect' | 'grpc' | 'grpc-web' | 'rest';
  /** Of the answer to a call that succeeds. */
  readonly contentType: string;
  /** The headers that name the encoding of a message, and those that its sender takes in return. */
  readonly encodingHeader: string;
  readonly acceptEncodingHeader: string;
  /**
   * The message where the target holds it and not the body: Connect's GET alone. Throws ConnectError InvalidArgument.
   */
  readQuery?(target: string): QueryMessage;
  /** How large a body may be that holds one message of `messageBytesMax`. */
  bodyBytesMax(messageBytesMax: number): number;
  /** How long the client waits; undefined where it does not say. Throws ConnectError InvalidArgument. */
  timeoutMs(headers: IncomingHttpHeaders): number | undefined;
  /** The bytes of the request message within the body, compressed or not. Throws ConnectError. */
  unwrap(body: Buffer, messageBytesMax: number): Payload;
  /** Throws ConnectError InvalidArgument. */
  decode(call: DialectCall, bytes: Uint8Array): Message;
  encode(call: DialectCall, message: Message): Uint8Array;
  /** `encoding` names what `bytes` are compressed with. */
  success(call: DialectCall, bytes: Uint8Array, encoding: string | undefined): Reply;
  failure(call: DialectCall, error: ConnectError): Reply;
}

/** A message that stands in the query, and the encoding that it names. */
export interface QueryMessage {
  readonly bytes: Buffer;
  readonly encoding: string | undefined;
}

/** One message as it came. */
export interface Payload {
  readonly bytes: Uint8Array;
  /** Whether the dialect allows that the encoding header speaks of these bytes. */
  readonly isCompressed: boolean;
}
