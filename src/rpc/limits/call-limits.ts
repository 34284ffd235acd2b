import type { Interceptor } from '@connectrpc/connect';
import { sourceOf } from '../../domain/address/source.ts';
import { DomainError, type ErrorName } from '../../domain/errors.ts';
import type { CallLimit, DeskMeasures } from '../../ops/measures.ts';
import { requestInfoKey } from '../request-info.ts';
import { callerKey } from './caller-key.ts';
import { createKnownTokens, type KnownTokens } from './known-tokens.ts';
import { createTokenBuckets, type TokenBuckets } from './token-buckets.ts';

/** Calls a second, each; 0: no limit. */
export interface CallLimitConfig {
  readonly callsPerSecondPerToken: number;
  readonly callsPerSecondPerAddress: number;
  readonly refusedPerSecondPerAddress: number;
}

/** One table for each limit; undefined where there is none. */
export interface CallLimits {
  readonly token: TokenBuckets | undefined;
  readonly address: TokenBuckets | undefined;
  /** Counts the calls that showed no valid token. */
  readonly refused: TokenBuckets | undefined;
  readonly known: KnownTokens;
}

/** Who rests this long may make up for it at once. */
const burstSeconds = 5;
/** About 10 MB a table where every place is taken. */
const bucketsMax = 65_536;

/** Empty tables, from this moment on. */
export function createCallLimits(config: CallLimitConfig, startMs: number): CallLimits {
  const buckets = (perSecond: number) =>
    perSecond === 0
      ? undefined
      : createTokenBuckets({ perSecond, burst: burstSeconds * perSecond, bucketsMax }, startMs);
  return {
    token: buckets(config.callsPerSecondPerToken),
    address: buckets(config.callsPerSecondPerAddress),
    refused: buckets(config.refusedPerSecondPerAddress),
    known: createKnownTokens(),
  };
}

/** What the limits need of the app. */
export interface Limited {
  readonly limits: CallLimits;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly measures: Pick<DeskMeasures, 'callLimited'>;
}

/** Every call of an address counts, with or without a token, health and reflection too. */
export function limitAddress(app: Limited): Interceptor {
  return (next) => {
    if (app.limits.address === undefined) return next;
    return (req) => {
      requireWithinAddress(app, req.contextValues.get(requestInfoKey).remoteAddress);
      return next(req);
    };
  };
}

/** Counts one more of the address. Throws tooManyCalls beyond its limit, where there is one. */
export function requireWithinAddress(
  { limits: { address }, now, measures }: Limited,
  remoteAddress: string,
): void {
  if (address === undefined) return;
  refuse(measures, 'address', address.take(addressKey(remoteAddress), now()));
}

/** After authentication: a token that nobody has fills no table. */
export function limitToken({ limits: { token }, now, measures }: Limited): Interceptor {
  return (next) => {
    if (token === undefined) return next;
    return (req) => {
      const { credentialId } = req.contextValues.get(callerKey);
      if (credentialId !== undefined) refuse(measures, 'token', token.take(credentialId, now()));
      return next(req);
    };
  };
}

/**
 * Before authentication: an address that has failed too often of late is refused unheard, and the store is not asked;
 * but for tokens that have worked before, so that one neighbour behind the same proxy cannot shut out the others.
 * Calls at once may pass together before the first has failed; each of them is charged all the same.
 */
export function requireNotRefused(
  { limits, now, measures }: Limited,
  remoteAddress: string,
  authorization: string | undefined,
): void {
  const { refused, known } = limits;
  // Most servers see no failure for long; then there is nothing to look up.
  if (refused === undefined || refused.size === 0) return;
  const waitMs = refused.wait(addressKey(remoteAddress), now());
  if (waitMs > 0 && !known.has(authorization)) refuse(measures, 'refused', waitMs);
}

/** After authentication, with what it threw if it failed: charges the address where that was for want of a valid token. */
export function chargeRefused(
  { limits: { refused, known }, now }: Limited,
  remoteAddress: string,
  { authorization, error }: { readonly authorization: string | undefined; readonly error?: unknown },
) {
  if (refused === undefined) return;
  if (error === undefined) known.add(authorization);
  else if (isWithoutToken(error)) {
    known.delete(authorization);
    refused.charge(addressKey(remoteAddress), now());
  }
}

const withoutToken: ReadonlySet<ErrorName> = new Set([
  'authHeaderMissing',
  'authHeaderInvalid',
  'tokenInvalid',
]);

/** Whether it was refused for want of a valid token. */
export function isWithoutToken(error: unknown): boolean {
  return error instanceof DomainError && withoutToken.has(error.error);
}

function refuse(measures: Limited['measures'], limit: CallLimit, retryAfterMs: number): void {
  if (retryAfterMs <= 0) return;
  measures.callLimited(limit);
  throw new DomainError('tooManyCalls', { retryAfterMs, metadata: { limit } });
}

/** What an address is counted by: see sourceOf. */
export function addressKey(address: string): string {
  const source = sourceOf(address);
  return source.includes(':') ? `${source}::/64` : source;
}
