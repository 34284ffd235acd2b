import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import type { SearchQuery } from '../../../gen/es/zitadel/session/v2/query_pb.js';
import type { SessionSchema } from '../../../gen/es/zitadel/session/v2/session_pb.js';
import type { SessionService } from '../../../gen/es/zitadel/session/v2/session_service_pb.js';
import { TimestampQueryMethod } from '../../../gen/es/zitadel/v1/query_pb.js';
import type { Caller } from '../../auth/caller.ts';
import { parseText } from '../../domain/ids.ts';
import { displayNameOf, loginNameOf } from '../../domain/user.ts';
import { getSession, listSessions, type SessionFilter, type SessionRecord } from '../../queries/sessions.ts';
import type { QueryApp } from '../../queries/users.ts';
import { timestampOf } from '../convert/details.ts';
import { invalidField, listDetailsOf, pageOf } from '../convert/list.ts';
import { parseTimestamp } from '../convert/token.ts';
import { callerKey } from '../limits/caller-key.ts';

type SessionQueryHandlers = Pick<ServiceImpl<typeof SessionService>, 'getSession' | 'listSessions'>;

/** The calls that look at sign-ins. */
export function sessionQueryHandlers(app: QueryApp): SessionQueryHandlers {
  return {
    async getSession(req, context) {
      const { sessionId, sessionToken } = req;
      const record = await getSession(app, context.values.get(callerKey), {
        sessionId,
        token: sessionToken || undefined,
      });
      return { session: sessionOf(record) };
    },
    async listSessions(req, context) {
      const caller = context.values.get(callerKey);
      const filters = req.queries.map((query, index) => parseFilter(query, `queries[${index}]`, caller));
      const found = await listSessions(app, caller, {
        filters,
        page: pageOf(req.query),
        signal: context.signal,
      });
      return { details: listDetailsOf(found, app.now()), sessions: found.rows.map(sessionOf) };
    },
  };
}

function sessionOf({ session, owner }: SessionRecord): MessageInitShape<typeof SessionSchema> {
  const { user, passwordCheckedAt, metadata, userAgent, expiresAt } = session;
  const header = Object.entries(userAgent?.header ?? {});
  return {
    id: session.sessionId,
    creationDate: timestampOf(session.createdAt),
    changeDate: timestampOf(session.changedAt),
    sequence: BigInt(session.sequence),
    factors: {
      ...(user !== undefined &&
        owner !== undefined && {
          user: {
            verifiedAt: timestampOf(user.checkedAt),
            id: user.userId,
            loginName: loginNameOf(owner),
            displayName: displayNameOf(owner.profile),
            organizationId: owner.user.organizationId,
          },
        }),
      ...(passwordCheckedAt !== undefined && { password: { verifiedAt: timestampOf(passwordCheckedAt) } }),
    },
    metadata: Object.fromEntries(
      Object.entries(metadata).map(([key, value]) => [key, new Uint8Array(Buffer.from(value, 'base64'))]),
    ),
    ...(userAgent !== undefined && {
      userAgent: {
        ...userAgent,
        header: Object.fromEntries(header.map(([name, values]) => [name, { values: [...values] }])),
      },
    }),
    ...(expiresAt !== undefined && { expirationDate: timestampOf(expiresAt) }),
  };
}

const timeMethods = {
  [TimestampQueryMethod.EQUALS]: 'equals',
  [TimestampQueryMethod.GREATER]: 'after',
  [TimestampQueryMethod.GREATER_OR_EQUALS]: 'after_or_equals',
  [TimestampQueryMethod.LESS]: 'before',
  [TimestampQueryMethod.LESS_OR_EQUALS]: 'before_or_equals',
} as const;

function parseFilter({ query }: SearchQuery, path: string, caller: Caller): SessionFilter {
  switch (query.case) {
    case 'idsQuery':
      return {
        kind: 'ids',
        sessionIds: query.value.ids.map((id) => parseText(id, `${path}.ids_query.ids`)),
      };
    case 'userIdQuery':
      return { kind: 'user', id: parseText(query.value.id, `${path}.user_id_query.id`) };
    case 'creationDateQuery': {
      const { creationDate, method } = query.value;
      const field = `${path}.creation_date_query`;
      if (creationDate === undefined) throw invalidField(`${field}.creation_date`, 'value is required');
      const time = parseTimestamp(creationDate, `${field}.creation_date`);
      return { kind: 'created_at', time, method: timeMethods[method] };
    }
    case 'creatorQuery':
      // Unset, it is the caller's own.
      return {
        kind: 'creator',
        id: parseText(query.value.id ?? caller.meta.actorUserId ?? '', `${path}.creator_query.id`),
      };
    case 'userAgentQuery': {
      const { fingerprintId } = query.value;
      const field = `${path}.user_agent_query.fingerprint_id`;
      // A caller is a program with a token: it has no device of its own.
      if (fingerprintId === undefined) throw invalidField(field, 'value is required');
      return { kind: 'fingerprint', id: parseText(fingerprintId, field) };
    }
    case undefined:
      throw invalidField(path, 'exactly one query is required');
    default:
      return query satisfies never;
  }
}
