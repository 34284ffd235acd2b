import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { Code, ConnectError } from '@connectrpc/connect';
import type { RequestInfo } from '../rpc/request-info.ts';
import type { ClientAddressOf } from './client-address.ts';
import { type CorsPolicy, corsHeaders } from './cors.ts';

/** What a dialect answers with: pure data, whatever the HTTP version. */
export interface Reply {
  readonly status: number;
  /** Names in lower case and values, in turn; neither `date` nor `content-length`, which the exchange adds. */
  readonly headers: string[];
  readonly body: Uint8Array | undefined;
  readonly trailers: Trailers | undefined;
}

/** HTTP trailers by lower-case name. */
export type Trailers = Readonly<Record<string, string>>;

/** Who is told of the request's body: one of the first two, once, unless the client is gone before. */
export interface BodySink {
  onBody(body: Buffer): void;
  onBodyRefused(error: ConnectError): void;
  /** The connection or stream is closed: after the answer as a matter of course, before it because the client left. */
  onClosed(): void;
}

/** One HTTP request and the one answer to it, the same for HTTP/1.1 and HTTP/2. */
export interface Exchange extends RequestInfo {
  readonly httpVersion: '1.1' | '2';
  readonly verb: string;
  /** The raw request target: path and query, as sent. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly scheme: string;
  readonly authority: string;
  /** Reads the whole body; more than `bytesMax` of it is refused with ResourceExhausted. */
  readBody(bytesMax: number, sink: BodySink): void;
  /** Sends the one answer. Does nothing where the client is gone. */
  answer(reply: Reply): void;
}

/** What every exchange of one door shares. */
export interface ExchangePolicy {
  /** Names the request, given the `x-request-id` that came with it. */
  readonly requestId: (incoming: string | undefined) => string;
  /** The address to believe, given the peer's own and what the forwarding header claims. */
  readonly clientAddress: ClientAddressOf;
  readonly forwardingHeader: 'x-forwarded-for' | 'forwarded';
  readonly cors: CorsPolicy;
}

/** The headers of an answer that a browser's script wants to read, names and values in turn. */
export function corsPairs(policy: CorsPolicy, exchange: Exchange): string[] {
  const headers = corsHeaders(policy, headerOf(exchange.headers, 'origin'), exchange.authority);
  return headers === undefined ? [] : Object.entries(headers).flat();
}

/** A request header; repeated ones joined by ", ". */
export function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

/** The answer to a body beyond its limit. */
export function bodyTooLarge(bytesMax: number): ConnectError {
  return new ConnectError(`message is larger than ${bytesMax} bytes`, Code.ResourceExhausted);
}

/** How much of a refused body is read and thrown away before the connection is cut: a client that is still sending would else miss the answer. */
export const discardBytesMax: number = 8 * 1_048_576;

/** Gathers a body; one chunk, the usual case, is passed on without a copy. */
export class BodyBuffer {
  bytes = 0;
  #first: Buffer | undefined;
  #rest: Buffer[] | undefined;

  add(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.#first === undefined) this.#first = chunk;
    else if (this.#rest === undefined) this.#rest = [this.#first, chunk];
    else this.#rest.push(chunk);
  }

  whole(): Buffer {
    if (this.#rest !== undefined) return Buffer.concat(this.#rest, this.bytes);
    return this.#first ?? emptyBody;
  }
}

/** A body of no bytes. */
export const emptyBody: Buffer = Buffer.alloc(0);

/** An exchange that can also be seen as the pair of objects that Node's own handlers take. */
export interface NodeExchange extends Exchange {
  /** Called once at most, and never together with `readBody` or `answer`. */
  nodePair(): NodePair;
  /** Once the pair's answer is sent: throws away what is still to come of the request. */
  discardBodyAfterAnswer(): void;
  /** What every answer carries, whoever writes it: names and values in turn. */
  ownPairs(): readonly string[];
}

/** Request and response, of whichever version of HTTP. */
export type NodePair =
  | { readonly req: IncomingMessage; readonly res: ServerResponse }
  | { readonly req: Http2ServerRequest; readonly res: Http2ServerResponse };

/** One line of the log: what happened, and the facts. */
export type Log = (event: string, fields: Readonly<Record<string, unknown>>) => void;
