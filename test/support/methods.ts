import type { DescMethodUnary } from '@bufbuild/protobuf';
import { AdminService } from '../../gen/es/latchkey/v1/admin_pb.js';
import { AttemptService } from '../../gen/es/latchkey/v1/attempt_service_pb.js';
import { LockService } from '../../gen/es/latchkey/v1/lock_pb.js';
import { PolicyService } from '../../gen/es/latchkey/v1/policy_pb.js';
import { SubscriptionService } from '../../gen/es/latchkey/v1/subscription_pb.js';
import { UnlockRunService } from '../../gen/es/latchkey/v1/unlock_run_pb.js';
import { SessionService } from '../../gen/es/zitadel/session/v2/session_service_pb.js';
import { SettingsService } from '../../gen/es/zitadel/settings/v2/settings_service_pb.js';
import { UserService } from '../../gen/es/zitadel/user/v2/user_service_pb.js';

/** A unary call: its descriptor, and its REST route as the contract's table has it. */
export interface Method {
  readonly desc: DescMethodUnary;
  readonly verb: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly route: string;
  /** Where the verb alone does not say so. */
  readonly hasBody?: true;
}

const { method: user } = UserService;
const { method: admin } = AdminService;
const { method: session } = SessionService;
const { method: attempt } = AttemptService;
const { method: lock } = LockService;
const { method: policy } = PolicyService;
const { method: run } = UnlockRunService;
const { method: subscription } = SubscriptionService;
const subscriptions = '/latchkey/v1/subscriptions';
const oneSubscription = `${subscriptions}/{subscription_id}`;

