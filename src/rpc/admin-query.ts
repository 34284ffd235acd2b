import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import type { AdminService, FollowEventsRequest } from '../../gen/es/latchkey/v1/admin_pb.js';
import { DomainError } from '../domain/errors.ts';
import { parseOrganizationId, parseText, parseUserId } from '../domain/ids.ts';
import type { DeskMeasures } from '../ops/measures.ts';
import { followEvents, listEvents } from '../queries/events.ts';
import { listGrants } from '../queries/grants.ts';
import { listOrganizations } from '../queries/organizations.ts';
import type { QueryApp } from '../queries/users.ts';
import { callerAsOfNow } from './caller-as-of-now.ts';
import { timestampOf } from './convert/details.ts';
import { eventOf } from './convert/event.ts';
import { listDetailsOf, pageOf } from './convert/list.ts';
import { withHeartbeats } from './heartbeats.ts';
import { callerKey } from './limits/caller-key.ts';
import { createStreamLimit, followersMax, sharerByCaller } from './limits/stream-limit.ts';

type AdminQueryHandlers = Pick<
  ServiceImpl<typeof AdminService>,
  'listOrganizations' | 'listGrants' | 'listEvents' | 'followEvents'
>;

const heartbeatSecondsMax = 3_600;

interface Followed {
  readonly measures: Pick<DeskMeasures, 'follower'>;
}

/** Our own calls that read: organizations, roles and the record of events. */
export function adminQueryHandlers(app: QueryApp & Followed): AdminQueryHandlers {
  const limit = createStreamLimit(followersMax);
  return {
    async listOrganizations(req, context) {
      const found = await listOrganizations(app, context.values.get(callerKey), pageOf(req.query));
      const organizations = found.rows.map(({ organizationId, name, domain, createdAt }) => ({
        organizationId,
        name,
        domain,
        creationDate: timestampOf(createdAt),
      }));
      return { details: listDetailsOf(found, app.now()), organizations };
    },
    async listGrants(req, context) {
      const { userId, organizationId } = req;
      const found = await listGrants(app, context.values.get(callerKey), {
        userId: userId === undefined ? undefined : parseUserId(userId),
        organizationId: organizationId === undefined ? undefined : parseOrganizationId(organizationId),
        page: pageOf(req.query),
      });
      const grants = found.rows.map((row) => ({ userId: row.userId, ...row.grant }));
      return { details: listDetailsOf(found, app.now()), grants };
    },
    async listEvents(req, context) {
      const { userId, type, afterPosition, limit } = req;
      const events = await listEvents(app, context.values.get(callerKey), {
        afterPosition,
        limit,
        userId: userId === undefined ? undefined : parseUserId(userId),
        type: type === undefined ? undefined : parseText(type, 'type'),
      });
      const newest = events.at(-1);
      const nextPosition = newest === undefined ? afterPosition : BigInt(newest.position);
      return { events: events.map(eventOf), nextPosition };
    },
    followEvents: (req, context) => limit(() => follow(app, req, context), sharerByCaller(context.values)),
  };
}

async function* follow(app: QueryApp & Followed, request: FollowEventsRequest, context: HandlerContext) {
  const { heartbeatSeconds } = request;
  // A stream passes the rules of the fields by: its messages come one by one.
  if (heartbeatSeconds > heartbeatSecondsMax)
    throw new DomainError('fieldInvalid', {
      text: `heartbeat_seconds: must be less than or equal to ${heartbeatSecondsMax}`,
    });
  let position = request.afterPosition;
  const caller = () => callerAsOfNow(app, context);
  const events = followEvents(app, { afterPosition: position, caller, signal: context.signal });
  const follower = app.measures.follower(Number(position));
  try {
    for await (const event of withHeartbeats(events, heartbeatSeconds * 1_000)) {
      if (event === undefined) yield { position };
      else {
        position = BigInt(event.position);
        yield eventOf(event);
        follower.hasTaken(event.position);
      }
    }
  } finally {
    follower.left();
  }
}
