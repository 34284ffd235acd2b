import { DomainError } from './errors.ts';

declare const brand: unique symbol;
/** A user's id: 1 to 200 code points, unique in the instance. */
export type UserId = string & { readonly [brand]: 'UserId' };
/** An organization's id: 1 to 200 code points. */
export type OrganizationId = string & { readonly [brand]: 'OrganizationId' };

const idLengthMax = 200;

/** The only door from string to UserId. Throws fieldInvalid. */
export function parseUserId(value: string): UserId {
  return parseId(value, 'user_id') as UserId;
}

/** The only door from string to OrganizationId. Throws fieldInvalid. */
export function parseOrganizationId(value: string): OrganizationId {
  return parseId(value, 'organization_id') as OrganizationId;
}

function parseId(value: string, field: string): string {
  if (value.length === 0 || (value.length > idLengthMax && [...value].length > idLengthMax)) {
    throw new DomainError('fieldInvalid', { text: `${field}: must be 1 to ${idLengthMax} characters long` });
  }
  return parseText(value, field);
}

// Space of every kind at either end, and what is not seen anywhere: control, format and private characters, line ends, and
// letters, marks and a symbol (the empty pattern of Braille) without a shape of their own.
const unseen = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u;

/**
 * A name to look for, cut as names are when they are made; nothing is left of one that is space alone, and nobody has
 * it. Throws fieldInvalid for what no name holds.
 */
export function parseNameSought(value: string, field: string): string {
  const name = parseText(value, field).trim();
  if (unseen.test(name)) {
    throw new DomainError('fieldInvalid', { text: `${field}: must hold no invisible character` });
  }
  return name;
}

/**
 * A name that somebody signs in by, without the space around it: two names that no person can tell apart are one, or are
 * refused (RFC 8264, sections 9 and 12.5). Throws fieldInvalid.
 */
export function parseName(value: string, field: string): string {
  const name = parseNameSought(value, field);
  if (name === '') throw new DomainError('fieldInvalid', { text: `${field}: must be more than space` });
  return name;
}

/**
 * Text that every store keeps as it is: a NUL or half a surrogate pair is refused by one database and changed by
 * another, so that two ids could meet in one row. Throws fieldInvalid.
 */
export function parseText(value: string, field: string): string {
  if (value.includes('\0') || !value.isWellFormed()) {
    throw new DomainError('fieldInvalid', { text: `${field}: must be Unicode text without NUL` });
  }
  return value;
}
