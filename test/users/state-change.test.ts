import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseUserId } from '../../src/domain/ids.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import { type Door, openDoor } from '../support/door.ts';
import type { MethodName } from '../support/methods.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';

const states = [
  'initial',
  'active',
  'active, three failures',
  'inactive',
  'locked by an administrator',
  'locked for a while',
  'locked by the policy',
] as const;
type StateName = (typeof states)[number];
const [from, isSignedOut] = [/^(initial|active|inactive|locked)/, /^(inactive|locked)/];

let count = 0;
const fresh = () => `changed-${++count}`;
const newPassword = () => ({ password: `next ${fresh()}` });

/** Every call that changes who somebody is or what they sign in with; `code` where it takes one that was handed out. */
const changes: readonly {
  readonly name: string;
  readonly method: MethodName;
  readonly message: () => JsonObject;
  readonly code?: { readonly from: MethodName };
}[] = [
  { name: 'name', method: 'UpdateUser', message: () => ({ username: fresh() }) },
  {
    name: 'texts',
    method: 'UpdateUser',
    message: () => ({ human: { profile: { nickName: fresh() } } }),
  },
  {
    name: 'person',
    method: 'UpdateHumanUser',
    message: () => ({ profile: { givenName: fresh(), familyName: 'Moreau' } }),
  },
  { name: 'address', method: 'SetEmail', message: () => ({ email: `${fresh()}@mail.example` }) },
  { name: 'proof of it', method: 'VerifyEmail', message: () => ({}), code: { from: 'SendEmailCode' } },
  {
    name: 'verified address',
    method: 'SetEmail',
    message: () => ({ email: `${fresh()}@mail.example`, isVerified: true }),
  },
  { name: 'number', method: 'SetPhone', message: () => ({ phone: '+41 44 000 00 00' }) },
  { name: 'no number', method: 'RemovePhone', message: () => ({}) },
  {
    name: 'metadata',
    method: 'SetUserMetadata',
    message: () => ({ metadata: [{ key: 'a', value: Buffer.from(fresh()).toString('base64') }] }),
  },
  { name: 'no metadata', method: 'DeleteUserMetadata', message: () => ({ keys: ['a'] }) },
  { name: 'password', method: 'SetPassword', message: () => ({ newPassword: newPassword() }) },
  {
    name: 'password in an update',
    method: 'UpdateUser',
    message: () => ({ human: { password: { password: newPassword() } } }),
  },
  { name: 'a code for a password', method: 'PasswordReset', message: () => ({ returnCode: {} }) },
  {
    name: 'password by the code',
    method: 'SetPassword',
    message: () => ({ newPassword: newPassword() }),
    code: { from: 'PasswordReset' },
  },
];

/** A lock is shown with the name that its user has now. */
function withoutName(lock: unknown): unknown {
  const { loginName: _name, ...rest } = Object(lock) as JsonObject;
  return rest;
}

describe.each(stores)('no change opens a lock or gives fresh attempts, on %s', (_kind, openDatabase) => {
  const resources = new AsyncDisposableStack();
  let server: TestServer;
  let door: Door;

  beforeAll(async () => {
    const { database } = resources.use(await openDatabase());
    server = resources.use(await startServer({ database, flags: ['--lockout-attempts', '4'] }));
    await server.people.organization('acme');
    const owner = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
    door = resources.use(openDoor(server.url, owner));
  });
  afterAll(() => resources.disposeAsync());

  const wrong = (userId: string) =>
    door.ask('SetPassword', { userId, currentPassword: `wrong ${fresh()}`, newPassword: newPassword() });

  async function somebody(state: StateName): Promise<string> {
    const word = from.exec(state)?.[0] as 'initial' | 'active' | 'inactive' | 'locked';
    const isByHand = state === 'locked by an administrator';
    const plain = word === 'locked' && !isByHand ? 'active' : word;
    const userId = await server.people.user({ organization: 'acme', state: plain });
    const failures = { 'active, three failures': 3, 'locked by the policy': 4 }[String(state)] ?? 0;
    for (let nth = 0; nth < failures; nth += 1) await wrong(userId);
    const until = new Date(server.clock.nowMs + 3_600_000).toISOString();
    if (state === 'locked for a while') await door.ask('LockService.LockUser', { userId, until });
    return userId;
  }

  const seen = async (userId: string) => ({
    state: (await door.user(userId))?.state,
    lock: withoutName((await door.ask('GetLock', { userId })).response.lock),
    failedAttempts: (await server.app.store.loadUser(parseUserId(userId)))?.failedPasswordAttempts,
    lockout: (await server.app.store.loadUser(parseUserId(userId)))?.lockout,
  });

  test.each(states)('%s', async (state) => {
    const userId = await somebody(state);
    const before = await seen(userId);
    expect(before.state).toBe(`USER_STATE_${from.exec(state)?.[0].toUpperCase()}`);
    for (const { name, method, message, code } of changes) {
      const handed = code && (await door.ask(code.from, { userId, returnCode: {} }));
      const verificationCode = handed?.response.verificationCode;
      const answer = await door.ask(method, {
        ...{ userId, ...message() },
        ...(verificationCode !== undefined && { verificationCode }),
      });
      // A code is a way to sign in, which is shut for these.
      const isShut = code !== undefined && isSignedOut.test(state);
      expect([state, name, answer.code]).toEqual([state, name, isShut ? 'FailedPrecondition' : 'OK']);
      expect([state, name, await seen(userId)]).toEqual([state, name, before]);
    }
    if (state === 'active, three failures') {
      await wrong(userId);
      expect((await seen(userId)).state).toBe('USER_STATE_LOCKED');
    }
    expect(await verify(server.app.store)).toMatchObject({ problems: [] });
  });
});
