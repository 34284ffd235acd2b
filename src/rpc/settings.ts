import type { ServiceImpl } from '@connectrpc/connect';
import { ResourceOwnerType } from '../../gen/es/zitadel/settings/v2/settings_pb.js';
import type {
  GetLockoutSettingsRequest,
  SettingsService,
} from '../../gen/es/zitadel/settings/v2/settings_service_pb.js';
import type { Caller } from '../auth/caller.ts';
import { type OrganizationId, parseOrganizationId } from '../domain/ids.ts';
import { getLockoutPolicy, type PolicyQueryApp } from '../queries/lockout-policy.ts';
import { callerKey } from './limits/caller-key.ts';
import { policyDetails } from './lockout-policy.ts';

/** The settings of the contract: of the policy in force, what it has a field for. */
export function settingsHandlers(app: PolicyQueryApp): ServiceImpl<typeof SettingsService> {
  return {
    async getLockoutSettings(req, context) {
      const caller = context.values.get(callerKey);
      const organizationId = ownerOf(req, caller);
      const { policy, source, stored } = await getLockoutPolicy(app, caller, organizationId);
      const isOwn = source === 'organization';
      return {
        details: stored === undefined ? {} : policyDetails(stored, isOwn && organizationId),
        settings: {
          maxPasswordAttempts: BigInt(policy.maxPasswordAttempts),
          // One-time passwords are not served: none is ever counted.
          maxOtpAttempts: 0n,
          resourceOwnerType: isOwn ? ResourceOwnerType.ORG : ResourceOwnerType.INSTANCE,
        },
      };
    },
  };
}

function ownerOf({ ctx }: GetLockoutSettingsRequest, caller: Caller): OrganizationId | undefined {
  const owner = ctx?.resourceOwner;
  if (owner?.case === 'orgId') return parseOrganizationId(owner.value);
  return owner?.case === 'instance' && owner.value ? undefined : caller.organizationId;
}
