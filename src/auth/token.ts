import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

const secretBytes = 32;
const separator = '.';
/** Longer than any token ever made; what is over it is refused unread. */
const tokenLengthMax = 300;

/** A personal access token as the client sends it: `id.secret`. */
export interface PresentedToken {
  readonly tokenId: string;
  readonly secret: string;
}

/** 256 random bits, base64url: 43 characters. */
export function newTokenSecret(): string {
  return randomBytes(secretBytes).toString('base64url');
}

/** What the store keeps of a secret: its SHA-256, 32 bytes. Fast is right here: 256 random bits cannot be guessed. */
export function hashTokenSecret(secret: string): Uint8Array {
  return hash('sha256', secret, 'buffer');
}

/** `id.secret` as shown once. */
export function formatToken(token: PresentedToken): string {
  return `${token.tokenId}${separator}${token.secret}`;
}

/** undefined where the text is not of the form `id.secret`. */
export function parseToken(text: string): PresentedToken | undefined {
  const at = text.indexOf(separator);
  if (at <= 0 || at === text.length - 1 || text.length > tokenLengthMax) return undefined;
  return { tokenId: text.slice(0, at), secret: text.slice(at + 1) };
}

/** Whether the text has the form of a JWT: three parts. None of ours has, since neither id nor secret holds a dot. */
export function isJwt(text: string): boolean {
  return text.split('.', 4).length === 3;
}

/** Secrets that were held against a hash already, and what came of it; gone with the hash. */
const compared = new WeakMap<Uint8Array, Map<string, boolean>>();

/**
 * Constant time, so that the stored hash cannot be found out byte by byte. The same secret held against the very same
 * array (a store gives one to all who ask for a token in one turn of the event loop) is hashed once. A Map finds texts by
 * a keyed hash of the whole: how long it takes tells nothing of the secrets of others.
 */
export function secretMatches(secret: string, secretHash: Uint8Array): boolean {
  const known = compared.get(secretHash);
  const before = known?.get(secret);
  if (before !== undefined) return before;
  const presented = hashTokenSecret(secret);
  const isMatch = presented.length === secretHash.length && timingSafeEqual(presented, secretHash);
  if (known === undefined) compared.set(secretHash, new Map([[secret, isMatch]]));
  else known.set(secret, isMatch);
  return isMatch;
}
