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

/** Constant time, so that the stored hash cannot be found out byte by byte. */
export function secretMatches(secret: string, secretHash: Uint8Array): boolean {
  const presented = hashTokenSecret(secret);
  return presented.length === secretHash.length && timingSafeEqual(presented, secretHash);
}
