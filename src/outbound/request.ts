import {
  type Agent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as requestPlain,
} from 'node:http';
import { request as requestSecure } from 'node:https';
import { answerBytesMax, tooLarge } from './agent.ts';

/** What is asked of another server. */
export interface OutboundRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** For all of it: name, connection, answer to its last byte. */
  readonly timeoutMs: number;
  /** Gives up at once when it is aborted. */
  readonly signal?: AbortSignal;
}

export interface OutboundAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Sends one request and reads the whole answer; a redirect is an answer like any other. Rejects with why there is none. */
export async function send(
  request: OutboundRequest,
  agentFor: (protocol: string) => Agent,
): Promise<OutboundAnswer> {
  const { url, method, headers, body, timeoutMs } = request;
  const { protocol } = new URL(url);
  if (protocol !== 'https:' && protocol !== 'http:') throw new Error('neither https nor http');
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = request.signal === undefined ? timeout : AbortSignal.any([timeout, request.signal]);
  const open = protocol === 'https:' ? requestSecure : requestPlain;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const req = open(url, { method, headers, agent: agentFor(protocol), signal }, resolve);
  req.on('error', reject).end(body);
  try {
    const res = await promise;
    return { status: res.statusCode ?? 0, headers: res.headers, body: await bodyOf(res) };
  } catch (error) {
    if (timeout.aborted) throw new Error(`no whole answer within ${timeoutMs} ms`, { cause: error });
    throw req.socket?.errored ?? error;
  } finally {
    req.destroy();
  }
}

async function bodyOf(res: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of res as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > answerBytesMax) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
