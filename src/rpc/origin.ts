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
 * percent-encoded where it is not ASCII. Throws fieldInvalid where it is over 500 characters or not UTF-8.
 */
export function readOrigin(info: RequestInfo): EventOrigin {
  const userAgent = info.header('user-agent');
  const traceparent = info.header('traceparent');
  const reason = info.header('latchkey-reason');
  return {
    requestId: info.requestId,
    ip: info.remoteAddress,
    ...(userAgent !== undefined && { userAgent: userAgent.slice(0, userAgentLengthMax) }),
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

function decodeReason(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw new DomainError('fieldInvalid', { text: 'latchkey-reason: must be percent-encoded UTF-8' });
  }
}
