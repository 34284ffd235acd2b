import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import type { Recorder } from './recorder.ts';

const user = (name: string): string => `zitadel.user.v2.UserService.${name}`;
const admin = (name: string): string => `latchkey.v1.AdminService.${name}`;
const lock = (name: string): string => `latchkey.v1.LockService.${name}`;
const run = (name: string): string => `latchkey.v1.UnlockRunService.${name}`;
const policy = (name: string): string => `latchkey.v1.PolicyService.${name}`;
const subscription = (name: string): string => `latchkey.v1.SubscriptionService.${name}`;
const session = (name: string): string => `zitadel.session.v2.SessionService.${name}`;
const elsewhere = (name: string): string => `latchkey.v1.AttemptService.${name}`;
const health = (name: string): string => `grpc.health.v1.Health.${name}`;

const password = 'a lantern on the quay';
const newPassword = 'nine boats, one harbour';
const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString();

/** Makes every call once, in an order in which each finds what it needs. */
export async function tellStory(recorder: Recorder): Promise<void> {
  const made = await recorder.call(admin('CreateOrganization'), {
    name: 'Harbour',
    domain: 'harbour.example',
  });
  const organizationId = text(object(made.organization).organizationId);
  await recorder.call(admin('ListOrganizations'), { query: { limit: 10, asc: true } });
  await recorder.call(admin('GetCaller'), {});
  const { id } = await recorder.call(user('CreateUser'), {
    organizationId,
    username: 'noor',
    human: {
      profile: { givenName: 'Noor', familyName: 'Haddad' },
      email: { email: 'noor@harbour.example', isVerified: true },
      password: { password },
    },
  });
  const userId = text(id);
  await findAndChange(recorder, userId, organizationId);
  await proveAndReset(recorder, userId);
  await signInAndOut(recorder);
  await tryElsewhere(recorder, userId);
  await lockAndUnlock(recorder, userId);
  await unlockMany(recorder, userId, organizationId);
  await bringPeople(recorder, organizationId);
  await makeTokens(recorder, organizationId);
  await setPolicy(recorder, organizationId);
  await subscribe(recorder, organizationId);
  await lookAround(recorder, userId);
  await recorder.call(user('DeactivateUser'), { userId });
  await recorder.call(user('ReactivateUser'), { userId });
  await recorder.call(user('DeleteUser'), { userId });
  await recorder.call(admin('EraseUser'), { userId });
}

async function findAndChange(recorder: Recorder, userId: string, organizationId: string): Promise<void> {
  await recorder.call(user('AddHumanUser'), {
    organization: { orgId: organizationId },
    profile: { givenName: 'Teo', familyName: 'Marin' },
    email: { email: 'teo@harbour.example', isVerified: true },
  });
  await recorder.call(user('GetUserByID'), { userId });
  const queries = [{ userNameQuery: { userName: 'noor', method: 'TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE' } }];
  await recorder.call(user('ListUsers'), { query: { limit: 10 }, queries });
  await recorder.call(user('ListAuthenticationMethodTypes'), { userId });
  await recorder.call(user('UpdateUser'), { userId, human: { profile: { nickName: 'Nono' } } });
  const profile = { givenName: 'Noor', familyName: 'Haddad', displayName: 'Noor H.' };
  await recorder.call(user('UpdateHumanUser'), { userId, profile });
  await recorder.call(user('SetPhone'), { userId, phone: '+15550100', isVerified: true });
  await recorder.call(user('RemovePhone'), { userId });
  const metadata = [{ key: 'badge', value: Buffer.from('4711').toString('base64') }];
  await recorder.call(user('SetUserMetadata'), { userId, metadata });
  await recorder.call(user('ListUserMetadata'), { userId });
  await recorder.call(user('DeleteUserMetadata'), { userId, keys: ['badge'] });
}

async function proveAndReset(recorder: Recorder, userId: string): Promise<void> {
  await recorder.call(user('SetEmail'), { userId, email: 'noor.haddad@harbour.example', returnCode: {} });
  await recorder.call(user('SendEmailCode'), { userId, returnCode: {} });
  const { verificationCode } = await recorder.call(user('ResendEmailCode'), { userId, returnCode: {} });
  await recorder.call(user('VerifyEmail'), { userId, verificationCode: text(verificationCode) });
  await recorder.call(user('PasswordReset'), { userId, returnCode: {} });
  await recorder.call(user('SetPassword'), { userId, newPassword: { password: newPassword } });
}

