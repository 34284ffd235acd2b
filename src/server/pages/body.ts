import { Code, ConnectError } from '@connectrpc/connect';
import type { Exchange } from '../http/exchange.ts';

const bytesMax = 16_384;
const timeoutMs = 10_000;

/** The whole body as a JSON object: 16 KiB and 10 seconds at most. Rejects with ConnectError. */
export async function readJson(exchange: Exchange): Promise<Readonly<Record<string, unknown>>> {
  const value = parseJson((await wholeBody(exchange)).toString('utf8'));
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw new ConnectError('the body must be a JSON object', Code.InvalidArgument);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function wholeBody(exchange: Exchange): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const refuse = (text: string, code: Code) => () => reject(new ConnectError(text, code));
  const timer = setTimeout(refuse('the body took too long', Code.DeadlineExceeded), timeoutMs);
  exchange.hold({
    onBody: resolve,
    onBodyRefused: reject,
    onClosed: refuse('the client went away', Code.Canceled),
  });
  exchange.readBody(bytesMax);
  return promise.finally(() => clearTimeout(timer));
}
