import type { PolicyEvent } from '../events.ts';
import type { OrganizationId } from '../ids.ts';
import type { LockoutPolicy } from '../lockout-policy.ts';

/** A lockout policy as it was last set. Times are milliseconds since 1970, UTC. */
export interface StoredPolicy {
  /** undefined: the default again, after a reset. */
  readonly policy: LockoutPolicy | undefined;
  /** Number of its changes, counted from 1; the version that compare-and-set compares. */
  readonly sequence: number;
  readonly createdAt: number;
  readonly changedAt: number;
}

/** The next row of a policy, as `evolve` makes a user's. */
export function evolvePolicy(
  before: StoredPolicy | undefined,
  event: PolicyEvent,
  changedAt: number,
): StoredPolicy {
  const { sequence = 0, createdAt = changedAt } = before ?? {};
  const policy = event.type === 'policy.lockout.changed' ? event.payload.policy : undefined;
  return { policy, sequence: sequence + 1, createdAt, changedAt };
}

/** The event that sets the organization's policy, the instance's where none is named; without one, back to the default. */
export function policyEvent(
  organizationId: OrganizationId | undefined,
  policy: LockoutPolicy | undefined,
): PolicyEvent {
  const whose = organizationId === undefined ? {} : { organizationId };
  return policy === undefined
    ? { type: 'policy.lockout.removed', payload: whose }
    : { type: 'policy.lockout.changed', payload: { ...whose, policy } };
}
