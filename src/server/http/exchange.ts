import type { IncomingHttpHeaders } from 'node:http';
import type { ConnectError, ContextValues } from '@connectrpc/connect';
import type { UniversalServerRequest, UniversalServerResponse } from '@connectrpc/connect/protocol';
import type { RequestInfo } from '../../rpc/request-info.ts';
import type { BodyBudget } from './body-buffer.ts';
import type { ClientAddressOf } from './client-address.ts';
import { type CorsPolicy, corsHeaders } from './cors.ts';

/** What a dialect answers with: pure data, whatever the HTTP version. */
export interface Reply {
  readonly status: number;
  /** Names in lower case and values, in turn; neither `date` nor `content-length`, which the exchange adds. */
  readonly headers: readonly string[];
  readonly body: Uint8Array | undefined;
  /** Names in lower case and values, in turn. */
  readonly trailers: readonly string[] | undefined;
}

/** Who is told of the request's body: one of the first two, once, unless the client leaves before. */
export interface BodySink {
  onBody(body: Buffer): void;
  onBodyRefused(error: ConnectError): void;
  /** The connection or stream is closed: after the answer as a matter of course, before it because the client left. */
  onClosed(): void;
}

/** One HTTP request and the one answer to it, the same for HTTP/1.1 and HTTP/2. */
export interface Exchange extends RequestInfo {
  readonly httpVersion: '1.0' | '1.1' | '2';
  /** Why this is no request of HTTP that this server may serve, in a sentence for its sender; undefined: it is one. */
  readonly flaw: Flaw | undefined;
  /** Whether it names a condition that can fail: see condition.ts. */
  readonly isConditional: boolean;
  readonly verb: string;
  /** The raw request target: path and query, as sent. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly scheme: string;
  readonly authority: string;
  /**
   * Names who is told, before it is known who calls: a small body is gathered meanwhile, as it is in most cases here
   * already; a larger one waits outside, as far as the HTTP version lets it. Nothing of it is looked at.
   */
  hold(sink: BodySink): void;
  /** The whole body, please: now, where it is here. More than `bytesMax` of it is refused with ResourceExhausted. */
  readBody(bytesMax: number): void;
  /** Sends the one answer; to HEAD without its body, but with the length of it. Does nothing where the client is gone. Throws where HTTP cannot carry it. */
  answer(reply: Reply): void;
  /** Ends what cannot be answered as it should: with a bare 500, or cut off where an answer has begun. Never throws. */
  abandon(): void;
}

/** What RFC 9110 or the RFC of the version of HTTP forbids of a request, though it could be read. */
export interface Flaw {
  readonly status: 400 | 421 | 505;
  readonly text: string;
}

/** What every exchange of one door shares. */
export interface ExchangePolicy {
  /** Names the request, given the `x-request-id` that came with it. */
  readonly requestId: (incoming: string | undefined) => string;
  /** The address to believe, given the peer's own and what the forwarding header claims. */
  readonly clientAddress: ClientAddressOf;
  readonly forwardingHeader: 'x-forwarded-for' | 'forwarded';
  readonly cors: CorsPolicy;
  /** What the bodies of all exchanges may hold at once. */
  readonly bodies: BodyBudget;
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

/** Request headers as the Fetch API has them. */
export function asHeaders(from: IncomingHttpHeaders): Headers {
  const headers = new Headers();
  for (const name in from) {
    const value = from[name];
    if (Array.isArray(value)) for (const item of value) headers.append(name, item);
    else if (value !== undefined) headers.append(name, value);
  }
  return headers;
}

/** How much of a refused body is read and thrown away before the connection is cut: a client that is still sending would else miss the answer. */
export const discardBytesMax: number = 262_144;
/** And in how many pieces: each costs by itself, however small. */
export const discardChunksMax = 256;

/** An exchange that Connect's own server can take: where it does, neither `readBody` nor `answer` has been called. */
export interface UniversalExchange extends Exchange {
  /** Whether a valid token was seen on its connection before. */
  readonly isProven: boolean;
  /** The request as that server takes it. Called once at most. */
  universalRequest(contextValues: ContextValues): UniversalServerRequest;
  /** Counts bytes that it will hold until it is closed; false where there is no room for them. */
  reserve(bytes: number): boolean;
  /** Turns it away unheard, in the words of its version of HTTP that let a client try again. */
  refuse(): void;
  /** Sends what it answers, as fast as the client takes it. Rejects with ConnectError Aborted where the client is gone. */
  answerUniversal(response: UniversalServerResponse): Promise<void>;
}

/** One line of the log: what happened, and the facts. */
export type Log = (event: string, fields: Readonly<Record<string, unknown>>) => void;
