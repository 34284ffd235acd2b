import { hash } from 'node:crypto';
import { type JWTPayload, jwtVerify } from 'jose';
import { DomainError } from '../../domain/errors.ts';
import { parseText } from '../../domain/ids.ts';
import type { Grant } from '../../domain/user.ts';
import { grantsOf } from '../role-claims.ts';
import { type IssuerConfig, requireSecureUrl } from './config.ts';
import { createIssuerKeys, type IssuerKeys } from './keys.ts';
import { JwtRefused, whyRefused } from './why.ts';

/** A person whom the issuer vouches for. */
export interface IssuedIdentity {
  /** `issuer|subject`. */
  readonly subject: string;
  readonly grants: readonly Grant[];
  /** When the token ends, in milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface Issuer {
  /** Throws tokenInvalid, and issuerUnavailable where there are no keys to check it by. */
  verify(token: string): Promise<IssuedIdentity>;
}

export interface IssuerOptions {
  /** Fetches a JSON document, bounded in time and size; rejects where it cannot be had. */
  readonly fetchJson: (url: string) => Promise<unknown>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Signatures by a private key alone (RFC 8725, section 3.1): "none" proves nothing, and with HS256 whoever knows the
 * public key could sign.
 */
const algorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
/** An ID token by its common name, an access token (RFC 9068); logout tokens and their like are for something else. */
const types: ReadonlySet<string> = new Set(['jwt', 'at+jwt']);

/** All that a server takes of headers: some issuers list hundreds of groups in a token. */
const tokenLengthMax = 16_384;
const whyTooLong = `JWT: longer than ${tokenLengthMax} characters`;
const subjectLengthMax = 200;
const verifiedMax = 1_000;
/** The last millisecond of the year 9999: no answer can tell of a later one (google/protobuf/timestamp.proto). */
const expiresAtMax = 253_402_300_799_999;

/** Makes the checker of one issuer's tokens. Nothing is fetched before the first of them comes. */
export function createIssuer(config: IssuerConfig, { fetchJson, now }: IssuerOptions): Issuer {
  const keys = createIssuerKeys({ fetchKeys: () => fetchKeys(config, fetchJson), now });
  const verified = createVerified(keys);
  return {
    async verify(token) {
      if (token.length > tokenLengthMax) throw new DomainError('tokenInvalid', { why: whyTooLong });
      const digest = hash('sha256', token, 'base64url');
      const known = verified.get(digest, now() / 1_000 - config.clockSkewSeconds);
      if (known !== undefined) return known;
      const version = keys.version();
      const claims = await verifiedClaims({ token, keys, config, nowMs: now() });
      const identity = {
        subject: `${config.issuer}|${claims.sub}`,
        grants: grantsOf(claims, config.rolesClaim, config.roles),
        expiresAt: Math.min((claims.exp ?? 0) * 1_000, expiresAtMax),
      };
      // Not where the keys have changed meanwhile: it may have been one of the old ones.
      if (version === keys.version()) verified.add(digest, identity, claims.exp ?? 0);
      return identity;
    },
  };
}

interface Question {
  readonly token: string;
  readonly keys: IssuerKeys;
  readonly config: IssuerConfig;
  readonly nowMs: number;
}

async function verifiedClaims({ token, keys, config, nowMs }: Question): Promise<JWTPayload> {
  const { issuer, audience, clockSkewSeconds } = config;
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys.find, {
      algorithms,
      issuer,
      audience,
      clockTolerance: clockSkewSeconds,
      currentDate: new Date(nowMs),
      requiredClaims: ['exp', 'sub'],
    });
    const type = (protectedHeader.typ ?? 'jwt').toLowerCase().replace(/^application\//, '');
    if (!types.has(type)) throw new JwtRefused('of a type that is for something else');
    const subject = parseText(payload.sub ?? '', 'sub');
    if (subject === '' || [...subject].length > subjectLengthMax)
      throw new JwtRefused('no subject, or a long one');
    if ((payload.iat ?? 0) > nowMs / 1_000 + clockSkewSeconds) throw new JwtRefused('issued in the future');
    return payload;
  } catch (cause) {
    if (cause instanceof DomainError && cause.error === 'issuerUnavailable') throw cause;
    // All that is wrong with a token is one answer, whatever it is: who forges learns nothing from it.
    throw new DomainError('tokenInvalid', { cause, why: whyRefused(cause) });
  }
}

/**
 * Tokens that have been checked, by their digest: a signature is checked once, its claims hold until they expire, and
 * all are forgotten with a change of the keys. The oldest make room.
 */
function createVerified(keys: IssuerKeys) {
  const all = new Map<string, { readonly identity: IssuedIdentity; readonly expiresAtSeconds: number }>();
  let version: number | undefined;
  const forgetOnChange = (): void => {
    if (version === keys.version()) return;
    version = keys.version();
    all.clear();
  };
  return {
    get(digest: string, atSeconds: number): IssuedIdentity | undefined {
      forgetOnChange();
      const found = version === undefined ? undefined : all.get(digest);
      return found !== undefined && found.expiresAtSeconds > atSeconds ? found.identity : undefined;
    },
    add(digest: string, identity: IssuedIdentity, expiresAtSeconds: number): void {
      forgetOnChange();
      const [oldest] = all.size >= verifiedMax ? all.keys() : [];
      if (oldest !== undefined) all.delete(oldest);
      all.set(digest, { identity, expiresAtSeconds });
    },
  };
}

/** The key set's document, by discovery (OpenID Connect Discovery 1.0, section 4) where no URL is configured. */
async function fetchKeys(config: IssuerConfig, fetchJson: IssuerOptions['fetchJson']): Promise<unknown> {
  if (config.keysUrl !== undefined) return fetchJson(config.keysUrl);
  const url = `${config.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const { issuer, jwks_uri: keysUrl } = (await fetchJson(url)) as Readonly<Record<string, unknown>>;
  if (issuer !== config.issuer) throw new Error(`${url} speaks for another issuer`);
  return fetchJson(requireSecureUrl(String(keysUrl)));
}
