import { invalid } from '../messages/invalid.ts';
import type { Dialect, QueryMessage } from './dialect.ts';

/** Connect's GET, for methods without side effects: as its POST, but the message stands in the query. */
export function createConnectGetDialect(post: Dialect): Dialect {
  return { ...post, readQuery };
}

/** `encoding` of the query: what the message is written in. */
export function codecNameOf(target: string): string | undefined {
  return parametersOf(target).get('encoding');
}

/** Throws ConnectError InvalidArgument where `message` is not as `base64` says. */
function readQuery(target: string): QueryMessage {
  const parameters = parametersOf(target);
  const message = textOf(parameters.get('message') ?? '');
  const encoding = parameters.get('compression');
  if (parameters.get('base64') !== '1') return { bytes: message, encoding };
  const text = message.toString('latin1');
  if (!base64.test(text)) throw invalid('message: not base64');
  return { bytes: Buffer.from(text, 'base64url'), encoding };
}

// RFC 4648 §5, and §4 for those who send it; padding may be left out.
const base64 = /^[A-Za-z0-9_\-+/]*={0,2}$/;

/** The first of each name; values as they were sent. */
function parametersOf(target: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  const queryAt = target.indexOf('?');
  if (queryAt === -1) return parameters;
  for (const pair of target.slice(queryAt + 1).split('&')) {
    const equals = pair.indexOf('=');
    const name = equals === -1 ? pair : pair.slice(0, equals);
    if (!parameters.has(name)) parameters.set(name, equals === -1 ? '' : pair.slice(equals + 1));
  }
  return parameters;
}

// Bytes, not text: a message in binary need not be UTF-8.
function textOf(value: string): Buffer {
  if (/%(?![0-9A-Fa-f]{2})/.test(value)) throw invalid('message: not percent-encoded');
  const plain = value.replaceAll('+', ' ');
  const bytes = plain.replaceAll(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1');
}
