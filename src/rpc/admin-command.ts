import type { ServiceImpl } from '@connectrpc/connect';
import type { AdminService } from '../../gen/es/latchkey/v1/admin_pb.js';
import type { CommandApp } from '../commands/change-user.ts';
import { eraseUser } from '../commands/erasure/erase-user.ts';
import { addGrant, type GrantRequest, removeGrant } from '../commands/grants.ts';
import { createOrganization } from '../commands/organizations.ts';
import { parseOrganizationId, parseUserId } from '../domain/ids.ts';
import { detailsOf, timestampOf } from './convert/details.ts';
import { callerKey } from './limits/caller-key.ts';

type AdminCommandHandlers = Pick<
  ServiceImpl<typeof AdminService>,
  'createOrganization' | 'addGrant' | 'removeGrant' | 'eraseUser'
>;

/** Our own calls that write: organizations, roles, erasure. */
export function adminCommandHandlers(app: CommandApp): AdminCommandHandlers {
  return {
    async createOrganization(req, context) {
      const { organizationId, name, domain, createdAt } = await createOrganization(
        app,
        context.values.get(callerKey),
        {
          name: req.name,
          ...(req.organizationId !== undefined && { organizationId: req.organizationId }),
          ...(req.domain !== undefined && { domain: req.domain }),
        },
      );
      return { organization: { organizationId, name, domain, creationDate: timestampOf(createdAt) } };
    },
    async eraseUser(req, context) {
      const user = await eraseUser(app, context.values.get(callerKey), parseUserId(req.userId));
      return { details: detailsOf(user) };
    },
    async addGrant(req, context) {
      return { details: detailsOf(await addGrant(app, context.values.get(callerKey), grantRequest(req))) };
    },
    async removeGrant(req, context) {
      return { details: detailsOf(await removeGrant(app, context.values.get(callerKey), grantRequest(req))) };
    },
  };
}

function grantRequest(req: {
  userId: string;
  role: string;
  organizationId?: string | undefined;
}): GrantRequest {
  return {
    userId: parseUserId(req.userId),
    role: req.role,
    organizationId: req.organizationId === undefined ? undefined : parseOrganizationId(req.organizationId),
  };
}
