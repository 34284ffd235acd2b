import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Duration } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import {
  type LockoutPolicy,
  type LockoutPolicySchema,
  type PolicyService,
  PolicySource,
} from '../../gen/es/latchkey/v1/policy_pb.js';
import {
  type PolicyApp,
  type PolicyChangeRequest,
  resetLockoutPolicy,
  setLockoutPolicy,
} from '../commands/lockout-policy.ts';
import { type OrganizationId, parseOrganizationId } from '../domain/ids.ts';
import {
  type LockoutPolicy as DomainPolicy,
  type PolicySource as DomainSource,
  policyMax,
} from '../domain/lockout-policy.ts';
import { getLockoutPolicy, type PolicyQueryApp } from '../queries/lockout-policy.ts';
import { detailsOf } from './convert/details.ts';
import { invalidField } from './convert/list.ts';
import { callerKey } from './limits/caller-key.ts';

const sources = {
  organization: PolicySource.ORGANIZATION,
  instance: PolicySource.INSTANCE,
  default: PolicySource.DEFAULT,
} as const satisfies Record<DomainSource, PolicySource>;

/** The calls about what wrong passwords lead to. */
export function policyHandlers(app: PolicyApp & PolicyQueryApp): ServiceImpl<typeof PolicyService> {
  return {
    async getLockoutPolicy(req, context) {
      const organizationId = ownerOf(req);
      const found = await getLockoutPolicy(app, context.values.get(callerKey), organizationId);
      const { policy, source, stored } = found;
      return {
        ...(stored && { details: policyDetails(stored, source === 'organization' && organizationId) }),
        policy: policyMessage(policy),
        source: sources[source],
      };
    },
    async setLockoutPolicy(req, context) {
      const organizationId = ownerOf(req);
      const change = req.policy === undefined ? {} : parseChange(req.policy);
      const set = await setLockoutPolicy(app, context.values.get(callerKey), { organizationId, change });
      return {
        details: policyDetails(set, organizationId),
        ...(set.policy && { policy: policyMessage(set.policy) }),
      };
    },
    async resetLockoutPolicy(req, context) {
      const organizationId = ownerOf(req);
      const reset = await resetLockoutPolicy(app, context.values.get(callerKey), { organizationId });
      return { details: policyDetails(reset, organizationId) };
    },
  };
}

function ownerOf({ organizationId }: { organizationId?: string | undefined }): OrganizationId | undefined {
  return organizationId === undefined ? undefined : parseOrganizationId(organizationId);
}

/** A policy's own details; the instance's belongs to no organization. */
export function policyDetails(
  stored: { readonly sequence: number; readonly changedAt: number; readonly createdAt: number },
  organizationId: OrganizationId | false | undefined,
) {
  return {
    ...detailsOf({ ...stored, organizationId: '' as OrganizationId }),
    resourceOwner: organizationId || '',
  };
}

function policyMessage(policy: DomainPolicy): MessageInitShape<typeof LockoutPolicySchema> {
  const seconds = (count: number) => ({ seconds: BigInt(count), nanos: 0 });
  return {
    maxPasswordAttempts: policy.maxPasswordAttempts,
    window: seconds(policy.windowSeconds),
    lockDuration: seconds(policy.lockSeconds),
    lockGrowth: policy.lockGrowth,
    maxLockDuration: seconds(policy.lockSecondsMax),
    knownDevices: policy.knownDevices,
    repeatsCountOnce: policy.repeatsCountOnce,
    maxAddressFailures: policy.addressFailuresMax,
    resetUnlocks: policy.resetUnlocks ?? false,
  };
}

function parseChange(policy: LockoutPolicy): PolicyChangeRequest {
  const { maxPasswordAttempts, lockGrowth, knownDevices, repeatsCountOnce, maxAddressFailures } = policy;
  if (lockGrowth === 0) throw invalidField('policy.lock_growth', 'must be from 1 to 10');
  const { window, lockDuration, maxLockDuration, resetUnlocks } = policy;
  return {
    ...(maxPasswordAttempts !== undefined && { maxPasswordAttempts }),
    ...(window && { windowSeconds: parseSeconds(window, 'window', policyMax.windowSeconds) }),
    ...(lockDuration && { lockSeconds: parseSeconds(lockDuration, 'lock_duration', policyMax.lockSeconds) }),
    ...(lockGrowth !== undefined && { lockGrowth }),
    ...(maxLockDuration && {
      lockSecondsMax: parseSeconds(maxLockDuration, 'max_lock_duration', policyMax.lockSecondsMax),
    }),
    ...(knownDevices !== undefined && { knownDevices }),
    ...(repeatsCountOnce !== undefined && { repeatsCountOnce }),
    ...(maxAddressFailures !== undefined && { addressFailuresMax: maxAddressFailures }),
    ...(resetUnlocks !== undefined && { resetUnlocks }),
  };
}

function parseSeconds({ seconds, nanos }: Duration, field: string, max: number): number {
  if (nanos === 0 && seconds >= 0n && seconds <= BigInt(max)) return Number(seconds);
  throw invalidField(`policy.${field}`, `must be whole seconds from 0s to ${max}s`);
}
