import { DomainError } from '../domain/errors.ts';
import type { EventOrigin } from '../domain/events.ts';
import { parseText } from '../domain/ids.ts';
import type { RequestInfo } from './request-info.ts';

const userAgentLengthMax = 500;
const reasonLengthMax = 500;

// W3C Trace Context, section 3.2: version, trace id, parent id, flags.
const traceparentForm = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * From where and why, as every event of the call will say. The reason comes in the header `latchkey-reason`: text,
 * percent-encoded or UTF-8; a "%" that encodes nothing is one. Throws fieldInvalid where it is over 500 characters.
 */
export function readOrigin(info: RequestInfo): EventOrigin {
  const userAgent = info.header('user-agent');
  const traceparent = info.header('traceparent');
  const reason = info.header('latchkey-reason');
  return {
    requestId: info.requestId,
    ip: info.remoteAddress,
    ...(userAgent !== undefined && { userAgent: asUtf8(userAgent).slice(0, userAgentLengthMax) }),
    ...(traceparent !== undefined && traceparentForm.test(traceparent) && { traceparent }),
    ...(reason !== undefined && reason !== '' && { reason: parseReason(reason) }),
  };
}

function parseReason(encoded: string): string {
  const reason = decodeReason(encoded);
  if ([...reason].length > reasonLengthMax) {
    throw new DomainError('fieldInvalid', {
      text: `latchkey-reason: must be at most ${reasonLengthMax} characters long`,
    });
  }
  return parseText(reason, 'latchkey-reason');
}

// "100% sure" means what it says: only what is percent-encoded UTF-8 is decoded.
function decodeReason(encoded: string): string {
  return asUtf8(encoded).replace(/(?:%[0-9a-f]{2})+/gi, (part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A field's value comes as one character a byte (RFC 9110, section 5.5): what is UTF-8 is read as that. */
function asUtf8(value: string): string {
  if (!/\P{ASCII}/u.test(value)) return value;
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.toString('latin1') !== value) return value;
  try {
    return utf8.decode(bytes);
  } catch {
    return value;
  }
}
