import { requireHeldAnywhere } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import { loadOpenSession, requireSession } from '../auth/session-access.ts';
import { hashTokenSecret, newTokenSecret, secretMatches } from '../auth/token.ts';
import { DomainError } from '../domain/errors.ts';
import type { OrganizationId } from '../domain/ids.ts';
import { isSessionOpen, type SessionUserAgent } from '../domain/session.ts';
import { mergeMetadata } from '../domain/session-limits.ts';
import type { SessionRecord, StoredSession } from '../store/store.ts';
import { makeChecks, type Proof, type Proven, type SessionChecks } from './session-subject.ts';
import type { SignInApp } from './sign-in-facts.ts';

export interface NewSession {
  readonly checks: SessionChecks;
  /** Values in base64. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly userAgent: SessionUserAgent | undefined;
  /** Milliseconds; undefined: until it is deleted, or ended with its user's tokens. */
  readonly lifetimeMs: number | undefined;
}

/** The token is shown here and nowhere else: the store keeps its hash. */
export interface MadeSession {
  readonly session: StoredSession;
  /** Of the session's user. */
  readonly organizationId: OrganizationId | undefined;
  readonly token: string;
  /** For the user's device to show at its next sign-ins. */
  readonly deviceToken: string | undefined;
}

/** Begins a session; a check that fails leaves none. Throws permissionMissing, fieldInvalid and what `makeChecks` throws. */
export async function createSession(
  app: SignInApp,
  caller: Caller,
  request: NewSession,
): Promise<MadeSession> {
  requireHeldAnywhere(caller, 'session.write');
  const sessionId = app.newId();
  const metadata = mergeMetadata({}, request.metadata);
  const token = newTokenSecret();
  const tokenHash = hashTokenSecret(token);
  const begin = (proof: Proof): StoredSession => {
    const nowMs = proof.passwordCheckedAt ?? app.now();
    return {
      sessionId,
      sequence: 1,
      createdAt: nowMs,
      changedAt: nowMs,
      ...(request.lifetimeMs !== undefined && { expiresAt: nowMs + request.lifetimeMs }),
      ...(caller.meta.actorUserId !== undefined && { creatorUserId: caller.meta.actorUserId }),
      ...proof,
      metadata,
      ...(request.userAgent !== undefined && { userAgent: request.userAgent }),
      tokenHash,
    };
  };
  const { proof, user, deviceToken } = await makeChecks(app, caller, request.checks, { sessionId, begin });
  const session = begin(proof);
  // A right password has begun it in its own commit.
  if (proof.passwordCheckedAt === undefined) await app.store.addSession(session);
  return { session, organizationId: user?.organizationId, token, deviceToken };
}

export interface SessionChange extends Omit<NewSession, 'userAgent'> {
  readonly sessionId: string;
  /** Must be the newest where given. */
  readonly token: string | undefined;
}

const attemptsMax = 3;

/** Adds checks, notes or time. Throws as createSession, and sessionNotFound, sessionTokenInvalid, conflict. */
export async function setSession(
  app: SignInApp,
  caller: Caller,
  request: SessionChange,
): Promise<MadeSession> {
  requireHeldAnywhere(caller, 'session.write');
  let proven: Proven | undefined;
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const record = await loadForChange(app, request);
    const before = record.session;
    // A password is checked once, however often the session moves meanwhile.
    proven ??= await makeChecks(app, caller, request.checks, before);
    const token = newTokenSecret();
    const after = changed(before, request, { nowMs: app.now(), proven, tokenHash: hashTokenSecret(token) });
    if (await app.store.changeSession(before, after)) {
      const { organizationId } = proven.user ?? record.owner?.user ?? { organizationId: undefined };
      return { session: after, organizationId, token, deviceToken: proven.deviceToken };
    }
  }
  throw new DomainError('conflict');
}

async function loadForChange(app: SignInApp, { sessionId, token }: SessionChange): Promise<SessionRecord> {
  const record = await loadOpenSession(app, sessionId);
  if (record === undefined) throw new DomainError('sessionNotFound');
  if (token !== undefined && !secretMatches(token, record.session.tokenHash)) {
    throw new DomainError('sessionTokenInvalid');
  }
  return record;
}

interface Made {
  readonly nowMs: number;
  readonly proven: Proven;
  readonly tokenHash: Uint8Array;
}

function changed(
  before: StoredSession,
  { metadata, lifetimeMs }: SessionChange,
  { nowMs, proven, tokenHash }: Made,
): StoredSession {
  const [was, is] = [before.user?.userId, proven.proof.user?.userId];
  // Another call may have given it a user since this one looked.
  if (was !== undefined && is !== undefined && was !== is) throw new DomainError('sessionUserChanged');
  // A lock may have come and gone between the look at the session and that at its user: what was proven before is void,
  // and no check of the user alone may make it fresh.
  if (proven.user !== undefined && !isSessionOpen(before, proven.user, nowMs)) {
    throw new DomainError('sessionNotFound');
  }
  return {
    ...before,
    ...proven.proof,
    sequence: before.sequence + 1,
    changedAt: nowMs,
    ...(lifetimeMs !== undefined && { expiresAt: nowMs + lifetimeMs }),
    metadata: mergeMetadata(before.metadata, metadata),
    tokenHash,
  };
}

/** Ends a session and its token, for good. Throws as requireSession does. Answers what it was, and when it ended. */
export async function deleteSession(
  app: SignInApp,
  caller: Caller,
  { sessionId, token }: { readonly sessionId: string; readonly token: string | undefined },
): Promise<SessionRecord & { readonly endedAt: number }> {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const record = await requireSession(app, caller, { sessionId, token, permission: 'session.delete' });
    if (await app.store.changeSession(record.session, undefined)) return { ...record, endedAt: app.now() };
  }
  throw new DomainError('conflict');
}

/** Deletes what is over. Answers how many sessions. */
export function sweepSessions(app: Pick<SignInApp, 'store' | 'now'>): Promise<number> {
  return app.store.removeSessionsOver(app.now(), sweptMax);
}

const sweptMax = 1_000;
