import { DomainError, type ErrorName } from '../domain/errors.ts';
import type { LockoutPolicy } from '../domain/lockout-policy.ts';
import { sourceOf } from './address-failures.ts';
import type { SignIns } from './sign-ins.ts';

/** Who comes to have a password checked, and by which name or id others wait for them. */
export interface Entrance {
  readonly key: string;
  readonly address: string | undefined;
  readonly policy: LockoutPolicy;
  /** Known; undefined: a stranger. */
  readonly deviceId: string | undefined;
  /** Aborted when the caller is gone. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Does the work in its turn: a place → has the address failed too often, what is under way counted? → after all who came
 * earlier for the same key. The work is handed a signal for what it waits for: the caller is gone, or their place is
 * another's by now. Throws overloaded, addressFailing, and what the work throws, when it would tell nobody anything.
 *
 * A known device waits for no stranger, neither for their places nor for what their address has failed: it has a counter of
 * its own, but where the policy counts nobody's attempts; there nothing but its address would stop one that was stolen.
 */
export async function inTurn<Value>(
  { signIns, now }: { readonly signIns: SignIns; readonly now: () => number },
  { key, address, policy, deviceId, signal }: Entrance,
  work: (waiting: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const { queue, addresses } = signIns;
  const isKnownDevice = deviceId !== undefined;
  const comer = { key, source: sourceOf(address), isKnownDevice };
  using place = queue.enter(comer);
  const waiting = signal === undefined ? place.signal : AbortSignal.any([signal, place.signal]);
  const turned = () => {
    if (waiting.aborted) throw new DomainError('overloaded');
    return work(waiting);
  };
  // Before the turn, and not in it: who waits for their address holds up nobody who is after the same user.
  const isCounted = isKnownDevice && policy.maxPasswordAttempts > 0;
  const limit = { failuresMax: policy.addressFailuresMax, now, signal: waiting };
  using _attempt = isCounted ? undefined : await addresses.begin(address, limit);
  const answer = isKnownDevice ? undefined : signIns.answers.begin();
  try {
    return await queue.inTurn(comer, turned, waiting);
  } catch (error) {
    // No answer comes sooner because its place was taken.
    if (error instanceof DomainError && tellingErrors.has(error.error)) await answer?.hold(signal);
    throw error;
  } finally {
    answer?.end();
  }
}

/** Those whose time would tell something of a user. */
const tellingErrors: ReadonlySet<ErrorName> = new Set([
  'userNotFound',
  'signInNotActive',
  'signInLocked',
  'passwordNotSet',
  'passwordWrong',
]);
