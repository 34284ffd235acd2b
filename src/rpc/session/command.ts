import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import type { DetailsSchema } from '../../../gen/es/zitadel/object/v2/object_pb.js';
import type { SessionService } from '../../../gen/es/zitadel/session/v2/session_service_pb.js';
import { createSession, deleteSession, type MadeSession, setSession } from '../../commands/sessions.ts';
import type { SignInApp } from '../../commands/sign-in-facts.ts';
import { timestampOf } from '../convert/details.ts';
import { callerKey } from '../limits/caller-key.ts';
import { requestInfoKey } from '../request-info.ts';
import { lifetimeMsOf, metadataOf, parseAgent, parseChecks } from './request.ts';

type SessionCommandHandlers = Pick<
  ServiceImpl<typeof SessionService>,
  'createSession' | 'setSession' | 'deleteSession'
>;

/** The calls that sign in and out. */
export function sessionCommandHandlers(app: SignInApp): SessionCommandHandlers {
  return {
    async createSession(req, context) {
      const userAgent = parseAgent(req.userAgent);
      const made = await createSession(app, context.values.get(callerKey), {
        checks: parseChecks({ ...req, userAgent }, context.values.get(requestInfoKey), context.signal),
        metadata: metadataOf(req.metadata),
        userAgent,
        lifetimeMs: lifetimeMsOf(req.lifetime),
      });
      return { ...shown(made), sessionId: made.session.sessionId };
    },
    async setSession(req, context) {
      const made = await setSession(app, context.values.get(callerKey), {
        sessionId: req.sessionId,
        token: req.sessionToken || undefined,
        checks: parseChecks(
          { ...req, userAgent: undefined },
          context.values.get(requestInfoKey),
          context.signal,
        ),
        metadata: metadataOf(req.metadata),
        lifetimeMs: lifetimeMsOf(req.lifetime),
      });
      return shown(made);
    },
    async deleteSession(req, context) {
      const { sessionId, sessionToken } = req;
      const { session, owner, endedAt } = await deleteSession(app, context.values.get(callerKey), {
        sessionId,
        token: sessionToken || undefined,
      });
      const ended = { ...session, sequence: session.sequence + 1, changedAt: endedAt };
      return { details: sessionDetails(ended, owner?.user.organizationId) };
    },
  };
}

function shown({ session, organizationId, token, deviceToken }: MadeSession) {
  return {
    details: sessionDetails(session, organizationId),
    sessionToken: token,
    deviceToken: deviceToken ?? '',
  };
}

// As of a user: how often it has changed, when last, and the organization of its user.
function sessionDetails(
  session: Pick<MadeSession['session'], 'sequence' | 'changedAt' | 'createdAt'>,
  organizationId: string | undefined,
): MessageInitShape<typeof DetailsSchema> {
  return {
    sequence: BigInt(session.sequence),
    changeDate: timestampOf(session.changedAt),
    resourceOwner: organizationId ?? '',
    creationDate: timestampOf(session.createdAt),
  };
}
