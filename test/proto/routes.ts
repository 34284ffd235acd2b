// Every call with its route, by service: `* ` where the body is the request, then the status of a success.

export const userRoutes = `
UnlockUser POST /v2/users/{user_id}/unlock *
LockUser POST /v2/users/{user_id}/lock *
DeactivateUser POST /v2/users/{user_id}/deactivate *
ReactivateUser POST /v2/users/{user_id}/reactivate *
DeleteUser DELETE /v2/users/{user_id}
GetUserByID GET /v2/users/{user_id}
ListUsers POST /v2/users *
CreateUser POST /v2/users/new *
AddHumanUser POST /v2/users/human * deprecated
SetPassword POST /v2/users/{user_id}/password *
AddPersonalAccessToken POST /v2/users/{user_id}/pats *
RemovePersonalAccessToken DELETE /v2/users/{user_id}/pats/{token_id}
ListPersonalAccessTokens POST /v2/users/pats/search *
UpdateUser PATCH /v2/users/{user_id} *
UpdateHumanUser PUT /v2/users/human/{user_id} * deprecated
SetEmail POST /v2/users/{user_id}/email *
SetPhone POST /v2/users/{user_id}/phone *
RemovePhone DELETE /v2/users/{user_id}/phone
ListAuthenticationMethodTypes GET /v2/users/{user_id}/authentication_methods
SendEmailCode POST /v2/users/{user_id}/email/send *
ResendEmailCode POST /v2/users/{user_id}/email/resend *
VerifyEmail POST /v2/users/{user_id}/email/verify *
PasswordReset POST /v2/users/{user_id}/password_reset *
SetUserMetadata POST /v2/users/{user_id}/metadata *
ListUserMetadata POST /v2/users/{user_id}/metadata/search *
DeleteUserMetadata DELETE /v2/users/{user_id}/metadata
`;

export const sessionRoutes = `
CreateSession POST /v2/sessions * 201
SetSession PATCH /v2/sessions/{session_id} *
GetSession GET /v2/sessions/{session_id}
DeleteSession DELETE /v2/sessions/{session_id} *
ListSessions POST /v2/sessions/search *
`;

export const adminRoutes = `
CreateOrganization POST /latchkey/v1/organizations *
ListOrganizations GET /latchkey/v1/organizations
AddGrant POST /latchkey/v1/users/{user_id}/grants *
RemoveGrant DELETE /latchkey/v1/users/{user_id}/grants/{role}
ListGrants GET /latchkey/v1/grants, GET /latchkey/v1/users/{user_id}/grants
ListEvents GET /latchkey/v1/events
FollowEvents stream
ListUserHistory GET /latchkey/v1/users/{user_id}/history
EraseUser POST /latchkey/v1/users/{user_id}/erase *
GetCaller GET /latchkey/v1/me
ImportUsers POST /latchkey/v1/users/import *
`;

export const lockRoutes = `
GetLock GET /latchkey/v1/users/{user_id}/lock
ListLocks GET /latchkey/v1/locks
LockUser POST /latchkey/v1/users/{user_id}/lock *
UnlockUser POST /latchkey/v1/users/{user_id}/unlock *
ExplainUser GET /latchkey/v1/users/{user_id}/explanation
FollowLocks stream
`;

const policy = '/latchkey/v1/policies/lockout';
const policyOfOne = '/latchkey/v1/organizations/{organization_id}/policies/lockout';
export const policyRoutes = `
GetLockoutPolicy GET ${policy}, GET ${policyOfOne}
SetLockoutPolicy POST ${policy} *, POST ${policyOfOne} *
ResetLockoutPolicy DELETE ${policy}, DELETE ${policyOfOne}
`;

export const unlockRunRoutes = `
PreviewUnlock POST /latchkey/v1/unlock_runs/preview *
StartUnlockRun POST /latchkey/v1/unlock_runs *
GetUnlockRun GET /latchkey/v1/unlock_runs/{run_id}
ListUnlockRuns GET /latchkey/v1/unlock_runs
ListUnlockRunItems GET /latchkey/v1/unlock_runs/{run_id}/items
CancelUnlockRun POST /latchkey/v1/unlock_runs/{run_id}/cancel *
WatchUnlockRun stream
RevertUnlockRun POST /latchkey/v1/unlock_runs/{run_id}/revert *
`;

const subscriptions = '/latchkey/v1/subscriptions';
const subscription = `${subscriptions}/{subscription_id}`;
export const subscriptionRoutes = `
CreateSubscription POST ${subscriptions} *
ListSubscriptions GET ${subscriptions}
GetSubscription GET ${subscription}
UpdateSubscription PATCH ${subscription} *
DeleteSubscription DELETE ${subscription}
PauseSubscription POST ${subscription}/pause *
ResumeSubscription POST ${subscription}/resume *
TestSubscription POST ${subscription}/test *
ListAttempts GET ${subscription}/attempts
`;

export const attemptRoutes = `
BeginAttempt POST /latchkey/v1/attempts *
EndAttempt POST /latchkey/v1/attempts/{attempt_id}/end *
`;
