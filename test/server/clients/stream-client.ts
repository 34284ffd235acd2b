import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import type { Readable, Writable } from 'node:stream';
import { envelope, envelopes } from '../dialect-cases.ts';

/** One way to carry a stream, byte by byte, with none of the code under test. */
export interface StreamForm {
  readonly http: 1 | 2;
  readonly contentType: string;
  readonly timeoutHeader: 'grpc-timeout' | 'connect-timeout-ms';
}

const types = [
  'application/grpc',
  'application/grpc+json',
  'application/grpc-web+proto',
  'application/grpc-web-text',
  'application/connect+proto',
  'application/connect+json',
];

/** Every dialect over every version of HTTP. */
export const streamForms: readonly StreamForm[] = types.flatMap((contentType) =>
  ([1, 2] as const).map((version): StreamForm => {
    const timeoutHeader = contentType.includes('connect') ? 'connect-timeout-ms' : 'grpc-timeout';
    return { http: version, contentType, timeoutHeader };
  }),
);

/** A stream that is open. */
export interface OpenStream {
  /** Resolves with the first headers of the answer. */
  readonly head: Promise<Readonly<Record<string, unknown>>>;
  /** Resolves with what the stream ended with: a number of gRPC, a name of Connect, `ok`, or `none`. */
  readonly end: Promise<string>;
  /** Resolves once so many messages are here. */
  messages(count: number): Promise<readonly Buffer[]>;
  close(): void;
}

/** What to open. */
export interface StreamCall {
  readonly path: string;
  /** In the codec of the form; without one the request stays open and says nothing. */
  readonly message?: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Opens it on a connection of its own. */
export function openStream(url: string, form: StreamForm, call: StreamCall): OpenStream {
  const headers = { 'content-type': form.contentType, ...call.headers };
  if (form.http === 1) {
    const { request: open } = url.startsWith('https:') ? https : http;
    const req = open(`${url}${call.path}`, { method: 'POST', headers, agent: false });
    const res = once(req, 'response').then(([found]) => found as http.IncomingMessage);
    const opened = res.then((body) => ({
      head: { ...body.headers },
      body,
      trailers: () => body.trailers as Record<string, unknown>,
    }));
    return follow(form, call, { request: req, opened, close: () => req.destroy() });
  }
  const session = http2.connect(url).on('error', () => undefined);
  const stream = session.request({ ...headers, ':method': 'POST', ':path': call.path }, { endStream: false });
  let trailers: Record<string, unknown> = {};
  stream.on('trailers', (found) => {
    trailers = found;
  });
  const opened = once(stream, 'response').then(([head]) => ({
    head,
    body: stream,
    trailers: () => trailers,
  }));
  return follow(form, call, { request: stream, opened, close: () => session.destroy() });
}

interface Carrier {
  readonly request: Writable;
  readonly opened: Promise<{
    readonly head: Readonly<Record<string, unknown>>;
    readonly body: Readable;
    readonly trailers: () => Readonly<Record<string, unknown>>;
  }>;
  readonly close: () => void;
}

function follow(form: StreamForm, call: StreamCall, { request, opened, close }: Carrier): OpenStream {
  request.on('error', () => undefined);
  if (call.message !== undefined) {
    const sent = envelope(call.message);
    request.end(isText(form) ? sent.toString('base64') : sent);
  } else if ('flushHeaders' in request) (request as http.ClientRequest).flushHeaders();
  const chunks: Buffer[] = [];
  const body = (): Buffer => {
    if (!isText(form)) return Buffer.concat(chunks);
    // Each piece is padded for itself.
    const pieces =
      Buffer.concat(chunks)
        .toString('latin1')
        .match(/[^=]+=*/g) ?? [];
    return Buffer.concat(pieces.map((piece) => Buffer.from(piece, 'base64')));
  };
  let wake = (): void => undefined;
  const end = opened.then(async (answer) => {
    answer.body.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      wake();
    });
    answer.body.on('error', () => undefined);
    await new Promise((resolve) => answer.body.once('close', resolve));
    return endOf(form, body(), { ...answer.head, ...answer.trailers() });
  });
  return {
    head: opened.then(({ head }) => head),
    end,
    async messages(count) {
      for (;;) {
        const found = envelopes(body()).filter(({ flags }) => (flags & 0x82) === 0);
        if (found.length >= count) return found.map(({ bytes }) => bytes);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    close,
  };
}

const isText = ({ contentType }: StreamForm): boolean => contentType.includes('-text');

function endOf({ contentType }: StreamForm, body: Buffer, fields: Readonly<Record<string, unknown>>): string {
  if (/^application\/grpc($|\+)/.test(contentType)) return String(fields['grpc-status'] ?? 'none');
  const last = envelopes(body)
    .findLast(({ flags }) => (flags & 0x82) !== 0)
    ?.bytes.toString();
  if (last === undefined) return 'none';
  if (contentType.includes('web')) return /grpc-status: (\d+)/.exec(last)?.[1] ?? 'none';
  return (JSON.parse(last) as { error?: { code: string } }).error?.code ?? 'ok';
}
