import type { RoleMap } from '../role-claims.ts';

/** Whose tokens are taken beside our own, and what they are worth. */
export interface IssuerConfig {
  /** What the token's `iss` must be, to the letter. */
  readonly issuer: string;
  /** What its `aud` must be, or hold. */
  readonly audience: string;
  /** undefined: where the issuer's own discovery document says. */
  readonly keysUrl: string | undefined;
  /** The claim that holds the roles, by its name or from dot to dot. */
  readonly rolesClaim: string;
  readonly roles: RoleMap;
  readonly clockSkewSeconds: number;
}

/** Whoever can change the keys on their way signs what they like: https, unless it stays on this machine. Throws Error. */
export function requireSecureUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = url !== undefined && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal)) return text;
  throw new Error(`"${text}" is not an https URL`);
}