async function signInAndOut(recorder: Recorder): Promise<void> {
  const checks = { user: { loginName: 'noor' }, password: { password: newPassword } };
  const began = await recorder.call(session('CreateSession'), { checks, lifetime: '3600s' });
  const sessionId = text(began.sessionId);
  await recorder.call(session('GetSession'), { sessionId });
  await recorder.call(session('ListSessions'), { query: { limit: 10 } });
  const { sessionToken } = await recorder.call(session('SetSession'), { sessionId, lifetime: '7200s' });
  await recorder.call(session('DeleteSession'), { sessionId, sessionToken: text(sessionToken) });
  const wrong = { user: { loginName: 'noor' }, password: { password: 'not it' } };
  await recorder.prepare(session('CreateSession'), { checks: wrong }).catch(isWrong);
}

const isWrong = (error: unknown): JsonObject => {
  if (!String(error).includes('PASSWORD_INVALID')) throw error;
  return {};
};

async function tryElsewhere(recorder: Recorder, userId: string): Promise<void> {
  const attempt = { ip: '192.0.2.7', userAgent: 'Harbour intranet' };
  const { attemptId } = await recorder.call(elsewhere('BeginAttempt'), { userId, ...attempt });
  await recorder.call(elsewhere('EndAttempt'), { attemptId: text(attemptId), outcome: 'OUTCOME_SUCCEEDED' });
}

async function lockAndUnlock(recorder: Recorder, userId: string): Promise<void> {
  await recorder.call(user('LockUser'), { userId });
  await recorder.call(user('UnlockUser'), { userId });
  await recorder.call(lock('LockUser'), {
    userId,
    reason: 'phone stolen, reported by the team lead',
    until: inDays(7),
    requestId: '6f1f3c1e-2f6b-4f0e-9a55-0d7c7f0f2b11',
  });
  const { lock: held } = await recorder.call(lock('GetLock'), { userId });
  await recorder.call(lock('ListLocks'), { query: { limit: 10 } });
  await recorder.call(lock('FollowLocks'), { afterPosition: '0' });
  await recorder.call(lock('ExplainUser'), { userId });
  await recorder.call(lock('UnlockUser'), {
    userId,
    reason: 'phone found',
    ticket: 'HD-4711',
    identification: 'called back',
    expectedGeneration: text(object(held).generation),
  });
}

async function unlockMany(recorder: Recorder, userId: string, organizationId: string): Promise<void> {
  await recorder.prepare(user('LockUser'), { userId });
  const filter = { organizationId, causes: ['LOCK_CAUSE_ADMINISTRATOR'] };
  const preview = await recorder.call(run('PreviewUnlock'), { filter, sampleSize: 10 });
  const { run: started } = await recorder.call(run('StartUnlockRun'), {
    runToken: text(preview.runToken),
    confirmedCount: text(preview.count),
    reason: 'false alarm of the night',
    ticket: 'HD-4712',
    requestId: '2b0a5f7e-7a3c-4b57-8d0e-64c1b8f9f3a0',
  });
  const runId = text(object(started).runId);
  await ended(recorder, runId);
  await recorder.call(run('WatchUnlockRun'), { runId });
  await recorder.call(run('GetUnlockRun'), { runId });
  await recorder.call(run('ListUnlockRuns'), {});
  await recorder.call(run('ListUnlockRunItems'), { runId, pageSize: 10 });
  const back = await recorder.call(run('RevertUnlockRun'), { runId, reason: 'it was real' });
  await ended(recorder, text(object(back.run).runId));
  await cancelOne(recorder, organizationId);
  await recorder.prepare(user('UnlockUser'), { userId }).catch(() => ({}));
}

/** A run that has more to do than whoever cancels it can be slow: of that many users, one a second. */
async function cancelOne(recorder: Recorder, organizationId: string): Promise<void> {
  const users = Array.from({ length: usersOfSlowRun }, (_, index) => ({
    username: `barge-${index}`,
    machine: { name: 'Barge' },
    state: 'USER_STATE_LOCKED',
  }));
  for (let from = 0; from < users.length; from += 100)
    await recorder.prepare(admin('ImportUsers'), { organizationId, users: users.slice(from, from + 100) });
  const { runToken, count } = await recorder.prepare(run('PreviewUnlock'), { filter: { organizationId } });
  const order = { runToken: text(runToken), confirmedCount: text(count), maxPerSecond: 1 };
  const { run: slow } = await recorder.prepare(run('StartUnlockRun'), order);
  const runId = text(object(slow).runId);
  await recorder.call(run('CancelUnlockRun'), { runId });
  await ended(recorder, runId);
}

