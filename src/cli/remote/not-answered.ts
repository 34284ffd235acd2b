import type { IncomingMessage } from 'node:http';
import { foreign } from './frames.ts';
import { CallFailed, status } from './status.ts';

/** Why an answer of HTTP is none of a server of this API; undefined where it may be one. */
export function refusalOf(response: IncomingMessage, url: URL): Promise<CallFailed> | undefined {
  const { statusCode, headers } = response;
  if (statusCode !== 200) return statusRefusal(response, url);
  const type = headers['content-type'] ?? 'none';
  // What stands between may refuse in headers alone, and as what it takes every kind of gRPC for.
  const wanted =
    headers['grpc-status'] === undefined
      ? /^application\/grpc-web(\+proto)?\s*(;|$)/i
      : /^application\/grpc\b/i;
  const isPacked = headers['content-encoding'] !== undefined;
  return wanted.test(type) && !isPacked ? undefined : Promise.resolve(foreign(`content-type ${type}`));
}

async function statusRefusal(response: IncomingMessage, url: URL): Promise<CallFailed> {
  const { statusCode, headers } = response;
  const said = `Received HTTP status code ${statusCode}`;
  const secure = url.protocol === 'http:' ? secureOrigin(headers.location, url) : undefined;
  if (secure !== undefined) return unavailable(`${said}, ${tlsAlone} at ${secure}`);
  const asksTls =
    statusCode === 400 && url.protocol === 'http:' && plainRefused.test(await firstOf(response));
  return unavailable(asksTls ? `${said}, ${tlsAlone}` : said);
}

const tlsAlone = 'it speaks TLS alone';

/** What Latchkey, nginx, Go and Apache say to who comes without TLS. */
const plainRefused = /speaks TLS|HTTPS (port|server)|SSL-enabled server port/i;

/** Where the same host is sent on to. */
function secureOrigin(location: string | undefined, { hostname }: URL): string | undefined {
  const to = location !== undefined && URL.canParse(location) ? new URL(location) : undefined;
  return to?.protocol === 'https:' && to.hostname === hostname ? to.origin : undefined;
}

/** The first that comes of the body, in the time that the call has. */
function firstOf(response: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    response.once('data', (piece: Buffer) => resolve(piece.toString('latin1')));
    for (const event of ['end', 'error', 'close']) response.once(event, () => resolve(''));
  });
}

/** Why no answer came, or not all of it. */
export function broken(error: Error, isProxied: boolean): CallFailed {
  const said = textOf(error);
  const { code = '', syscall = '', rawPacket } = error as Error & Said;
  const isOfProxy = code === 'ERR_PROXY_TUNNEL' || (isProxied && /^(connect|getaddrinfo)$/.test(syscall));
  if (isOfProxy) return unavailable(`The proxy: ${said}`);
  // RFC 8446, section 5.1: a record of an alert (21) or of a handshake (22).
  const isTls = rawPacket?.[1] === 3 && (rawPacket[0] === 21 || rawPacket[0] === 22);
  if (isTls) return unavailable(tlsAlone);
  return code.startsWith('HPE_') ? foreign(said) : unavailable(said);
}

/** What Node adds to an error. */
interface Said {
  readonly code?: string;
  readonly syscall?: string;
  /** What was no HTTP. */
  readonly rawPacket?: Buffer;
  /** Of each address that was tried. */
  readonly errors?: readonly Error[];
}

function textOf(error: Error): string {
  const { code, errors = [] } = error as Error & Said;
  return errors.map(textOf).join('; ') || error.message || String(code);
}

function unavailable(details: string): CallFailed {
  return new CallFailed({ code: status.UNAVAILABLE, details });
}
