import type { Duration } from '@bufbuild/protobuf/wkt';
import type { RequestChallenges } from '../../../gen/es/zitadel/session/v2/challenge_pb.js';
import type { Checks } from '../../../gen/es/zitadel/session/v2/check_pb.js';
import type { UserAgent } from '../../../gen/es/zitadel/session/v2/session_pb.js';
import { isAddress, type SessionChecks, type Subject } from '../../commands/session-subject.ts';
import { type OrganizationId, parseUserId } from '../../domain/ids.ts';
import type { SessionUserAgent } from '../../domain/session.ts';
import { parseLifetime, parseUserAgent } from '../../domain/session-limits.ts';
import { invalidField } from '../convert/list.ts';
import { refuseUnserved } from '../human-request.ts';
import type { RequestInfo } from '../request-info.ts';

/** What the checks come with. */
export interface ChecksRequest {
  readonly checks?: Checks | undefined;
  readonly challenges?: RequestChallenges | undefined;
  readonly deviceToken: string;
  readonly userAgent: SessionUserAgent | undefined;
}

/** Throws fieldNotServed for every check and challenge but user and password, fieldInvalid. */
export function parseChecks(request: ChecksRequest, info: RequestInfo, signal: AbortSignal): SessionChecks {
  const { checks, challenges, deviceToken, userAgent } = request;
  refuseUnserved({
    'checks.web_auth_n': checks?.webAuthN !== undefined,
    'checks.idp_intent': checks?.idpIntent !== undefined,
    'checks.totp': checks?.totp !== undefined,
    'checks.otp_sms': checks?.otpSms !== undefined,
    'checks.otp_email': checks?.otpEmail !== undefined,
    'challenges.web_auth_n': challenges?.webAuthN !== undefined,
    'challenges.otp_sms': challenges?.otpSms !== undefined,
    'challenges.otp_email': challenges?.otpEmail !== undefined,
  });
  const ip = userAgent?.ip ?? '';
  return {
    subject: subjectOf(checks),
    password: checks?.password?.password,
    deviceToken: deviceToken === '' ? undefined : deviceToken,
    // The interceptor has made sure that there is such an organization.
    organizationId: (info.header('x-zitadel-orgid') || undefined) as OrganizationId | undefined,
    address: isAddress(ip) ? ip : undefined,
    userAgent: userAgent?.description,
    signal,
  };
}

function subjectOf(checks: Checks | undefined): Subject | undefined {
  const search = checks?.user?.search;
  switch (search?.case) {
    case 'userId':
      return { userId: parseUserId(search.value) };
    case 'loginName':
      return { loginName: search.value };
    case undefined:
      return undefined;
    default:
      return search satisfies never;
  }
}

/** Throws fieldInvalid where it is over the limits of a session, or its address is none. */
export function parseAgent(agent: UserAgent | undefined): SessionUserAgent | undefined {
  if (agent === undefined) return undefined;
  const { fingerprintId, ip, description } = agent;
  // Taken for none, failures would count against the program that calls, and so against all of its users.
  if (ip && !isAddress(ip)) throw invalidField('user_agent.ip', 'must be an IP address');
  const header = Object.entries(agent.header).map(([name, { values }]) => [name, values] as const);
  return parseUserAgent({
    ...(fingerprintId !== undefined && { fingerprintId }),
    ...(ip !== undefined && { ip }),
    ...(description !== undefined && { description }),
    ...(header.length > 0 && { header: Object.fromEntries(header) }),
  });
}

/** Bytes → base64, as sessions keep them. */
export function metadataOf(metadata: Readonly<Record<string, Uint8Array>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(metadata).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );
}

/** Milliseconds. Throws fieldInvalid over the maximum. */
export function lifetimeMsOf(lifetime: Duration | undefined): number | undefined {
  return lifetime && parseLifetime(lifetime.seconds * 1_000_000_000n + BigInt(lifetime.nanos));
}
