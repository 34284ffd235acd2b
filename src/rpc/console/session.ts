import { type AuthenticateApp, authenticate } from '../../auth/authenticate.ts';
import type { Caller } from '../../auth/caller.ts';
import { DomainError } from '../../domain/errors.ts';
import { type Seal, type SealStore, sealOf } from '../../queries/sealed.ts';
import { chargeRefused, type Limited, requireNotRefused } from '../limits/call-limits.ts';
import { readOrigin } from '../origin.ts';
import type { RequestInfo } from '../request-info.ts';
import { readCookie } from './cookie.ts';
import { isSameOrigin } from './same-origin.ts';

/** A session of the console ends so long after its sign-in, whatever it does, */
const sessionLifeMs = 8 * 3_600_000;
/** or where nobody has done anything for so long. */
const sessionIdleMs = 30 * 60_000;

/** A browser takes a cookie of 4096 bytes with its name and attributes. */
const tokenLengthMax = 2_800;
const sealedLengthMax = 3_900;

/** What the cookie holds, sealed: no script sees it, and no server keeps it. */
interface Sealed {
  readonly token: string;
  /** Milliseconds since 1970, as all here. */
  readonly begunAt: number;
  readonly seenAt: number;
}

export interface ConsoleSession {
  /** The cookie's value. */
  readonly sealed: string;
  readonly endsAt: number;
  /** Where nothing is done until then. */
  readonly idleEndsAt: number;
}

/** The signed-in browsers of this server's console; none of them is kept. */
export interface ConsoleSessions {
  /** What the request's cookie is worth, as an Authorization header says it; undefined: nothing. */
  authorizationOf(info: RequestInfo): Promise<string | undefined>;
  /** A session for whoever shows the token. Throws what authenticate throws, tooManyCalls, fieldInvalid. */
  begin(info: RequestInfo, token: string): Promise<ConsoleSession>;
  /** The same session, seen now. Throws authHeaderMissing where there is none. */
  renew(info: RequestInfo): Promise<ConsoleSession>;
  /** What a stranger has done for them: counted like a token where it comes to nothing. Throws what it throws, tooManyCalls. */
  guarded<Value>(info: RequestInfo, work: () => Promise<Value>): Promise<Value>;
  /** Of this server's database, for what else a browser carries. */
  seal(): Promise<Seal>;
  readonly now: () => number;
}

export type ConsoleSessionApp = AuthenticateApp & Limited & { readonly store: SealStore };

export function createConsoleSessions(app: ConsoleSessionApp): ConsoleSessions {
  let seal: Promise<Seal> | undefined;
  const loadSeal = () => {
    // Asked again where the database did not answer.
    seal ??= sealOf(app.store).catch((error: unknown) => {
      seal = undefined;
      throw error;
    });
    return seal;
  };
  const read = async (info: RequestInfo): Promise<Sealed | undefined> => {
    const value = readCookie('session', info);
    if (value === undefined || value.length > sealedLengthMax || !isSameOrigin(info)) return undefined;
    const text = (await loadSeal()).open('console-session', value);
    const session = text === undefined ? undefined : (JSON.parse(text) as Sealed);
    return session !== undefined && isAlive(session, app.now()) ? session : undefined;
  };
  const write = async (session: Sealed, caller: Caller): Promise<ConsoleSession> => {
    const sealed = (await loadSeal()).close('console-session', JSON.stringify(session));
    const endsAt = Math.min(session.begunAt + sessionLifeMs, caller.expiresAt ?? Number.POSITIVE_INFINITY);
    return { sealed, endsAt, idleEndsAt: Math.min(endsAt, session.seenAt + sessionIdleMs) };
  };
  return {
    now: app.now,
    seal: loadSeal,
    guarded: (info, work) => counted(app, info, { authorization: undefined, work }),
    authorizationOf: async (info) => bearer((await read(info))?.token),
    async begin(info, pasted) {
      const token = pasted.trim();
      if (token.length > tokenLengthMax) {
        const text = `token: longer than ${tokenLengthMax} characters, too long for a cookie; use a personal access token`;
        throw new DomainError('fieldInvalid', { text });
      }
      const caller = await callerOf(app, info, bearer(token));
      const now = app.now();
      return write({ token, begunAt: now, seenAt: now }, caller);
    },
    async renew(info) {
      const session = await read(info);
      const caller = await callerOf(app, info, bearer(session?.token));
      if (session === undefined) throw new DomainError('authHeaderMissing');
      return write({ ...session, seenAt: app.now() }, caller);
    },
  };
}

const bearer = (token: string | undefined) => (token === undefined ? undefined : `Bearer ${token}`);

// One that begins later than now is of a clock that ran ahead: it would last until that was caught up with.
function isAlive({ begunAt, seenAt }: Sealed, now: number): boolean {
  return Math.abs(now - begunAt) < sessionLifeMs && Math.abs(now - seenAt) < sessionIdleMs;
}

/** As every call does it: who guesses tokens here is counted with those who guess them there. */
function callerOf(app: ConsoleSessionApp, info: RequestInfo, authorization: string | undefined) {
  const origin = () => readOrigin(info);
  const work = () => authenticate(app, { authorization, organizationId: undefined, origin });
  return counted(app, info, { authorization, work });
}

interface Attempt<Value> {
  readonly authorization: string | undefined;
  readonly work: () => Promise<Value>;
}

async function counted<Value>(
  app: ConsoleSessionApp,
  { remoteAddress }: RequestInfo,
  { authorization, work }: Attempt<Value>,
): Promise<Value> {
  requireNotRefused(app, remoteAddress, authorization);
  try {
    const value = await work();
    if (authorization !== undefined) chargeRefused(app, remoteAddress, { authorization });
    return value;
  } catch (error) {
    chargeRefused(app, remoteAddress, { authorization, error });
    throw error;
  }
}
