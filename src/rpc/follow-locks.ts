import type { MessageInitShape } from '@bufbuild/protobuf';
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import {
  type FollowLocksRequest,
  type FollowLocksResponseSchema,
  LockEnd,
  type LockEndedSchema,
  type LockService,
} from '../../gen/es/latchkey/v1/lock_pb.js';
import { DomainError } from '../domain/errors.ts';
import { parseOrganizationId } from '../domain/ids.ts';
import { followLocks, type LockEnding, type LockNews, type LockOwner } from '../queries/follow-locks.ts';
import { type Seal, sealOf } from '../queries/sealed.ts';
import type { QueryApp } from '../queries/users.ts';
import { callerAsOfNow } from './caller-as-of-now.ts';
import { timestampOf } from './convert/details.ts';
import { lockMessage } from './convert/lock.ts';
import { withHeartbeats } from './heartbeats.ts';
import { createStreamLimit, followersMax, sharerByCaller } from './limits/stream-limit.ts';

type News = NonNullable<MessageInitShape<typeof FollowLocksResponseSchema>['news']>;

/** Proxies commonly end what says nothing for 30 or 60 seconds. */
const heartbeatMs = 15_000;
const positionLengthMax = 200;

/** The locks of a help desk's people as they come and go. */
export function followLocksHandler(app: QueryApp): Pick<ServiceImpl<typeof LockService>, 'followLocks'> {
  const limit = createStreamLimit(followersMax);
  return {
    followLocks: (req, context) => limit(() => follow(app, req, context), sharerByCaller(context.values)),
  };
}

async function* follow(app: QueryApp, request: FollowLocksRequest, context: HandlerContext) {
  const seal = await sealOf(app.store);
  const caller = () => callerAsOfNow(app, context);
  const cursor = { position: 0 };
  const { signal } = context;
  const news = followLocks(app, { ...parseRequest(seal, request), caller, signal }, cursor);
  const heartbeat = () => ({ case: 'heartbeat' as const, value: { time: timestampOf(app.now()) } });
  for await (const one of withHeartbeats(news, heartbeatMs)) {
    const position = sealedPosition(seal, one?.position ?? cursor.position);
    const told: News = one === undefined || one.kind === 'begun' ? heartbeat() : newsMessage(one);
    yield { position, news: told };
  }
}

/** As many digits as a number has at most: the length of what is sealed would tell how large it is. */
const positionDigits = 16;

function sealedPosition(seal: Seal, position: number): string {
  return seal.close('lock-position', String(position).padStart(positionDigits, '0'));
}

// A stream passes the rules of the fields by: its messages come one by one.
function parseRequest(seal: Seal, { afterPosition, organizationId }: FollowLocksRequest) {
  return {
    afterPosition: parsePosition(seal, afterPosition),
    organizationId: organizationId === undefined ? undefined : parseOrganizationId(organizationId),
  };
}

function parsePosition(seal: Seal, text: string): number | undefined {
  if (text === '') return undefined;
  if (text === '0') return 0;
  const position = text.length > positionLengthMax ? undefined : seal.open('lock-position', text);
  if (position === undefined) {
    throw new DomainError('fieldInvalid', {
      text: 'after_position: must be empty, 0, or the position of a message that FollowLocks sent',
    });
  }
  return Number(position);
}

function newsMessage(news: Exclude<LockNews, { kind: 'begun' }>): News {
  if (news.kind === 'locked') return { case: 'locked', value: lockMessage(news.lock, news.owner) };
  return { case: 'ended', value: endedMessage(news.ending, news.owner) };
}

const ends = {
  unlocked: LockEnd.UNLOCKED,
  time: LockEnd.TIME,
  deactivated: LockEnd.DEACTIVATED,
  deleted: LockEnd.DELETED,
} as const satisfies Record<LockEnding['how'], LockEnd>;

function endedMessage(
  { generation, how, time, endedBy = '', reason = '', ticket = '' }: LockEnding,
  { userId, organizationId, loginName }: LockOwner,
): MessageInitShape<typeof LockEndedSchema> {
  const owner = { userId, organizationId, loginName };
  const told = { end: ends[how], time: timestampOf(time), endedBy, reason, ticket };
  return { ...owner, generation: BigInt(generation), ...told };
}
