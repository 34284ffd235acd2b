import type { JsonObject } from '@bufbuild/protobuf';
import type { MethodName } from '../support/methods.ts';
import { password } from '../support/people.ts';

const newPassword = { password: 'next' };
const expirationDate = '2035-01-01T00:00:00Z';
const atHome = { role: 'ORG_USER_UNLOCKER', organizationId: 'home' };
const abroad = { role: 'ORG_USER_UNLOCKER', organizationId: 'abroad' };

/** A call about one user. */
export interface Call {
  readonly name: string;
  readonly method: MethodName;
  readonly request: (userId: string, tokenIds: Readonly<Record<string, string>>) => JsonObject;
  /** What the owner of the other organization is answered: an error's id, or OK for a list without that user. */
  readonly owner: string;
}

const user = 'LATCH-us3rnf0d';
const plainly = (method: MethodName, owner: string): Call => ({
  name: method,
  method,
  request: (userId) => ({ userId }),
  owner,
});

/** Every call that takes a user's id, in every way that could tell users apart. */
export const calls: readonly Call[] = [
  plainly('UnlockUser', 'COMMAND-x377t913pw'),
  plainly('LockUser', 'COMMAND-450yxuqrh1'),
  plainly('DeactivateUser', 'COMMAND-5gp2p62iin'),
  plainly('ReactivateUser', 'COMMAND-9hy5kzbuk6'),
  plainly('DeleteUser', 'COMMAND-bd4ir1mblj'),
  plainly('GetUserByID', user),
  {
    name: 'SetPassword',
    method: 'SetPassword',
    request: (userId) => ({ userId, newPassword }),
    owner: user,
  },
  {
    name: 'SetPassword with the right password',
    method: 'SetPassword',
    request: (userId) => ({ userId, newPassword, currentPassword: password }),
    owner: user,
  },
  {
    name: 'SetPassword with a wrong password',
    method: 'SetPassword',
    request: (userId) => ({ userId, newPassword, currentPassword: 'wrong' }),
    owner: user,
  },
  {
    name: 'UpdateUser',
    method: 'UpdateUser',
    request: (userId) => ({ userId, username: 'other', human: { phone: { phone: '1' } } }),
    owner: user,
  },
  {
    name: 'UpdateUser with a wrong password',
    method: 'UpdateUser',
    request: (userId) => ({
      ...{ userId, human: { password: { password: newPassword, currentPassword: 'wrong' } } },
    }),
    owner: user,
  },
  {
    name: 'UpdateHumanUser',
    method: 'UpdateHumanUser',
    request: (userId) => ({ userId, username: 'other' }),
    owner: user,
  },
  {
    name: 'SetEmail',
    method: 'SetEmail',
    request: (userId) => ({ userId, email: 'other@mail.example' }),
    owner: user,
  },
  { name: 'SetPhone', method: 'SetPhone', request: (userId) => ({ userId, phone: '1' }), owner: user },
  {
    name: 'SetPassword with a code',
    method: 'SetPassword',
    request: (userId) => ({ userId, newPassword, verificationCode: 'AAAAAA' }),
    owner: user,
  },
  {
    name: 'SendEmailCode',
    method: 'SendEmailCode',
    request: (userId) => ({ userId, returnCode: {} }),
    owner: user,
  },
  {
    name: 'ResendEmailCode',
    method: 'ResendEmailCode',
    request: (userId) => ({ userId, returnCode: {} }),
    owner: user,
  },
  {
    name: 'VerifyEmail',
    method: 'VerifyEmail',
    request: (userId) => ({ userId, verificationCode: 'AAAAAA' }),
    owner: user,
  },
  {
    name: 'PasswordReset',
    method: 'PasswordReset',
    request: (userId) => ({ userId, returnCode: {} }),
    owner: user,
  },
  plainly('RemovePhone', user),
  plainly('ListAuthenticationMethodTypes', user),
  {
    name: 'SetUserMetadata',
    method: 'SetUserMetadata',
    request: (userId) => ({ userId, metadata: [{ key: 'mine', value: 'AAAA' }] }),
    owner: user,
  },
  plainly('ListUserMetadata', user),
  {
    name: 'DeleteUserMetadata',
    method: 'DeleteUserMetadata',
    request: (userId) => ({ userId, keys: ['mine'] }),
    owner: user,
  },
  {
    name: 'AddPersonalAccessToken',
    method: 'AddPersonalAccessToken',
    request: (userId) => ({ userId, expirationDate }),
    owner: user,
  },
  {
    name: 'RemovePersonalAccessToken',
    method: 'RemovePersonalAccessToken',
    request: (userId, tokenIds) => ({ userId, tokenId: tokenIds[userId] ?? 'none' }),
    owner: user,
  },
  {
    name: 'AddGrant at home',
    method: 'AddGrant',
    request: (userId) => ({ userId, ...atHome }),
    owner: user,
  },
  { name: 'AddGrant abroad', method: 'AddGrant', request: (userId) => ({ userId, ...abroad }), owner: user },
  { name: 'RemoveGrant', method: 'RemoveGrant', request: (userId) => ({ userId, ...atHome }), owner: user },
  {
    name: 'ListUsers',
    method: 'ListUsers',
    request: (userId) => ({ queries: [{ inUserIdsQuery: { userIds: [userId] } }] }),
    owner: 'OK',
  },
  {
    name: 'ListPersonalAccessTokens',
    method: 'ListPersonalAccessTokens',
    request: (userId) => ({ filters: [{ userIdFilter: { id: userId } }] }),
    owner: 'OK',
  },
  { ...plainly('ListGrants', 'OK') },
  plainly('ListUserHistory', user),
  plainly('EraseUser', user),
  plainly('BeginAttempt', 'AUTH-AWfge'),
  plainly('GetLock', user),
  plainly('ExplainUser', user),
  plainly('LockService.LockUser', 'COMMAND-450yxuqrh1'),
  plainly('LockService.UnlockUser', 'COMMAND-x377t913pw'),
  {
    name: 'LockService.LockUser with everything',
    method: 'LockService.LockUser',
    request: (userId) => ({
      ...{ userId, reason: 'why', until: '2020-01-01T00:00:00Z', requestId: 'once', validateOnly: true },
    }),
    owner: 'COMMAND-450yxuqrh1',
  },
  {
    name: 'LockService.UnlockUser with everything',
    method: 'LockService.UnlockUser',
    request: (userId) => ({
      ...{ userId, reason: 'why', ticket: '1', identification: 'phone' },
      ...{ expectedGeneration: '2', requestId: 'once', validateOnly: true },
    }),
    owner: 'COMMAND-x377t913pw',
  },
  {
    name: 'ListLocks',
    method: 'ListLocks',
    request: (userId) => ({ userIds: [userId], loginName: `${userId}@abroad.example` }),
    owner: 'OK',
  },
  {
    name: 'PreviewUnlock',
    method: 'PreviewUnlock',
    request: (userId) => ({ filter: { userIds: [userId] }, sampleSize: 2 }),
    owner: 'OK',
  },
  { ...plainly('ListEvents', 'AUTH-AWfge') },
];

