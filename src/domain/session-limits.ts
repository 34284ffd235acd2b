import { DomainError } from './errors.ts';
import { parseText } from './ids.ts';
import type { SessionUserAgent } from './session.ts';

/** What a session may hold of the caller's; docs/limits.md names the same numbers. */
const sessionLimits = {
  metadataEntries: 50,
  metadataKeyLength: 200,
  /** Of all keys and values together. */
  metadataBytes: 4_096,
  userAgentTextLength: 500,
  userAgentHeaders: 50,
  /** Of all names and values together. */
  userAgentHeaderBytes: 4_096,
  lifetimeSeconds: 31_536_000,
} as const;

type Metadata = Readonly<Record<string, string>>;

/** Entries take the place of those of the same key, an empty value takes its entry away. Throws fieldInvalid. */
export function mergeMetadata(before: Metadata, change: Metadata): Metadata {
  const merged = { ...before, ...change };
  const entries = Object.entries(merged).filter(([, value]) => value !== '');
  if (entries.length > sessionLimits.metadataEntries)
    throw invalid('metadata', `at most ${sessionLimits.metadataEntries} entries`);
  let bytes = 0;
  for (const [key, value] of entries) {
    requireKey(key);
    // Values are base64: three bytes in four characters.
    bytes += utf8Length(key) + Math.floor((value.replace(/=+$/, '').length * 3) / 4);
  }
  if (bytes > sessionLimits.metadataBytes) {
    throw invalid('metadata', `keys and values of at most ${sessionLimits.metadataBytes} bytes together`);
  }
  return Object.fromEntries(entries);
}

/** Texts and headers within their limits. Throws fieldInvalid. */
export function parseUserAgent(userAgent: SessionUserAgent): SessionUserAgent {
  const { fingerprintId = '', ip = '', description = '', header = {} } = userAgent;
  for (const [name, text] of Object.entries({ fingerprint_id: fingerprintId, ip, description })) {
    parseText(text, `user_agent.${name}`);
    if ([...text].length > sessionLimits.userAgentTextLength) {
      throw invalid(`user_agent.${name}`, `at most ${sessionLimits.userAgentTextLength} characters`);
    }
  }
  const headers = Object.entries(header);
  if (headers.length > sessionLimits.userAgentHeaders)
    throw invalid('user_agent.header', `at most ${sessionLimits.userAgentHeaders} headers`);
  let bytes = 0;
  for (const [name, values] of headers) {
    for (const text of [name, ...values]) bytes += utf8Length(parseText(text, 'user_agent.header'));
    // An empty value costs room as well.
    bytes += values.length;
  }
  if (bytes > sessionLimits.userAgentHeaderBytes) {
    throw invalid('user_agent.header', `at most ${sessionLimits.userAgentHeaderBytes} bytes together`);
  }
  return userAgent;
}

/** Nanoseconds → milliseconds, a fraction of one counting as a whole. Throws fieldInvalid over the maximum. */
export function parseLifetime(nanos: bigint): number {
  if (nanos > 0n && nanos <= BigInt(sessionLimits.lifetimeSeconds) * 1_000_000_000n) {
    return Math.ceil(Number(nanos) / 1e6);
  }
  throw invalid('lifetime', `more than 0 and at most ${sessionLimits.lifetimeSeconds} seconds`);
}

function requireKey(key: string): void {
  const length = [...parseText(key, 'metadata')].length;
  const max = sessionLimits.metadataKeyLength;
  if (length === 0 || length > max) throw invalid('metadata', `keys of 1 to ${max} characters`);
}

function invalid(field: string, rule: string): DomainError {
  return new DomainError('fieldInvalid', { text: `${field}: must be ${rule}` });
}

// Without an encoder, which the domain does not have: by the ranges of RFC 3629, section 3.
function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return bytes;
}
