import { analyzeEmail } from '@hapi/address';
import { DomainError } from '../domain/errors.ts';
import { parseName } from '../domain/ids.ts';

/**
 * An address that mail can be sent to (RFC 5321, and RFC 6531 for other scripts), without the space around it. A host of
 * an intranet will do; quoted local parts and literal addresses will not. Throws fieldInvalid, which does not repeat it.
 */
export function parseEmail(value: string): string {
  const email = parseName(value, 'email');
  const fault = analyzeEmail(email, { minDomainSegments: 1 });
  if (fault === null || fault === undefined) return email;
  const why = faults[fault.code] ?? 'it is malformed';
  throw new DomainError('fieldInvalid', {
    text: `email: must be an e-mail address, like ada@acme.example: ${why}`,
  });
}

const faults: Readonly<Record<string, string>> = {
  MISSING_AT_CHAR: 'it has no @',
  MULTIPLE_AT_CHAR: 'it has more than one @',
  EMPTY_LOCAL: 'nothing stands before the @',
  LOCAL_TOO_LONG: 'what stands before the @ is longer than 64 bytes',
  EMPTY_LOCAL_SEGMENT: 'what stands before the @ has a dot too many',
  INVALID_LOCAL_CHARS: 'what stands before the @ has a character that it cannot have',
  DOMAIN_NON_EMPTY_STRING: 'nothing stands after the @',
  DOMAIN_TOO_LONG: 'its domain is too long',
  DOMAIN_INVALID_UNICODE_CHARS: 'its domain has a character that it cannot have',
  DOMAIN_INVALID_CHARS: 'its domain has a character that it cannot have',
  DOMAIN_INVALID_TLDS_CHARS: 'its domain has a character that it cannot have',
  DOMAIN_EMPTY_SEGMENT: 'its domain has a dot too many',
  DOMAIN_LONG_SEGMENT: 'a part of its domain is longer than 63 characters',
};