const profile = { givenName: 'Given', familyName: 'Family' };
const human = { profile, email: { email: 'x@mail.example' } };
/** Every call that takes an organization's id, but for those whose lists are scoped by it anyway. */
export const asksAboutOrganization: readonly (readonly [string, MethodName, (id: string) => JsonObject])[] = [
  ['CreateUser', 'CreateUser', (id) => ({ organizationId: id, human })],
  ['AddHumanUser by id', 'AddHumanUser', (id) => ({ organization: { orgId: id }, ...human })],
  [
    'AddHumanUser by domain',
    'AddHumanUser',
    (id) => ({ organization: { orgDomain: `${id}.example` }, ...human }),
  ],
  [
    'ImportUsers',
    'ImportUsers',
    (organizationId) => ({ organizationId, users: [{ machine: { name: 'm' } }] }),
  ],
  ['AddGrant', 'AddGrant', (organizationId) => ({ userId: 'own', role: 'ORG_OWNER_VIEWER', organizationId })],
  [
    'RemoveGrant',
    'RemoveGrant',
    (organizationId) => ({ userId: 'own', role: 'ORG_OWNER_VIEWER', organizationId }),
  ],
  ['ListGrants', 'ListGrants', (organizationId) => ({ organizationId })],
  ['ListLocks', 'ListLocks', (organizationId) => ({ organizationId })],
  ['PreviewUnlock', 'PreviewUnlock', (organizationId) => ({ filter: { organizationId }, sampleSize: 2 })],
  ['GetLockoutPolicy', 'GetLockoutPolicy', (organizationId) => ({ organizationId })],
  ['SetLockoutPolicy', 'SetLockoutPolicy', (organizationId) => ({ organizationId, policy: {} })],
  ['ResetLockoutPolicy', 'ResetLockoutPolicy', (organizationId) => ({ organizationId })],
  [
    'CreateSubscription',
    'CreateSubscription',
    (organizationId) => ({ organizationId, url: 'https://hooks.example/' }),
  ],
  ['GetLockoutSettings', 'GetLockoutSettings', (orgId) => ({ ctx: { orgId } })],
  [
    'ListUsers',
    'ListUsers',
    (organizationId) => ({ queries: [{ organizationIdQuery: { organizationId } }] }),
  ],
  [
    'ListPersonalAccessTokens',
    'ListPersonalAccessTokens',
    (id) => ({ filters: [{ organizationIdFilter: { id } }] }),
  ],
];
