import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Answer } from '../../support/answer.ts';
import { type Door, openDoor } from '../../support/door.ts';
import type { MethodName } from '../../support/methods.ts';
import { startServer, type TestServer } from '../../support/start-server.ts';
import { type Place, table } from './who-may.ts';

/** The columns of every table here. An IAM_ role is held on the instance, an ORG_ role in the organization "home". */
const roles = [
  ...['IAM_OWNER', 'IAM_OWNER_VIEWER', 'IAM_ORG_MANAGER', 'IAM_USER_MANAGER', 'IAM_LOGIN_CLIENT'],
  ...['IAM_USER_UNLOCKER', 'ORG_OWNER', 'ORG_OWNER_VIEWER', 'ORG_USER_MANAGER', 'ORG_USER_UNLOCKER'],
  'none',
];

const tokens = new Map<string, string>();
let server: TestServer;
let door: Door;
let count = 0;

beforeAll(async () => {
  server = await startServer();
  await server.people.organization('home');
  await server.people.organization('abroad');
  for (const role of roles) tokens.set(role, await callerOf(role));
  door = openDoor(server.url, tokenOf('IAM_OWNER'));
});
afterAll(async () => {
  await door[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const held = (role: string, organization: string) =>
  role.startsWith('IAM_') ? role : { role, organization };
const callerOf = (role: string): Promise<string> =>
  server.people.caller({ organization: 'home', roles: role === 'none' ? [] : [held(role, 'home')] });
const tokenOf = (role: string): string => tokens.get(role) ?? '';
// What a call is asked, on a target of its own; for a list, what it must hold to have found the target.
type Arrange = (place: Place) => Promise<{ readonly message: JsonObject; readonly finds?: string }>;

const onUser =
  (state: 'active' | 'locked' | 'inactive', more: JsonObject = {}): Arrange =>
  async (place) => ({
    message: { userId: await server.people.user({ organization: place, state }), ...more },
  });
const machine = (organization: string) => server.people.user({ organization, kind: 'machine' });
const machineWithToken = async (organization: string) => {
  const userId = await machine(organization);
  return { userId, tokenId: (await server.people.token(userId)).split('.')[0] ?? '' };
};
const expirationDate = '2035-01-01T00:00:00Z';
const profile = { givenName: 'Given', familyName: 'Family' };
const newImported = () => ({
  human: { givenName: 'Given', familyName: 'Family', email: `${fresh()}@mail.example` },
});
const newHuman = () => {
  count += 1;
  return { profile, email: { email: `new-${count}@mail.example` } };
};
const fresh = () => {
  count += 1;
  return `new-${count}`;
};
const grantTo = async (place: Place, role: string, organizationId?: string) => ({
  userId: await server.people.user({ organization: place }),
  role,
  ...(organizationId !== undefined && { organizationId }),
});
const heldGrant = async (place: Place, role: string, organizationId?: string) => {
  const grant = await grantTo(place, role, organizationId);
  const where = organizationId === undefined ? role : { role, organization: organizationId };
  await server.people.grant(grant.userId, where);
  return grant;
};

const onSession = async (place: Place) => {
  const { sessionId } = await server.people.session(await server.people.user({ organization: place }));
  return { message: { sessionId }, sessionId };
};
const onUnverified: Arrange = async (place) => {
  const userId = await server.people.user({ organization: place });
  await door.ask('SetEmail', { userId, email: `${fresh()}@mail.example` });
  return { message: { userId, returnCode: {} } };
};
const arrange: Readonly<Record<MethodName, Arrange>> = {
  UnlockUser: onUser('locked'),
  LockUser: onUser('active'),
  DeactivateUser: onUser('active'),
  ReactivateUser: onUser('inactive'),
  DeleteUser: onUser('active'),
  GetUserByID: onUser('active'),
  SetPassword: onUser('active', { newPassword: { password: 'next' } }),
  UpdateUser: async (place) => onUser('locked', { username: fresh() })(place),
  UpdateHumanUser: onUser('active', { phone: { phone: '1' } }),
  SetEmail: async (place) => onUser('active', { email: `${fresh()}@mail.example` })(place),
  SetPhone: onUser('active', { phone: '2' }),
  RemovePhone: onUser('active'),
  ListAuthenticationMethodTypes: async (place) => ({ ...(await onUser('locked')(place)), finds: 'PASSWORD' }),
  SendEmailCode: onUnverified,
  ResendEmailCode: onUnverified,
  VerifyEmail: async (place) => {
    const { message } = await onUnverified(place);
    const { response } = await door.ask('SendEmailCode', message);
    return { message: { userId: message.userId ?? '', verificationCode: response.verificationCode ?? '' } };
  },
  PasswordReset: onUser('locked', { returnCode: {} }),
  SetUserMetadata: onUser('locked', { metadata: [{ key: 'a', value: 'AAAA' }] }),
  ListUserMetadata: onUser('locked'),
  DeleteUserMetadata: onUser('active', { keys: ['a'] }),
  AddPersonalAccessToken: async (place) => ({ message: { userId: await machine(place), expirationDate } }),
  RemovePersonalAccessToken: async (place) => ({ message: await machineWithToken(place) }),
  CreateUser: async (place) => ({ message: { organizationId: place, human: newHuman() } }),
  AddHumanUser: async (place) => ({ message: { organization: { orgId: place }, ...newHuman() } }),
  ListUsers: async (place) => {
    const userId = await server.people.user({ organization: place });
    return { message: { queries: [{ inUserIdsQuery: { userIds: [userId] } }] }, finds: userId };
  },
  ListPersonalAccessTokens: async (place) => {
    const { userId, tokenId } = await machineWithToken(place);
    return { message: { filters: [{ userIdFilter: { id: userId } }] }, finds: tokenId };
  },
  CreateOrganization: async () => {
    count += 1;
    return { message: { name: `organization ${count}` } };
  },
  ListOrganizations: async (place) => ({ message: {}, finds: `"${place}"` }),
  AddGrant: async (place) => ({ message: await grantTo(place, 'ORG_USER_UNLOCKER', place) }),
  RemoveGrant: async (place) => ({ message: await heldGrant(place, 'ORG_USER_UNLOCKER', place) }),
  ListGrants: async (place) => {
    const { userId } = await heldGrant(place, 'ORG_OWNER_VIEWER', place);
    return { message: { userId }, finds: 'ORG_OWNER_VIEWER' };
  },
  CreateSession: async (place) => {
    const userId = await server.people.user({ organization: place });
    return { message: { checks: { user: { userId } } } };
  },
  SetSession: onSession,
  GetSession: onSession,
  DeleteSession: onSession,
  ListSessions: async (place) => ({ message: {}, finds: (await onSession(place)).sessionId }),
  ListEvents: async () => ({ message: {}, finds: 'organization.added' }),
  ListUserHistory: onUser('locked'),
  GetCaller: async () => ({ message: {} }),
  ImportUsers: async (place) => ({ message: { organizationId: place, users: [newImported()] } }),
  GetLock: onUser('locked'),
  ListLocks: async (place) => {
    const userId = await server.people.user({ organization: place, state: 'locked' });
    return { message: { userIds: [userId] }, finds: userId };
  },
  'LockService.LockUser': onUser('active'),
  'LockService.UnlockUser': onUser('locked'),
  ExplainUser: onUser('locked'),
  GetLockoutPolicy: async (organizationId) => ({ message: { organizationId } }),
  SetLockoutPolicy: async (organizationId) => ({ message: { organizationId, policy: {} } }),
  ResetLockoutPolicy: async (organizationId) => {
    await door.ask('SetLockoutPolicy', { organizationId, policy: {} });
    return { message: { organizationId } };
  },
  GetLockoutSettings: async (orgId) => ({ message: { ctx: { orgId } } }),
};

/** + done, - PermissionDenied, ? NotFound with this id, 0 a list without the target; anything else in full. */
function mark(answer: Answer, notFound: string, finds: string | undefined): string {
  const [first, second] = answer.details;
  if (answer.ok) return finds === undefined || JSON.stringify(answer.response).includes(finds) ? '+' : '0';
  const isForbidden = first?.id === 'AUTH-AWfge' && second?.reason === 'PERMISSION_MISSING';
  if (answer.code === 'PermissionDenied' && isForbidden && answer.httpStatus === 403) return '-';
  if (answer.code === 'NotFound' && first?.id === notFound && answer.httpStatus === 404) return '?';
  return `${answer.code} ${answer.message}`;
}

const columns = (row: string): string => row.trim().replaceAll(/ +/g, ' ');

describe('who may', () => {
  test('every call stands in the table', () => {
    expect(new Set(table.map(([method]) => method))).toEqual(new Set(Object.keys(arrange)));
  });

  test.each(table)('%s, %s', async (method, place, expected, notFound) => {
    const marks = [];
    for (const role of roles) {
      const { message, finds } = await arrange[method](place);
      marks.push(mark(await door.ask(method, message, tokenOf(role)), notFound, finds));
    }
    expect(marks.join(' ')).toBe(columns(expected));
  });
});

describe('may read there, but not act: forbidden, not hidden', () => {
  const methods = (...names: readonly MethodName[]) => names;
  const readers: Readonly<Record<string, readonly MethodName[]>> = {
    ORG_USER_UNLOCKER: methods('UnlockUser', 'LockService.UnlockUser'),
    ORG_USER_MANAGER: [
      ...methods('LockUser', 'DeactivateUser', 'ReactivateUser', 'DeleteUser', 'LockService.LockUser'),
      ...methods('UpdateUser', 'UpdateHumanUser', 'SetEmail', 'SetPhone', 'RemovePhone', 'CreateUser'),
      ...methods('SendEmailCode', 'ResendEmailCode', 'VerifyEmail', 'AddHumanUser'),
      ...methods('ImportUsers'),
      ...methods('SetUserMetadata', 'DeleteUserMetadata'),
    ],
    ORG_OWNER: [
      ...methods('SetPassword', 'PasswordReset', 'AddPersonalAccessToken', 'RemovePersonalAccessToken'),
      ...methods('AddGrant', 'RemoveGrant', 'SetLockoutPolicy', 'ResetLockoutPolicy'),
    ],
  };
  const cases = Object.entries(readers).flatMap(([role, all]) => all.map((name) => [name, role] as const));
  test.each(cases)('%s, with %s at home and a viewer abroad', async (method, role) => {
    const viewer = { role: 'ORG_OWNER_VIEWER', organization: 'abroad' };
    const token = await server.people.caller({ organization: 'home', roles: [held(role, 'home'), viewer] });
    const { message } = await arrange[method]('abroad');
    expect(mark(await door.ask(method, message, token), '', undefined)).toBe('-');
  });
});
