import type { IncomingHttpHeaders } from 'node:http';
import { type Exchange, headerOf } from './exchange.ts';

/** What is answered where a condition is not met: it is as the asker has it already, or not as they think. */
export type Unmet = 304 | 412;

type Conditional = Pick<Exchange, 'verb' | 'headers'>;

/** Whether the request names a condition that can fail here. Conditions on dates cannot: nothing has a date of change. */
export function isConditional(headers: IncomingHttpHeaders): boolean {
  return headers['if-match'] !== undefined || headers['if-none-match'] !== undefined;
}

/** Whether the answer of unmetBy may depend on what is there. */
export function asksIfThere({ headers }: Conditional): boolean {
  return isAny(headers, 'if-match') || isAny(headers, 'if-none-match');
}

/**
 * RFC 9110 §13.2.2, where nothing has an entity tag: none that is named matches, and `*` is whether the target has a
 * representation, which is what GET would be answered with. undefined: the conditions hold.
 */
export function unmetBy({ verb, headers }: Conditional, isThere: boolean): Unmet | undefined {
  if (headers['if-match'] !== undefined && !(isThere && isAny(headers, 'if-match'))) return 412;
  if (!isThere || !isAny(headers, 'if-none-match')) return undefined;
  return verb === 'GET' || verb === 'HEAD' ? 304 : 412;
}

const isAny = (headers: IncomingHttpHeaders, name: string): boolean =>
  headerOf(headers, name)?.trim() === '*';
