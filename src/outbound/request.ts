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
  /** Whose turn it takes where names are resolved. Default: the operator's. */
  readonly owner?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** 'dropped': the answer's head decides, however its body ends; it is read, and no more of it than is allowed. */
  readonly answerBody?: 'dropped';
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

/** No whole answer came in time. */
export class OutboundTimeout extends Error {
  override readonly name = 'OutboundTimeout';

  constructor(timeoutMs: number) {
    super(`no whole answer within ${timeoutMs} ms`);
  }
}

const noAnswer = (): Error =>
  Object.assign(new Error('the connection ended without an answer'), { code: 'ERR_INVALID_HTTP_ANSWER' });

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
  // A connection that becomes something else (101) or ends otherwise without an answer is no error to Node.
  req
    .on('close', () => reject(noAnswer()))
    .on('error', reject)
    .end(body);
  try {
    const res = await promise;
    return { status: res.statusCode ?? 0, headers: res.headers, body: await bodyOf(res, request) };
  } catch (error) {
    if (timeout.aborted) throw new OutboundTimeout(timeoutMs);
    throw req.socket?.errored ?? error;
  } finally {
    req.destroy();
  }
}

async function bodyOf(res: IncomingMessage, { answerBody, signal }: OutboundRequest): Promise<Buffer> {
  if (answerBody !== 'dropped') return readBody(res);
  await readBody(res).catch(() => signal?.throwIfAborted());
  return Buffer.alloc(0);
}

async function readBody(res: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of res as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > answerBytesMax) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
