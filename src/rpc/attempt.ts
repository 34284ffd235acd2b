import type { ServiceImpl } from '@connectrpc/connect';
import {
  type AttemptService,
  type BeginAttemptRequest,
  Outcome as WireOutcome,
} from '../../gen/es/latchkey/v1/attempt_service_pb.js';
import { beginAttempt } from '../commands/attempts/begin.ts';
import { endAttempt, type Outcome } from '../commands/attempts/end.ts';
import type { TriedUser } from '../commands/attempts/subject.ts';
import { isAddress } from '../commands/session-subject.ts';
import type { SignInApp } from '../commands/sign-in-facts.ts';
import { type OrganizationId, parseOrganizationId, parseText, parseUserId } from '../domain/ids.ts';
import { loadLoginName, type QueryApp } from '../queries/users.ts';
import { timestampOf } from './convert/details.ts';
import { invalidField } from './convert/list.ts';
import { lockMessage } from './convert/lock.ts';
import { callerKey } from './limits/caller-key.ts';
import { type RequestInfo, requestInfoKey } from './request-info.ts';

/** The calls of an application that checks passwords itself. */
export function attemptHandlers(app: SignInApp & QueryApp): ServiceImpl<typeof AttemptService> {
  return {
    async beginAttempt(req, context) {
      const { attempt, attemptsLeft } = await beginAttempt(app, context.values.get(callerKey), {
        subject: subjectOf(req),
        organizationId: organizationOf(req, context.values.get(requestInfoKey)),
        createMissing: req.createMissing,
        address: addressOf(req),
        userAgent: parseText(req.userAgent, 'user_agent') || undefined,
        deviceToken: req.deviceToken || undefined,
        signal: context.signal,
      });
      const left = attemptsLeft === undefined ? {} : { attemptsLeft };
      return { attemptId: attempt.attemptId, expires: timestampOf(attempt.until), ...left };
    },
    async endAttempt(req, context) {
      const { user, attemptsLeft, deviceToken } = await endAttempt(app, context.values.get(callerKey), {
        attemptId: parseText(req.attemptId, 'attempt_id'),
        outcome: outcomeOf(req.outcome),
        repeatDigest: digestOf(req.repeatDigest),
      });
      const { userId, organizationId, lockout } = user;
      const lock = user.state === 'locked' ? lockout.lock : undefined;
      return {
        ...(attemptsLeft !== undefined && { attemptsLeft }),
        ...(lock !== undefined && {
          lock: lockMessage(lock, { userId, organizationId, loginName: await loadLoginName(app, user) }),
        }),
        deviceToken: deviceToken ?? '',
      };
    },
  };
}

function subjectOf({ user }: BeginAttemptRequest): TriedUser {
  switch (user.case) {
    case 'userId':
      return { userId: parseUserId(user.value) };
    case 'loginName':
      return { loginName: user.value };
    case 'externalId':
      return { externalId: user.value };
    case undefined:
      throw invalidField('user', 'exactly one field is required');
    default:
      return user satisfies never;
  }
}

function organizationOf(
  { organizationId }: BeginAttemptRequest,
  info: RequestInfo,
): OrganizationId | undefined {
  if (organizationId !== undefined) return parseOrganizationId(organizationId);
  // The interceptor has made sure that there is such an organization.
  return (info.header('x-zitadel-orgid') || undefined) as OrganizationId | undefined;
}

function addressOf({ ip }: BeginAttemptRequest): string | undefined {
  if (ip === '') return undefined;
  if (!isAddress(ip)) throw invalidField('ip', 'must be an IP address');
  return ip;
}

const outcomes: Readonly<Record<number, Outcome>> = {
  [WireOutcome.SUCCEEDED]: 'succeeded',
  [WireOutcome.FAILED]: 'failed',
  [WireOutcome.ABANDONED]: 'abandoned',
};

function outcomeOf(outcome: WireOutcome): Outcome {
  const known = outcomes[outcome];
  if (known === undefined)
    throw invalidField('outcome', 'must be OUTCOME_SUCCEEDED, OUTCOME_FAILED or OUTCOME_ABANDONED');
  return known;
}

const [digestBytesMin, digestBytesMax] = [16, 64];

function digestOf(digest: Uint8Array): string | undefined {
  if (digest.length === 0) return undefined;
  if (digest.length < digestBytesMin || digest.length > digestBytesMax) {
    throw invalidField('repeat_digest', `must be ${digestBytesMin} to ${digestBytesMax} bytes long`);
  }
  return Buffer.from(digest).toString('hex');
}
