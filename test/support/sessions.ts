import type { JsonObject } from '@bufbuild/protobuf';
import { defaultPolicy, type LockoutPolicy } from '../../src/domain/lockout-policy.ts';
import type { Answer } from './answer.ts';
import { type Door, openDoor } from './door.ts';
import { password } from './people.ts';
import { startServer, type TestServer, type TestServerOptions } from './start-server.ts';

/** A server with the organizations `home` and `abroad`, and the program through which their people sign in. */
export interface SignInFixture extends AsyncDisposable {
  readonly server: TestServer;
  readonly door: Door;
  /** Tries to sign in; the right password unless another is given. */
  signIn(userId: string, guess?: string, more?: JsonObject): Promise<Answer>;
  /** What GetSession says to who has the token. */
  look(session: JsonObject): Promise<Answer>;
}

/** Its limit is 5 wrong passwords unless the flags say otherwise. */
export async function openSignIns(options: TestServerOptions = {}): Promise<SignInFixture> {
  const flags = options.flags ?? ['--lockout-attempts', '5'];
  const server = await startServer({ ...options, flags });
  const isFirst = (await server.app.store.loadOrganization({ domain: 'home.example' })) === undefined;
  if (isFirst) for (const id of ['home', 'abroad']) await server.people.organization(id);
  const roles = ['IAM_LOGIN_CLIENT'];
  // As long as the server allows: behind a hundred others, on a busy machine, the deadline is not what a test is about.
  const patient = { 'connect-timeout-ms': '300000' };
  const door = openDoor(server.url, await server.people.caller({ organization: 'home', roles }));
  return {
    server,
    door,
    signIn: (userId, guess = password, more = {}) =>
      door.ask(
        'CreateSession',
        { checks: { user: { userId }, password: { password: guess } }, ...more },
        undefined,
        patient,
      ),
    look: ({ sessionId, sessionToken }) =>
      door.ask('GetSession', { sessionId: sessionId ?? null, sessionToken: sessionToken ?? null }),
    async [Symbol.asyncDispose]() {
      await door[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** What a wrong password is answered with. */
export const wrongPassword = 'Password is invalid (COMMAND-3M0fs)';
export const notActive = 'Errors.User.NotActive (SESSION-Gj4ko)';

/** Sets the policy of `home`, over and over. */
export async function setPolicy({ server }: SignInFixture, policy: Partial<LockoutPolicy>): Promise<void> {
  const { store } = server.app;
  const organizationId = 'home' as never;
  const { organization: before } = await store.loadLockoutPolicies(organizationId);
  const at = { createdAt: server.clock.nowMs, eventId: server.app.newId() };
  const whole = { ...defaultPolicy, maxPasswordAttempts: 5, ...policy };
  await store.changeLockoutPolicy({ organizationId, before, policy: whole, at, meta: {} });
}
