import { isIP } from 'node:net';
import type { Caller } from '../auth/caller.ts';
import { DomainError } from '../domain/errors.ts';
import { evolve } from '../domain/evolve/evolve.ts';
import { foldText } from '../domain/filter.ts';
import type { OrganizationId, UserId } from '../domain/ids.ts';
import type { Session, SessionUser } from '../domain/session.ts';
import type { User } from '../domain/user.ts';
import type { StoredSession } from '../store/store.ts';
import type { Decision } from './change-user.ts';
import { checkPassword } from './check-password.ts';
import {
  factsOf,
  findLogin,
  loadLivingUser,
  maySignIn,
  type SignInApp,
  type SignInFacts,
} from './sign-in-facts.ts';

/** Who signs in, as the caller names them. */
export type Subject = { readonly userId: UserId } | { readonly loginName: string };

/** What a session is to prove. */
export interface SessionChecks {
  readonly subject: Subject | undefined;
  readonly password: string | undefined;
  /** From an earlier sign-in of the same device. */
  readonly deviceToken: string | undefined;
  /** The organization that the call names: it tells apart whom one bare name means in several. */
  readonly organizationId: OrganizationId | undefined;
  /** Where the user is, as the caller says; undefined: where the session was begun from, or else the call comes from. */
  readonly address: string | undefined;
  readonly userAgent: string | undefined;
  /** Aborted when the caller is gone. */
  readonly signal?: AbortSignal | undefined;
}

/** What the checks have shown, to be put into the session. */
export interface Proof {
  readonly user?: SessionUser;
  readonly passwordCheckedAt?: number;
}

export interface Proven {
  readonly proof: Proof;
  /** Whom the checks were about, as they stood then; undefined where there were none. */
  readonly user: User | undefined;
  readonly deviceToken: string | undefined;
}

/** What is known of the session before the checks. */
export interface CheckedSession extends Pick<Session, 'sessionId' | 'user' | 'userAgent'> {
  /** Given where the session is new: what a right password makes of it is written with the record of the check. */
  readonly begin?: (proof: Proof) => StoredSession;
}

/**
 * Makes the checks. Throws fieldInvalid, sessionUserChanged, userNotFound,
 * signInNotActive, and with a password what checkPassword throws.
 */
export async function makeChecks(
  app: SignInApp,
  caller: Caller,
  checks: SessionChecks,
  session: CheckedSession,
): Promise<Proven> {
  const { subject, password } = checks;
  const before = session.user?.userId;
  if (subject === undefined && password === undefined) {
    return { proof: {}, user: undefined, deviceToken: undefined };
  }
  if (subject === undefined && before === undefined)
    throw new DomainError('fieldInvalid', { text: 'checks.user: value is required for a password' });
  const userId = subject === undefined ? before : await find(app, caller, checks);
  if (before !== undefined && userId !== before) throw new DomainError('sessionUserChanged');
  if (password === undefined) return proveUser(app, userId, checks.deviceToken);
  const meta = metaOf(caller, checks, session);
  const checked = await checkPassword(app, {
    userId,
    name: nameOf(subject),
    password,
    address: meta.ip,
    deviceToken: checks.deviceToken,
    meta,
    signal: checks.signal,
    admit: () => undefined,
    right: (facts) => succeeded(session, facts),
  });
  const { user, deviceId, deviceToken } = checked;
  return { proof: proofOf(user, deviceId), user, deviceToken };
}

function succeeded({ sessionId, begin }: CheckedSession, { user, deviceId, nowMs }: SignInFacts): Decision {
  const payload = { sessionId, ...(deviceId !== undefined && { deviceId }) };
  const event = { type: 'user.human.password.check.succeeded', payload } as const;
  const after = evolve(user, event, { userId: user.userId, createdAt: nowMs });
  return { events: [event], ...(begin && { session: begin(proofOf(after, deviceId)) }) };
}

/** Of a user as a right password has left them. */
function proofOf({ userId, sequence, changedAt }: User, deviceId: string | undefined): Proof {
  const shown = { userId, sequence, checkedAt: changedAt };
  return {
    user: { ...shown, ...(deviceId !== undefined && { deviceId }) },
    passwordCheckedAt: changedAt,
  };
}

// The record says from where the user came, not the program through which they did. A program that asks for the name
// first and for the password later names the user's device with the first alone: it would count as everybody's address.
function metaOf(
  { meta }: Caller,
  { address, userAgent }: SessionChecks,
  { userAgent: begun }: Pick<Session, 'userAgent'>,
): Caller['meta'] {
  const ip = address ?? (isAddress(begun?.ip) ? begun.ip : undefined);
  const description = userAgent ?? begun?.description;
  return {
    ...meta,
    ...(ip !== undefined && { ip }),
    ...(description !== undefined && { userAgent: description }),
  };
}

async function proveUser(
  app: SignInApp,
  userId: UserId | undefined,
  deviceToken: string | undefined,
): Promise<Proven> {
  const user = userId && (await loadLivingUser(app, userId));
  if (user === undefined) throw new DomainError('userNotFound');
  const facts = await factsOf(app, user, deviceToken);
  if (!maySignIn(facts)) throw new DomainError('signInNotActive');
  const shown = { userId: user.userId, sequence: user.sequence, checkedAt: facts.nowMs };
  const { deviceId } = facts;
  const proof = { user: { ...shown, ...(deviceId !== undefined && { deviceId }) } };
  return { proof, user, deviceToken: undefined };
}

function nameOf(subject: Subject | undefined): string {
  if (subject === undefined) return '';
  return 'userId' in subject ? subject.userId : foldText(subject.loginName.trim());
}

async function find(
  app: SignInApp,
  caller: Caller,
  { subject, organizationId }: Pick<SessionChecks, 'subject' | 'organizationId'>,
): Promise<UserId | undefined> {
  if (subject === undefined) return undefined;
  if ('userId' in subject) return subject.userId;
  const { loginName } = subject;
  return findLogin(app, caller, { loginName, field: 'checks.user.login_name', organizationId });
}

/** Whether it is one: a session may say nothing of where its user is, in an empty text. */
export function isAddress(text: string | undefined): text is string {
  return text !== undefined && isIP(text) !== 0;
}