export const methods = {
  UnlockUser: { desc: user.unlockUser, verb: 'POST', route: '/v2/users/{user_id}/unlock' },
  LockUser: { desc: user.lockUser, verb: 'POST', route: '/v2/users/{user_id}/lock' },
  DeactivateUser: { desc: user.deactivateUser, verb: 'POST', route: '/v2/users/{user_id}/deactivate' },
  ReactivateUser: { desc: user.reactivateUser, verb: 'POST', route: '/v2/users/{user_id}/reactivate' },
  DeleteUser: { desc: user.deleteUser, verb: 'DELETE', route: '/v2/users/{user_id}' },
  GetUserByID: { desc: user.getUserByID, verb: 'GET', route: '/v2/users/{user_id}' },
  ListUsers: { desc: user.listUsers, verb: 'POST', route: '/v2/users' },
  CreateUser: { desc: user.createUser, verb: 'POST', route: '/v2/users/new' },
  AddHumanUser: { desc: user.addHumanUser, verb: 'POST', route: '/v2/users/human' },
  SetPassword: { desc: user.setPassword, verb: 'POST', route: '/v2/users/{user_id}/password' },
  UpdateUser: { desc: user.updateUser, verb: 'PATCH', route: '/v2/users/{user_id}' },
  UpdateHumanUser: { desc: user.updateHumanUser, verb: 'PUT', route: '/v2/users/human/{user_id}' },
  SetEmail: { desc: user.setEmail, verb: 'POST', route: '/v2/users/{user_id}/email' },
  SetPhone: { desc: user.setPhone, verb: 'POST', route: '/v2/users/{user_id}/phone' },
  RemovePhone: { desc: user.removePhone, verb: 'DELETE', route: '/v2/users/{user_id}/phone' },
  ListAuthenticationMethodTypes: {
    desc: user.listAuthenticationMethodTypes,
    verb: 'GET',
    route: '/v2/users/{user_id}/authentication_methods',
  },
  SendEmailCode: { desc: user.sendEmailCode, verb: 'POST', route: '/v2/users/{user_id}/email/send' },
  ResendEmailCode: { desc: user.resendEmailCode, verb: 'POST', route: '/v2/users/{user_id}/email/resend' },
  VerifyEmail: { desc: user.verifyEmail, verb: 'POST', route: '/v2/users/{user_id}/email/verify' },
  PasswordReset: { desc: user.passwordReset, verb: 'POST', route: '/v2/users/{user_id}/password_reset' },
  SetUserMetadata: { desc: user.setUserMetadata, verb: 'POST', route: '/v2/users/{user_id}/metadata' },
  ListUserMetadata: {
    desc: user.listUserMetadata,
    verb: 'POST',
    route: '/v2/users/{user_id}/metadata/search',
  },
  DeleteUserMetadata: {
    desc: user.deleteUserMetadata,
    verb: 'DELETE',
    route: '/v2/users/{user_id}/metadata',
  },
  AddPersonalAccessToken: {
    desc: user.addPersonalAccessToken,
    verb: 'POST',
    route: '/v2/users/{user_id}/pats',
  },
  RemovePersonalAccessToken: {
    desc: user.removePersonalAccessToken,
    verb: 'DELETE',
    route: '/v2/users/{user_id}/pats/{token_id}',
  },
  ListPersonalAccessTokens: {
    desc: user.listPersonalAccessTokens,
    verb: 'POST',
    route: '/v2/users/pats/search',
  },
  CreateOrganization: { desc: admin.createOrganization, verb: 'POST', route: '/latchkey/v1/organizations' },
  ListOrganizations: { desc: admin.listOrganizations, verb: 'GET', route: '/latchkey/v1/organizations' },
  AddGrant: { desc: admin.addGrant, verb: 'POST', route: '/latchkey/v1/users/{user_id}/grants' },
  RemoveGrant: {
    desc: admin.removeGrant,
    verb: 'DELETE',
    route: '/latchkey/v1/users/{user_id}/grants/{role}',
  },
  ListGrants: { desc: admin.listGrants, verb: 'GET', route: '/latchkey/v1/grants' },
  CreateSession: { desc: session.createSession, verb: 'POST', route: '/v2/sessions' },
  SetSession: { desc: session.setSession, verb: 'PATCH', route: '/v2/sessions/{session_id}' },
  GetSession: { desc: session.getSession, verb: 'GET', route: '/v2/sessions/{session_id}' },
  DeleteSession: {
    desc: session.deleteSession,
    verb: 'DELETE',
    route: '/v2/sessions/{session_id}',
    hasBody: true,
  },
  ListSessions: { desc: session.listSessions, verb: 'POST', route: '/v2/sessions/search' },
  ListEvents: { desc: admin.listEvents, verb: 'GET', route: '/latchkey/v1/events' },
  ListUserHistory: {
    desc: admin.listUserHistory,
    verb: 'GET',
    route: '/latchkey/v1/users/{user_id}/history',
  },
  EraseUser: { desc: admin.eraseUser, verb: 'POST', route: '/latchkey/v1/users/{user_id}/erase' },
  GetCaller: { desc: admin.getCaller, verb: 'GET', route: '/latchkey/v1/me' },
  ImportUsers: { desc: admin.importUsers, verb: 'POST', route: '/latchkey/v1/users/import' },
  BeginAttempt: { desc: attempt.beginAttempt, verb: 'POST', route: '/latchkey/v1/attempts' },
  EndAttempt: {
    desc: attempt.endAttempt,
    verb: 'POST',
    route: '/latchkey/v1/attempts/{attempt_id}/end',
  },
  GetLock: { desc: lock.getLock, verb: 'GET', route: '/latchkey/v1/users/{user_id}/lock' },
  ListLocks: { desc: lock.listLocks, verb: 'GET', route: '/latchkey/v1/locks' },
  'LockService.LockUser': {
    desc: lock.lockUser,
    verb: 'POST',
    route: '/latchkey/v1/users/{user_id}/lock',
  },
  'LockService.UnlockUser': {
    desc: lock.unlockUser,
    verb: 'POST',
    route: '/latchkey/v1/users/{user_id}/unlock',
  },
  ExplainUser: { desc: lock.explainUser, verb: 'GET', route: '/latchkey/v1/users/{user_id}/explanation' },
  PreviewUnlock: { desc: run.previewUnlock, verb: 'POST', route: '/latchkey/v1/unlock_runs/preview' },
  StartUnlockRun: { desc: run.startUnlockRun, verb: 'POST', route: '/latchkey/v1/unlock_runs' },
  GetUnlockRun: { desc: run.getUnlockRun, verb: 'GET', route: '/latchkey/v1/unlock_runs/{run_id}' },
  ListUnlockRuns: { desc: run.listUnlockRuns, verb: 'GET', route: '/latchkey/v1/unlock_runs' },
  ListUnlockRunItems: {
    desc: run.listUnlockRunItems,
    verb: 'GET',
    route: '/latchkey/v1/unlock_runs/{run_id}/items',
  },
  CancelUnlockRun: {
    desc: run.cancelUnlockRun,
    verb: 'POST',
    route: '/latchkey/v1/unlock_runs/{run_id}/cancel',
  },
  RevertUnlockRun: {
    desc: run.revertUnlockRun,
    verb: 'POST',
    route: '/latchkey/v1/unlock_runs/{run_id}/revert',
  },
  GetLockoutPolicy: { desc: policy.getLockoutPolicy, verb: 'GET', route: '/latchkey/v1/policies/lockout' },
  SetLockoutPolicy: { desc: policy.setLockoutPolicy, verb: 'POST', route: '/latchkey/v1/policies/lockout' },
  ResetLockoutPolicy: {
    desc: policy.resetLockoutPolicy,
    verb: 'DELETE',
    route: '/latchkey/v1/policies/lockout',
  },
  CreateSubscription: { desc: subscription.createSubscription, verb: 'POST', route: subscriptions },
  ListSubscriptions: { desc: subscription.listSubscriptions, verb: 'GET', route: subscriptions },
  GetSubscription: { desc: subscription.getSubscription, verb: 'GET', route: oneSubscription },
  UpdateSubscription: { desc: subscription.updateSubscription, verb: 'PATCH', route: oneSubscription },
  DeleteSubscription: { desc: subscription.deleteSubscription, verb: 'DELETE', route: oneSubscription },
  PauseSubscription: {
    desc: subscription.pauseSubscription,
    verb: 'POST',
    route: `${oneSubscription}/pause`,
  },
  ResumeSubscription: {
    desc: subscription.resumeSubscription,
    verb: 'POST',
    route: `${oneSubscription}/resume`,
  },
  TestSubscription: { desc: subscription.testSubscription, verb: 'POST', route: `${oneSubscription}/test` },
  ListAttempts: { desc: subscription.listAttempts, verb: 'GET', route: `${oneSubscription}/attempts` },
  GetLockoutSettings: {
    desc: SettingsService.method.getLockoutSettings,
    verb: 'GET',
    route: '/v2/settings/lockout',
  },
} as const satisfies Record<string, Method>;

export type MethodName = keyof typeof methods;
