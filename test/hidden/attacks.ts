import type { JsonObject } from '@bufbuild/protobuf';
import type { MethodName } from '../support/methods.ts';
import { password } from '../support/people.ts';

/** Somebody and something of another organization, or of none. */
export interface Target {
  readonly organizationId: string;
  readonly userId: string;
  readonly tokenId: string;
  readonly sessionId: string;
  readonly sessionToken: string;
  readonly runId: string;
  readonly subscriptionId: string;
}

const expirationDate = '2035-01-01T00:00:00Z';
const profile = { givenName: 'Given', familyName: 'Family' };
const human = { profile, email: { email: 'eve@mail.example' } };
const imported = { ...profile, email: 'eve@mail.example' };
const onUser = ({ userId }: Target): readonly JsonObject[] => [{ userId }];
const onOrganization = ({ organizationId }: Target): readonly JsonObject[] => [{ organizationId }];
const onSession = ({ sessionId, sessionToken }: Target): readonly JsonObject[] => [
  { sessionId },
  { sessionId, sessionToken },
];
const onRun = ({ runId }: Target): readonly JsonObject[] => [{ runId }];
const onSubscription = ({ subscriptionId }: Target): readonly JsonObject[] => [{ subscriptionId }];
const url = 'https://eve.example/hook';
const nothing = (): readonly JsonObject[] => [{}];

