import { errors } from 'jose';

/** What is wrong with a token whose signature holds, beyond what jose looks at. */
export class JwtRefused extends Error {
  override readonly name = 'JwtRefused';
}

const texts: Readonly<Record<string, string>> = {
  ERR_JWT_EXPIRED: 'expired',
  ERR_JWKS_NO_MATCHING_KEY: 'signed by a key that the issuer does not name',
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: 'names no key, and the issuer has several that would do',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'the signature is wrong',
  ERR_JOSE_ALG_NOT_ALLOWED: 'signed in a way that is not taken',
  ERR_JOSE_NOT_SUPPORTED: 'signed in a way that is not taken',
  ERR_JWS_INVALID: 'malformed',
  ERR_JWT_INVALID: 'malformed',
};

const claims: Readonly<Record<string, string>> = {
  iss: 'of another issuer than --oidc-issuer',
  aud: 'for another audience than --oidc-audience',
  nbf: 'not valid yet',
  iat: 'issued in the future',
  exp: 'without a time of expiry',
  sub: 'without a subject',
};

/** Why a JWT is refused, in words for the log: nothing of the token is in them. */
export function whyRefused(cause: unknown): string {
  if (cause instanceof JwtRefused) return `JWT: ${cause.message}`;
  if (cause instanceof errors.JWTClaimValidationFailed) {
    return `JWT: ${claims[cause.claim] ?? 'a claim is wrong'}`;
  }
  const code = cause instanceof errors.JOSEError ? cause.code : '';
  return `JWT: ${texts[code] ?? 'cannot be read'}`;
}