const usersOfSlowRun = 200;
const looksMax = 600;

async function ended(recorder: Recorder, runId: string): Promise<void> {
  for (let look = 0; look < looksMax; look += 1) {
    const { run: found } = await recorder.prepare(run('GetUnlockRun'), { runId });
    if (object(found).ended !== undefined) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the run ${runId} goes on`);
}

async function bringPeople(recorder: Recorder, organizationId: string): Promise<void> {
  const human = {
    givenName: 'Ines',
    familyName: 'Duarte',
    email: 'ines@harbour.example',
    emailVerified: true,
  };
  const users = [{ username: 'ines', human, state: 'USER_STATE_LOCKED', lockReason: 'on leave' }];
  await recorder.call(admin('ImportUsers'), { organizationId, users });
}

async function makeTokens(recorder: Recorder, organizationId: string): Promise<void> {
  const machine = { organizationId, username: 'night-watch', machine: { name: 'Night watch' } };
  const { id } = await recorder.prepare(user('CreateUser'), machine);
  const userId = text(id);
  await recorder.call(admin('AddGrant'), { userId, role: 'ORG_USER_UNLOCKER', organizationId });
  await recorder.call(admin('ListGrants'), { userId });
  await recorder.call(admin('RemoveGrant'), { userId, role: 'ORG_USER_UNLOCKER', organizationId });
  const { tokenId } = await recorder.call(user('AddPersonalAccessToken'), {
    userId,
    expirationDate: inDays(90),
  });
  await recorder.call(user('ListPersonalAccessTokens'), { filters: [{ userIdFilter: { id: userId } }] });
  await recorder.call(user('RemovePersonalAccessToken'), { userId, tokenId: text(tokenId) });
}

async function setPolicy(recorder: Recorder, organizationId: string): Promise<void> {
  const wanted = { maxPasswordAttempts: 5, window: '900s', lockDuration: '1800s' };
  const ofOrganization = { organizationId, policy: wanted };
  await recorder.call(policy('SetLockoutPolicy'), { policy: wanted });
  await recorder.prepare(policy('SetLockoutPolicy'), ofOrganization);
  await recorder.call(policy('GetLockoutPolicy'), {});
  await recorder.call('zitadel.settings.v2.SettingsService.GetLockoutSettings', {
    ctx: { orgId: organizationId },
  });
  await recorder.call(policy('ResetLockoutPolicy'), {});
}

async function subscribe(recorder: Recorder, organizationId: string): Promise<void> {
  const made = await recorder.call(subscription('CreateSubscription'), {
    organizationId,
    url: 'https://chat.harbour.example/hooks/locks',
    description: 'locks, to the watch room',
    eventTypes: ['user.locked', 'user.unlocked'],
  });
  const subscriptionId = text(object(made.subscription).subscriptionId);
  await recorder.call(subscription('ListSubscriptions'), { query: { limit: 10 } });
  await recorder.call(subscription('PauseSubscription'), { subscriptionId });
  await recorder.call(subscription('TestSubscription'), { subscriptionId });
  await recorder.call(subscription('UpdateSubscription'), {
    subscriptionId,
    rotateSecret: true,
    keepPreviousFor: '172800s',
  });
  await recorder.call(subscription('GetSubscription'), { subscriptionId });
  await recorder.call(subscription('ListAttempts'), { subscriptionId });
  await recorder.call(subscription('ResumeSubscription'), { subscriptionId });
  await recorder.call(subscription('DeleteSubscription'), { subscriptionId });
}

async function lookAround(recorder: Recorder, userId: string): Promise<void> {
  await recorder.call(admin('ListUserHistory'), { userId, limit: 2 });
  await recorder.call(admin('ListEvents'), { afterPosition: '4', limit: 2 });
  await recorder.call(admin('FollowEvents'), { afterPosition: '4' });
  for (const name of ['Check', 'List', 'Watch']) await recorder.call(health(name), {});
}

function text(value: JsonValue | undefined): string {
  if (typeof value !== 'string') throw new Error(`no text: ${JSON.stringify(value)}`);
  return value;
}

function object(value: JsonValue | undefined): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`no object: ${JSON.stringify(value)}`);
  return value;
}
