import type { ServiceImpl } from '@connectrpc/connect';
import type { AdminService } from '../../gen/es/latchkey/v1/admin_pb.js';
import { parseUserId } from '../domain/ids.ts';
import { loginNameOf } from '../domain/user.ts';
import { heldPermissions, loadCaller } from '../queries/caller.ts';
import { listUserHistory } from '../queries/user-history.ts';
import type { QueryApp } from '../queries/users.ts';
import { timestampOf } from './convert/details.ts';
import { eventOf } from './convert/event.ts';
import { callerKey } from './limits/caller-key.ts';

type CallerHandlers = Pick<ServiceImpl<typeof AdminService>, 'getCaller' | 'listUserHistory'>;

/** What a help desk asks first: who am I, and what happened to this person. */
export function callerHandlers(app: QueryApp): CallerHandlers {
  return {
    async getCaller(_req, context) {
      const caller = context.values.get(callerKey);
      const { grants, meta, expiresAt } = caller;
      const own = await loadCaller(app, caller);
      return {
        userId: meta.actorUserId ?? '',
        subject: meta.actorSubject ?? '',
        loginName: own === undefined ? '' : loginNameOf(own),
        organizationId: own?.user.organizationId ?? '',
        grants: grants.map((grant) => ({ userId: meta.actorUserId ?? '', ...grant })),
        permissions: heldPermissions(caller).map(({ permission, scope }) => ({
          permission,
          everywhere: scope === 'all',
          organizationIds: scope === 'all' ? [] : [...scope],
        })),
        ...(expiresAt !== undefined && { expires: timestampOf(expiresAt) }),
      };
    },
    async listUserHistory(req, context) {
      const { beforeSequence, limit } = req;
      const request = { userId: parseUserId(req.userId), beforeSequence, limit };
      const found = await listUserHistory(app, context.values.get(callerKey), request);
      return {
        entries: found.entries.map(({ event, actorLoginName = '' }) => ({
          event: eventOf(event),
          actorLoginName,
        })),
        nextBeforeSequence: BigInt(found.nextBeforeSequence),
      };
    },
  };
}