/** What an attacker asks of a target, by every call that there is; each would do or show something to who may. */
export const attacks: Readonly<Record<MethodName, (target: Target) => readonly JsonObject[]>> = {
  UnlockUser: onUser,
  LockUser: onUser,
  DeactivateUser: onUser,
  ReactivateUser: onUser,
  DeleteUser: onUser,
  GetUserByID: onUser,
  SetPassword: ({ userId }) => [
    { userId, newPassword: { password: 'next' } },
    { userId, newPassword: { password: 'next' }, currentPassword: password },
  ],
  UpdateUser: ({ userId }) => [
    { userId, username: 'mine' },
    { userId, human: { password: { password: { password: 'next' }, currentPassword: password } } },
    { userId, machine: { name: 'mine' } },
  ],
  UpdateHumanUser: ({ userId }) => [{ userId, ...human, username: 'mine' }],
  SetEmail: ({ userId }) => [{ userId, email: 'eve@mail.example', isVerified: true }],
  SetPhone: ({ userId }) => [{ userId, phone: '1' }],
  RemovePhone: onUser,
  ListAuthenticationMethodTypes: onUser,
  SendEmailCode: ({ userId }) => [{ userId, returnCode: {} }],
  ResendEmailCode: ({ userId }) => [{ userId, returnCode: {} }],
  VerifyEmail: ({ userId }) => [{ userId, verificationCode: 'AAAAAA' }],
  PasswordReset: ({ userId }) => [{ userId, returnCode: {} }],
  SetUserMetadata: ({ userId }) => [{ userId, metadata: [{ key: 'mine', value: 'AAAA' }] }],
  ListUserMetadata: onUser,
  DeleteUserMetadata: ({ userId }) => [{ userId, keys: ['mine'] }],
  AddPersonalAccessToken: ({ userId }) => [{ userId, expirationDate }],
  RemovePersonalAccessToken: ({ userId, tokenId }) => [{ userId, tokenId }],
  ListPersonalAccessTokens: ({ userId, tokenId, organizationId }) => [
    {},
    { filters: [{ userIdFilter: { id: userId } }] },
    { filters: [{ tokenIdFilter: { id: tokenId } }, { organizationIdFilter: { id: organizationId } }] },
  ],
  ListUsers: ({ userId, organizationId }) => [
    {},
    { queries: [{ inUserIdsQuery: { userIds: [userId] } }] },
    { queries: [{ notQuery: { query: { organizationIdQuery: { organizationId: 'home' } } } }] },
    { queries: [{ orQuery: { queries: [{ organizationIdQuery: { organizationId } }] } }] },
    { queries: [{ loginNameQuery: { loginName: `${userId}@${organizationId}.example` } }] },
  ],
  CreateUser: ({ organizationId }) => [{ organizationId, human }],
  AddHumanUser: ({ organizationId }) => [
    { organization: { orgId: organizationId }, ...human },
    { organization: { orgDomain: `${organizationId}.example` }, ...human },
  ],
  CreateOrganization: () => [{ name: 'mine' }],
  ListOrganizations: nothing,
  AddGrant: ({ userId, organizationId }) => [
    { userId, role: 'ORG_OWNER', organizationId: 'home' },
    { userId, role: 'ORG_OWNER', organizationId },
    { userId: 'own', role: 'ORG_OWNER', organizationId },
    { userId, role: 'IAM_OWNER' },
  ],
  RemoveGrant: ({ userId, organizationId }) => [{ userId, role: 'ORG_OWNER', organizationId }],
  ListGrants: ({ userId, organizationId }) => [{ userId }, { organizationId }],
  CreateSession: ({ userId, organizationId }) => [
    { checks: { user: { userId } } },
    { checks: { user: { loginName: `${userId}@${organizationId}.example` }, password: { password } } },
  ],
  SetSession: ({ sessionId, sessionToken }) => [
    { sessionId, checks: { password: { password } } },
    { sessionId, sessionToken, checks: { password: { password: 'wrong' } } },
  ],
  GetSession: onSession,
  DeleteSession: onSession,
  ListSessions: ({ userId, sessionId }) => [
    {},
    { queries: [{ userIdQuery: { id: userId } }] },
    { queries: [{ idsQuery: { ids: [sessionId] } }] },
  ],
  ListEvents: ({ userId }) => [{}, { userId }],
  ListUserHistory: ({ userId }) => [{ userId }, { userId, beforeSequence: '2', limit: 1 }],
  EraseUser: onUser,
  GetCaller: nothing,
  ImportUsers: ({ userId, organizationId }) => [
    { organizationId, users: [{ human: imported }] },
    { organizationId, users: [{ userId, human: imported }], updateExisting: true, validateOnly: true },
  ],
  BeginAttempt: ({ userId, organizationId }) => [
    { userId },
    { loginName: `${userId}@${organizationId}.example` },
    { externalId: 'mine', organizationId, createMissing: true },
  ],
  EndAttempt: () => [{ attemptId: 'guessed', outcome: 'OUTCOME_SUCCEEDED' }],
  GetLock: onUser,
  ListLocks: ({ userId, organizationId }) => [
    {},
    { userIds: [userId] },
    { organizationId },
    { loginName: `${userId}@${organizationId}.example` },
  ],
  'LockService.LockUser': ({ userId }) => [{ userId }, { userId, requestId: 'once', validateOnly: true }],
  'LockService.UnlockUser': ({ userId }) => [
    { userId },
    { userId, expectedGeneration: '2', requestId: 'once', validateOnly: true },
  ],
  ExplainUser: onUser,
  PreviewUnlock: ({ userId, organizationId }) => [
    { filter: { userIds: [userId] }, sampleSize: 2 },
    { filter: { organizationId }, sampleSize: 2 },
  ],
  StartUnlockRun: () => [{ runToken: 'AAAA', confirmedCount: '1' }],
  GetUnlockRun: onRun,
  ListUnlockRuns: nothing,
  ListUnlockRunItems: onRun,
  CancelUnlockRun: onRun,
  RevertUnlockRun: onRun,
  GetLockoutPolicy: onOrganization,
  SetLockoutPolicy: ({ organizationId }) => [{ organizationId, policy: {} }, { policy: {} }],
  ResetLockoutPolicy: (target) => [...onOrganization(target), {}],
  CreateSubscription: ({ organizationId }) => [{ organizationId, url }, { url }],
  ListSubscriptions: nothing,
  GetSubscription: onSubscription,
  UpdateSubscription: ({ subscriptionId }) => [
    { subscriptionId, url },
    { subscriptionId, rotateSecret: true, keepPreviousFor: '0s' },
  ],
  DeleteSubscription: onSubscription,
  PauseSubscription: onSubscription,
  ResumeSubscription: onSubscription,
  TestSubscription: onSubscription,
  ListAttempts: onSubscription,
  GetLockoutSettings: ({ organizationId }) => [
    { ctx: { orgId: organizationId } },
    { ctx: { instance: true } },
  ],
};
