import type { ServiceImpl } from '@connectrpc/connect';
import type { ListLocksRequest, LockService } from '../../gen/es/latchkey/v1/lock_pb.js';
import type { CommandApp } from '../commands/change-user.ts';
import { lockUser, unlockUser } from '../commands/lock-user.ts';
import { parseNameSought, parseText, parseUserId } from '../domain/ids.ts';
import { explainUser } from '../queries/explain-user.ts';
import type { PolicyQueryApp } from '../queries/lockout-policy.ts';
import { getLock, type LocksRequest, listLocks } from '../queries/locks.ts';
import { loadLoginName } from '../queries/users.ts';
import { detailsOf } from './convert/details.ts';
import { listDetailsOf, pageOf } from './convert/list.ts';
import { explanationMessage, lockMessage, lockRecordMessage, parseCause } from './convert/lock.ts';
import { parseTimestamp } from './convert/token.ts';
import { followLocksHandler } from './follow-locks.ts';
import { callerKey } from './limits/caller-key.ts';

/** The calls about the lock as a record. */
export function lockHandlers(app: CommandApp & PolicyQueryApp): ServiceImpl<typeof LockService> {
  return {
    ...followLocksHandler(app),
    async getLock(req, context) {
      const found = await getLock(app, context.values.get(callerKey), parseUserId(req.userId));
      return { lock: lockRecordMessage(found, found.failures) };
    },
    async listLocks(req, context) {
      const found = await listLocks(app, context.values.get(callerKey), {
        ...locksRequest(req),
        signal: context.signal,
      });
      return {
        details: listDetailsOf(found, app.now()),
        locks: found.rows.map((row) => lockRecordMessage(row)),
      };
    },
    async lockUser(req, context) {
      const { reason, requestId, validateOnly } = req;
      const userId = parseUserId(req.userId);
      // Up, not down: the lock holds for as long as was asked.
      const until = req.until && Math.ceil(parseTimestamp(req.until, 'until'));
      const order = { userId, until, reason, requestId, validateOnly };
      const { user, lock } = await lockUser(app, context.values.get(callerKey), order);
      const { organizationId } = user;
      const loginName = await loadLoginName(app, user);
      return { details: detailsOf(user), lock: lockMessage(lock, { userId, organizationId, loginName }) };
    },
    async unlockUser(req, context) {
      const { reason, ticket, identification, expectedGeneration, requestId, validateOnly } = req;
      const { user, generation } = await unlockUser(app, context.values.get(callerKey), {
        userId: parseUserId(req.userId),
        ...{ reason, ticket, identification, expectedGeneration, requestId, validateOnly },
      });
      return { details: detailsOf(user), generation: BigInt(generation) };
    },
    async explainUser(req, context) {
      return explanationMessage(
        await explainUser(app, context.values.get(callerKey), parseUserId(req.userId)),
      );
    },
  };
}

function locksRequest(req: ListLocksRequest): LocksRequest {
  const { organizationId, loginName, userIds, lockedSince, lockedBefore } = req;
  return {
    organizationId: organizationId && parseText(organizationId, 'organization_id'),
    cause: parseCause(req.cause),
    userIds: userIds.map((userId) => parseText(userId, 'user_ids')),
    loginName: loginName && parseNameSought(loginName, 'login_name'),
    since: lockedSince && parseTimestamp(lockedSince, 'locked_since'),
    before: lockedBefore && parseTimestamp(lockedBefore, 'locked_before'),
    page: pageOf(req.query),
  };
}
