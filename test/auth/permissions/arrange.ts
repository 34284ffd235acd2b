import type { JsonObject } from '@bufbuild/protobuf';
import type { Door } from '../../support/door.ts';
import type { MethodName } from '../../support/methods.ts';
import type { People } from '../../support/people.ts';
import { ended, runOf } from '../../unlock-run/runs.ts';
import type { Place } from './who-may.ts';

/** What a call is asked, on a target of its own; for a list, what it must hold to have found the target. */
export type Arrange = (place: Place) => Promise<{ readonly message: JsonObject; readonly finds?: string }>;

const expirationDate = '2035-01-01T00:00:00Z';
const profile = { givenName: 'Given', familyName: 'Family' };

let people: People;
let door: Door;
let count = 0;
const onUser =
  (state: 'active' | 'locked' | 'inactive', more: JsonObject = {}): Arrange =>
  async (place) => ({
    message: { userId: await people.user({ organization: place, state }), ...more },
  });
const machine = (organization: string) => people.user({ organization, kind: 'machine' });
const machineWithToken = async (organization: string) => {
  const userId = await machine(organization);
  return { userId, tokenId: (await people.token(userId)).split('.')[0] ?? '' };
};
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
  userId: await people.user({ organization: place }),
  role,
  ...(organizationId !== undefined && { organizationId }),
});
const heldGrant = async (place: Place, role: string, organizationId?: string) => {
  const grant = await grantTo(place, role, organizationId);
  const where = organizationId === undefined ? role : { role, organization: organizationId };
  await people.grant(grant.userId, where);
  return grant;
};

const onSession = async (place: Place) => {
  const { sessionId } = await people.session(await people.user({ organization: place }));
  return { message: { sessionId }, sessionId };
};
const onUnverified: Arrange = async (place) => {
  const userId = await people.user({ organization: place });
  await door.ask('SetEmail', { userId, email: `${fresh()}@mail.example` });
  return { message: { userId, returnCode: {} } };
};
const places = new Map<Place, string>();
/** A fresh one in the place of the last. */
const onSubscription =
  (isPaused: boolean, more: JsonObject = {}): Arrange =>
  async (place) => {
    const last = places.get(place);
    if (last !== undefined) await door.ask('DeleteSubscription', { subscriptionId: last });
    const wanted = { organizationId: place, url: 'https://127.0.0.1/' };
    const { response } = await door.ask('CreateSubscription', wanted);
    const { subscriptionId } = response.subscription as { readonly subscriptionId: string };
    places.set(place, subscriptionId);
    if (isPaused) await door.ask('PauseSubscription', { subscriptionId });
    return { message: { subscriptionId, ...more } };
  };
const preview = async (place: Place, howMany = 1) => {
  const userIds: string[] = [];
  for (let index = 0; index < howMany; index += 1) {
    userIds.push(await people.user({ organization: place, state: 'locked' }));
  }
  const { response } = await door.ask('PreviewUnlock', { filter: { userIds } });
  const { runToken = '', count: confirmedCount = '' } = response;
  return { userId: userIds[0] ?? '', message: { runToken, confirmedCount } };
};
/** A run of three, which takes some seconds. */
const slowRun = async (place: Place) => {
  const { userId, message } = await preview(place, 3);
  const run = runOf(await door.ask('StartUnlockRun', { ...message, maxPerSecond: 1 }));
  return { message: { runId: run.runId ?? '' }, userId };
};
/** A run of one, over in no time: slow ones keep those behind them waiting. */
const quickRun = async (place: Place) => {
  const { userId, message } = await preview(place);
  const run = runOf(await door.ask('StartUnlockRun', message));
  return { message: { runId: run.runId ?? '' }, userId };
};
const endedRuns = new Map<Place, JsonObject>();
const endedRun: Arrange = async (place) => {
  const started = endedRuns.get(place) ?? (await quickRun(place)).message;
  const run = await ended(door, started);
  endedRuns.set(place, run);
  return { message: { runId: run.runId ?? '' } };
};
/** Every call on something of its own. */
export const arrange: Readonly<Record<MethodName, Arrange>> = {
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
  ListAuthenticationMethodTypes: async (place) => ({
    ...(await onUser('locked')(place)),
    finds: 'PASSWORD',
  }),
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
    const userId = await people.user({ organization: place });
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
    const userId = await people.user({ organization: place });
    return { message: { checks: { user: { userId } } } };
  },
  SetSession: onSession,
  GetSession: onSession,
  DeleteSession: onSession,
  ListSessions: async (place) => ({ message: {}, finds: (await onSession(place)).sessionId }),
  ListEvents: async () => ({ message: {}, finds: 'organization.added' }),
  ListUserHistory: onUser('locked'),
  EraseUser: onUser('locked'),
  GetCaller: async () => ({ message: {} }),
  ImportUsers: async (place) => ({ message: { organizationId: place, users: [newImported()] } }),
  BeginAttempt: onUser('active'),
  EndAttempt: async (place) => {
    const { response } = await door.ask('BeginAttempt', (await onUser('active')(place)).message);
    return { message: { attemptId: response.attemptId ?? '', outcome: 'OUTCOME_SUCCEEDED' } };
  },
  GetLock: onUser('locked'),
  ListLocks: async (place) => {
    const userId = await people.user({ organization: place, state: 'locked' });
    return { message: { userIds: [userId] }, finds: userId };
  },
  'LockService.LockUser': onUser('active'),
  'LockService.UnlockUser': onUser('locked'),
  ExplainUser: onUser('locked'),
  PreviewUnlock: async (place) => {
    const userId = await people.user({ organization: place, state: 'locked' });
    return { message: { filter: { userIds: [userId] }, sampleSize: 2 }, finds: userId };
  },
  StartUnlockRun: async (place) => preview(place),
  GetUnlockRun: async (place) => ({ message: (await quickRun(place)).message }),
  ListUnlockRuns: async (place) => ({ message: {}, finds: String((await quickRun(place)).message.runId) }),
  ListUnlockRunItems: async (place) => {
    const { message, userId } = await quickRun(place);
    return { message, finds: userId };
  },
  CancelUnlockRun: async (place) => ({ message: (await slowRun(place)).message }),
  RevertUnlockRun: endedRun,
  GetLockoutPolicy: async (organizationId) => ({ message: { organizationId } }),
  SetLockoutPolicy: async (organizationId) => ({ message: { organizationId, policy: {} } }),
  ResetLockoutPolicy: async (organizationId) => {
    await door.ask('SetLockoutPolicy', { organizationId, policy: {} });
    return { message: { organizationId } };
  },
  CreateSubscription: async (organizationId) => ({
    message: { organizationId, url: 'https://127.0.0.1/' },
  }),
  ListSubscriptions: async (place) => {
    const { message } = await onSubscription(true)(place);
    return { message: {}, finds: String(message.subscriptionId) };
  },
  GetSubscription: onSubscription(true),
  UpdateSubscription: onSubscription(true, { rotateSecret: true }),
  DeleteSubscription: onSubscription(true),
  PauseSubscription: onSubscription(false),
  ResumeSubscription: onSubscription(true),
  TestSubscription: onSubscription(true),
  ListAttempts: onSubscription(true),
  GetLockoutSettings: async (orgId) => ({ message: { ctx: { orgId } } }),
};

/** Where all of it is from now on. The door is an owner's. */
export function arrangeOn(ground: { readonly people: People; readonly door: Door }): void {
  ({ people, door } = ground);
}
