import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { DomainError } from '../../domain/errors.ts';

export interface IssuerKeysOptions {
  /** The issuer's key set as it is now; bounded in time and size. A rejection means that it cannot be had. */
  readonly fetchKeys: () => Promise<unknown>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The keys of one issuer, fetched when first needed and kept up to date. */
export interface IssuerKeys {
  /** The key for a token's header. Throws issuerUnavailable, and what jose throws where the set has no such key. */
  readonly find: JWTVerifyGetKey;
  /** Another number for another set of keys; undefined while there are none that may be used. */
  version(): number | undefined;
}

/** After so long the set is fetched again while the old one still serves: a withdrawn key is gone soon. */
const refreshAfterMs = 300_000;
/** After so long without a new one it serves no more: an issuer may be down for an hour, and not for ever. */
const trustedForMs = 3_600_000;
/** An unknown key asks for a fetch, but strangers make up as many as they like. */
const unknownKeyCooldownMs = 30_000;
const failureCooldownMs = 5_000;
const keysMax = 100;

interface KeySet {
  readonly text: string;
  readonly version: number;
  readonly fetchedAtMs: number;
  readonly find: JWTVerifyGetKey;
}

/** Nothing is fetched before the first token comes: a server starts whether the issuer is up or not. */
export function createIssuerKeys({ fetchKeys, now }: IssuerKeysOptions): IssuerKeys {
  let set: KeySet | undefined;
  let failure: unknown;
  let attemptedAtMs = Number.NEGATIVE_INFINITY;
  let underWay: Promise<void> | undefined;

  // Not so by a clock that was set back: it would put off the next attempt until it had caught up.
  const isWithin = (sinceMs: number, durationMs: number): boolean => Math.abs(now() - sinceMs) < durationMs;
  const attempt = async (): Promise<void> => {
    attemptedAtMs = now();
    try {
      set = nextSet(set, await fetchKeys(), attemptedAtMs);
      failure = undefined;
    } catch (cause) {
      failure = cause;
    }
  };
  /** One fetch at a time for all who wait, and none while one has just been tried. Never rejects. */
  const refresh = (): Promise<void> => {
    const cooldownMs = failure === undefined ? 0 : failureCooldownMs;
    if (underWay === undefined && isWithin(attemptedAtMs, cooldownMs)) return Promise.resolve();
    underWay ??= attempt().finally(() => {
      underWay = undefined;
    });
    return underWay;
  };
  const usable = (): KeySet | undefined => {
    if (set === undefined || !isWithin(set.fetchedAtMs, trustedForMs)) return undefined;
    if (!isWithin(set.fetchedAtMs, refreshAfterMs)) void refresh();
    return set;
  };
  const required = async (): Promise<KeySet> => {
    const found = usable();
    if (found !== undefined) return found;
    await refresh();
    const fetched = usable();
    if (fetched === undefined) throw new DomainError('issuerUnavailable', { cause: failure });
    return fetched;
  };

  return {
    version: () => usable()?.version,
    async find(header, token) {
      const known = await required();
      try {
        return await known.find(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        if (isWithin(attemptedAtMs, unknownKeyCooldownMs) && underWay === undefined) throw error;
        await refresh();
        return (await required()).find(header, token);
      }
    },
  };
}

/** Throws where the document is no key set. */
function nextSet(before: KeySet | undefined, document: unknown, fetchedAtMs: number): KeySet {
  const text = JSON.stringify(document);
  if (text === before?.text) return { ...before, fetchedAtMs };
  const find = createLocalJWKSet(document as JSONWebKeySet);
  if (find.jwks().keys.length > keysMax) throw new Error(`more than ${keysMax} keys`);
  return { text, find, fetchedAtMs, version: (before?.version ?? 0) + 1 };
}
