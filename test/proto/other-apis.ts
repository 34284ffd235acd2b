/**
 * The other packages on the wire: our own admin API, and the well-known ones as their specifications number them.
 * One entry a message or enum, further lines indented: `name number type[length in code points] required {oneof}`.
 */
export const otherApis: Readonly<Record<string, string>> = {
  'latchkey.v1': `
CreateOrganizationRequest: name 1 string[1..200], organization_id 2 optional string[1..200], domain 3
  optional string[1..253]
CreateOrganizationResponse: organization 1 Organization
ListOrganizationsRequest: query 1 zitadel.object.v2.ListQuery
ListOrganizationsResponse: details 1 zitadel.object.v2.ListDetails, organizations 2 repeated Organization
AddGrantRequest: user_id 1 string[1..200], role 2 string[1..200], organization_id 3 optional
  string[1..200]
AddGrantResponse: details 1 zitadel.object.v2.Details
RemoveGrantRequest: user_id 1 string[1..200], role 2 string[1..200], organization_id 3 optional
  string[1..200]
RemoveGrantResponse: details 1 zitadel.object.v2.Details
ListGrantsRequest: user_id 1 optional string[1..200], organization_id 2 optional string[1..200], query 3
  zitadel.object.v2.ListQuery
ListGrantsResponse: details 1 zitadel.object.v2.ListDetails, grants 2 repeated Grant
ListEventsRequest: after_position 1 uint64, limit 2 uint32, user_id 3 optional string[1..200], type 4
  optional string[1..200]
ListEventsResponse: events 1 repeated Event, next_position 2 uint64
FollowEventsRequest: after_position 1 uint64, heartbeat_seconds 2 uint32
ListUserHistoryRequest: user_id 1 string[1..200], before_sequence 2 uint64, limit 3 uint32
EraseUserRequest: user_id 1 string[1..200]
EraseUserResponse: details 1 zitadel.object.v2.Details
ListUserHistoryResponse: entries 1 repeated HistoryEntry, next_before_sequence 2 uint64
HistoryEntry: event 1 Event, actor_login_name 2 string
GetCallerRequest:
GetCallerResponse: user_id 1 string, subject 2 string, login_name 3 string, organization_id 4 string,
  grants 5 repeated Grant, permissions 6 repeated HeldPermission, expires 7 Timestamp
ImportUsersRequest: organization_id 1 string[1..200], users 2 repeated ImportedUser, validate_only 3 bool,
  update_existing 4 bool, without_passwords 5 bool, existing_only 6 bool
ImportedUser: user_id 1 string[0..200], external_id 2 string[0..200], username 3 string[0..200], human 4
  ImportedHuman {profile}, machine 5 ImportedMachine {profile}, external 9 ImportedExternal {profile},
  state 6 zitadel.user.v2.UserState, locked_until 7 Timestamp,
  lock_reason 8 string[0..500], remove_external_id 10 bool
ImportedHuman: given_name 1 string[1..200], family_name 2 string[1..200], nick_name 3 string[0..200],
  display_name 4 string[0..200], preferred_language 5 string[0..10], email 6 string[1..200], email_verified 7
  bool, phone 8 string[0..200], phone_verified 9 bool, password_hash 10 string[0..200], change_required 11
  bool, gender 12 zitadel.user.v2.Gender
ImportedMachine: name 1 string[1..200], description 2 string[0..500]
ImportedExternal:
ImportUsersResponse: results 1 repeated ImportedUserResult
ImportedUserResult: outcome 1 ImportOutcome, user_id 2 string, reason 3 string, error_id 4 string, message 5
  string, password_left_out 6 bool
enum ImportOutcome: IMPORT_OUTCOME_UNSPECIFIED 0, IMPORT_OUTCOME_CREATED 1, IMPORT_OUTCOME_UPDATED 2,
  IMPORT_OUTCOME_UNCHANGED 3, IMPORT_OUTCOME_REFUSED 4
HeldPermission: permission 1 string, everywhere 2 bool, organization_ids 3 repeated string
Organization: organization_id 1 string, name 2 string, domain 3 string, creation_date 4 Timestamp
Grant: user_id 1 string, role 2 string, organization_id 3 optional string
Event: position 1 uint64, event_id 2 string, user_id 3 string, sequence 4 uint64, type 5 string,
  creation_date 6 Timestamp, payload 7 Struct, actor 8 Actor
Actor: user_id 1 string, os_user 2 string, ip 3 string, user_agent 4 string, request_id 5 string,
  traceparent 6 string, reason 7 string, subject 8 string, policy 9 string
BeginAttemptRequest: user_id 1 string[1..200] {user}, login_name 2 string[1..454] {user}, external_id 3
  string[1..200] {user}, organization_id 4 optional string[1..200], ip 5 string[0..64], user_agent 6
  string[0..500], device_token 7 string[0..1000], create_missing 8 bool
BeginAttemptResponse: attempt_id 1 string, expires 2 Timestamp, attempts_left 3 optional uint32
EndAttemptRequest: attempt_id 1 string[1..200], outcome 2 Outcome, repeat_digest 3 bytes
EndAttemptResponse: attempts_left 1 optional uint32, lock 2 Lock, device_token 3 string
enum Outcome: OUTCOME_UNSPECIFIED 0, OUTCOME_SUCCEEDED 1, OUTCOME_FAILED 2, OUTCOME_ABANDONED 3
ExplainUserRequest: user_id 1 string[1..200]
ExplainUserResponse: user_id 1 string, state 2 zitadel.user.v2.UserState, can_sign_in 3 bool, summary 4
  string, obstacles 5 repeated Obstacle, attempts_left 6 optional uint32, lock 7 Lock, devices 8 repeated
  KnownDevice
FailedSignIn: time 1 Timestamp, ip 2 string, user_agent 3 string
FollowLocksRequest: after_position 1 string[0..200], organization_id 2 optional string[1..200]
FollowLocksResponse: position 1 string, locked 2 Lock {news}, ended 3 LockEnded {news}, heartbeat 4 Heartbeat
  {news}
Heartbeat: time 1 Timestamp
LockEnded: user_id 1 string, login_name 2 string, organization_id 3 string, generation 4 uint64, end 5
  LockEnd, time 6 Timestamp, ended_by 7 string, reason 8 string, ticket 9 string
GetLockRequest: user_id 1 string[1..200]
GetLockResponse: lock 1 Lock
GetLockoutPolicyRequest: organization_id 1 optional string[1..200]
GetLockoutPolicyResponse: details 1 zitadel.object.v2.Details, policy 2 LockoutPolicy, source 3
  PolicySource
KnownDevice: device_id 1 string, failed_attempts 2 uint32, attempts_left 3 optional uint32
ListLocksRequest: query 1 zitadel.object.v2.ListQuery, organization_id 2 optional string[1..200], cause 3
  LockCause, user_ids 4 repeated string, login_name 5 optional string[1..454], locked_since 6 Timestamp,
  locked_before 7 Timestamp
ListLocksResponse: details 1 zitadel.object.v2.ListDetails, locks 2 repeated Lock
Lock: user_id 1 string, login_name 2 string, organization_id 3 string, cause 4 LockCause, reason 5 string,
  locked_by 6 string, since 7 Timestamp, until 8 Timestamp, failed_attempts 9 uint32, generation 10
  uint64, failed_sign_ins 11 repeated FailedSignIn
LockUserRequest: user_id 1 string[1..200], reason 2 string[0..500], until 3 Timestamp, request_id 4
  string[0..200], validate_only 5 bool
LockUserResponse: details 1 zitadel.object.v2.Details, lock 2 Lock
LockoutPolicy: max_password_attempts 1 optional uint32, window 2 Duration, lock_duration 3 Duration,
  lock_growth 4 optional uint32, max_lock_duration 5 Duration, known_devices 6 optional bool,
  repeats_count_once 7 optional bool, max_address_failures 8 optional uint32, reset_unlocks 9 optional bool
Obstacle: code 1 string, text 2 string, remedy 3 string, ends 4 Timestamp, blocks 5 bool,
  spares_known_devices 6 bool
ResetLockoutPolicyRequest: organization_id 1 optional string[1..200]
ResetLockoutPolicyResponse: details 1 zitadel.object.v2.Details
SetLockoutPolicyRequest: organization_id 1 optional string[1..200], policy 2 LockoutPolicy required
SetLockoutPolicyResponse: details 1 zitadel.object.v2.Details, policy 2 LockoutPolicy
UnlockUserRequest: user_id 1 string[1..200], reason 2 string[0..500], ticket 3 string[0..200],
  identification 4 string[0..500], expected_generation 5 optional uint64, request_id 6 string[0..200],
  validate_only 7 bool
UnlockUserResponse: details 1 zitadel.object.v2.Details, generation 2 uint64
CancelUnlockRunRequest: run_id 1 string[1..200]
CancelUnlockRunResponse: run 1 UnlockRun
CauseCount: cause 1 LockCause, count 2 uint64
GetUnlockRunRequest: run_id 1 string[1..200]
GetUnlockRunResponse: run 1 UnlockRun
ListUnlockRunItemsRequest: run_id 1 string[1..200], outcome 2 UnlockOutcome, page_size 3 uint32,
  page_token 4 string[0..200]
ListUnlockRunItemsResponse: items 1 repeated UnlockRunItem, next_page_token 2 string
ListUnlockRunsRequest: page_size 1 uint32, page_token 2 string[0..200]
ListUnlockRunsResponse: runs 1 repeated UnlockRun, next_page_token 2 string
LockFilter: organization_id 1 optional string[1..200], causes 2 repeated LockCause, locked_since 3
  Timestamp, locked_before 4 Timestamp, user_ids 5 repeated string, except_user_ids 6 repeated string,
  locked_by 7 optional string[1..500], reason_contains 8 optional string[1..500], has_end 9 optional
  bool
OrganizationCount: organization_id 1 string, count 2 uint64
PreviewUnlockRequest: filter 1 LockFilter required, sample_size 2 uint32
PreviewUnlockResponse: count 1 uint64, causes 2 repeated CauseCount, organizations 3 repeated
  OrganizationCount, earliest 4 Timestamp, latest 5 Timestamp, sample 6 repeated Lock, not_permitted 7
  uint64, run_token 8 bytes, run_token_expires 9 Timestamp
RevertUnlockRunRequest: run_id 1 string[1..200], reason 2 string[0..500], ticket 3 string[0..200],
  request_id 4 string[0..200], max_per_second 5 uint32
RevertUnlockRunResponse: run 1 UnlockRun
StartUnlockRunRequest: run_token 1 bytes, confirmed_count 2 uint64, reason 3 string[0..500],
  ticket 4 string[0..200], identification 5 string[0..500], request_id 6 string[0..200], max_per_second
  7 uint32, stop_after_failures 8 uint32
StartUnlockRunResponse: run 1 UnlockRun
UnlockRun: run_id 1 string, state 2 UnlockRunState, total 3 uint64, unlocked 4 uint64, newer_lock 5
  uint64, not_locked 6 uint64, not_permitted 7 uint64, failed 8 uint64, started 9 Timestamp, ended 10
  Timestamp, started_by 11 string, reason 12 string, ticket 13 string, reverts_run_id 14 string,
  locked_again 15 uint64, changed 16 uint64, lock_over 17 uint64, filter 18 LockFilter, max_per_second
  19 uint32, cancelling 20 bool
UnlockRunItem: user_id 1 string, login_name 2 string, organization_id 3 string, generation 4 uint64,
  outcome 5 UnlockOutcome, sequence 6 uint64, why 7 string
WatchUnlockRunRequest: run_id 1 string[1..200]
WatchUnlockRunResponse: run 1 UnlockRun
enum UnlockOutcome: UNLOCK_OUTCOME_UNSPECIFIED 0, UNLOCK_OUTCOME_UNLOCKED 1, UNLOCK_OUTCOME_NEWER_LOCK
  2, UNLOCK_OUTCOME_NOT_LOCKED 3, UNLOCK_OUTCOME_NOT_PERMITTED 4, UNLOCK_OUTCOME_FAILED 5,
  UNLOCK_OUTCOME_LOCKED_AGAIN 6, UNLOCK_OUTCOME_CHANGED 7, UNLOCK_OUTCOME_LOCK_OVER 8
enum UnlockRunState: UNLOCK_RUN_STATE_UNSPECIFIED 0, UNLOCK_RUN_STATE_RUNNING 1, UNLOCK_RUN_STATE_DONE
  2, UNLOCK_RUN_STATE_CANCELLED 3, UNLOCK_RUN_STATE_STOPPED 4
CreateSubscriptionRequest: organization_id 1 optional string[1..200], url 2 string[1..2000], description 3
  string[0..200], event_types 4 repeated string
CreateSubscriptionResponse: subscription 1 Subscription, secret 2 string
ListSubscriptionsRequest: query 1 zitadel.object.v2.ListQuery
ListSubscriptionsResponse: details 1 zitadel.object.v2.ListDetails, subscriptions 2 repeated Subscription
GetSubscriptionRequest: subscription_id 1 string[1..200]
GetSubscriptionResponse: subscription 1 Subscription
UpdateSubscriptionRequest: subscription_id 1 string[1..200], url 2 optional string[1..2000], description 3
  optional string[0..200], event_types 4 EventTypes, rotate_secret 5 bool, keep_previous_for 6 Duration
UpdateSubscriptionResponse: subscription 1 Subscription, secret 2 string
EventTypes: names 1 repeated string
DeleteSubscriptionRequest: subscription_id 1 string[1..200]
DeleteSubscriptionResponse: deletion_date 1 Timestamp
PauseSubscriptionRequest: subscription_id 1 string[1..200]
PauseSubscriptionResponse: subscription 1 Subscription
ResumeSubscriptionRequest: subscription_id 1 string[1..200]
ResumeSubscriptionResponse: subscription 1 Subscription
TestSubscriptionRequest: subscription_id 1 string[1..200]
TestSubscriptionResponse: attempt 1 Attempt
ListAttemptsRequest: subscription_id 1 string[1..200]
ListAttemptsResponse: attempts 1 repeated Attempt
Subscription: subscription_id 1 string, organization_id 2 string, owner_user_id 3 string, url 4 string,
  description 5 string, event_types 6 repeated string, state 7 SubscriptionState, pause_cause 8 PauseCause,
  creation_date 9 Timestamp, change_date 10 Timestamp, previous_secret_until 11 Timestamp, last_delivered 12
  Timestamp, failed_tries 13 uint32, next_try 14 Timestamp
Attempt: time 1 Timestamp, message_id 2 string, event_type 3 string, nth 4 uint32, outcome 5 AttemptOutcome,
  status 6 uint32, duration 7 Duration
enum SubscriptionState: SUBSCRIPTION_STATE_UNSPECIFIED 0, SUBSCRIPTION_STATE_ACTIVE 1,
  SUBSCRIPTION_STATE_PAUSED 2, SUBSCRIPTION_STATE_DISABLED 3
enum PauseCause: PAUSE_CAUSE_UNSPECIFIED 0, PAUSE_CAUSE_ASKED 1, PAUSE_CAUSE_FAILED 2, PAUSE_CAUSE_GONE 3,
  PAUSE_CAUSE_OWNER 4
enum AttemptOutcome: ATTEMPT_OUTCOME_UNSPECIFIED 0, ATTEMPT_OUTCOME_DELIVERED 1, ATTEMPT_OUTCOME_REFUSED 2,
  ATTEMPT_OUTCOME_TIMEOUT 3, ATTEMPT_OUTCOME_UNREACHABLE 4, ATTEMPT_OUTCOME_NAME_UNKNOWN 5,
  ATTEMPT_OUTCOME_NOT_ALLOWED 6, ATTEMPT_OUTCOME_TLS_FAILED 7, ATTEMPT_OUTCOME_INVALID_ANSWER 8
enum LockCause: LOCK_CAUSE_UNSPECIFIED 0, LOCK_CAUSE_POLICY 1, LOCK_CAUSE_ADMINISTRATOR 2,
  LOCK_CAUSE_COMMAND_LINE 3
enum LockEnd: LOCK_END_UNSPECIFIED 0, LOCK_END_UNLOCKED 1, LOCK_END_TIME 2, LOCK_END_DEACTIVATED 3,
  LOCK_END_DELETED 4
enum PolicySource: POLICY_SOURCE_UNSPECIFIED 0, POLICY_SOURCE_DEFAULT 1, POLICY_SOURCE_INSTANCE 2,
  POLICY_SOURCE_ORGANIZATION 3
`,
  'google.api': `
HttpRule: selector 1 string, get 2 string {pattern}, put 3 string {pattern}, post 4 string {pattern},
  delete 5 string {pattern}, patch 6 string {pattern}, custom 8 CustomHttpPattern {pattern}, body 7
  string, response_body 12 string, additional_bindings 11 repeated HttpRule
CustomHttpPattern: kind 1 string, path 2 string
`,
  'google.rpc': `
Status: code 1 int32, message 2 string, details 3 repeated Any
ErrorInfo: reason 1 string, domain 2 string, metadata 3 map<string,string>
RetryInfo: retry_delay 1 Duration
`,
  'grpc.health.v1': `
HealthCheckRequest: service 1 string
HealthCheckResponse: status 1 HealthCheckResponse.ServingStatus
HealthListRequest:
HealthListResponse: statuses 1 map<string,HealthCheckResponse>
enum HealthCheckResponse.ServingStatus: UNKNOWN 0, SERVING 1, NOT_SERVING 2, SERVICE_UNKNOWN 3
`,
  'grpc.reflection.v1': `
ServerReflectionRequest: host 1 string, file_by_filename 3 string {message_request},
  file_containing_symbol 4 string {message_request}, file_containing_extension 5 ExtensionRequest
  {message_request}, all_extension_numbers_of_type 6 string {message_request}, list_services 7 string
  {message_request}
ExtensionRequest: containing_type 1 string, extension_number 2 int32
ServerReflectionResponse: valid_host 1 string, original_request 2 ServerReflectionRequest,
  file_descriptor_response 4 FileDescriptorResponse {message_response}, all_extension_numbers_response 5
  ExtensionNumberResponse {message_response}, list_services_response 6 ListServiceResponse
  {message_response}, error_response 7 ErrorResponse {message_response}
FileDescriptorResponse: file_descriptor_proto 1 repeated bytes
ExtensionNumberResponse: base_type_name 1 string, extension_number 2 repeated int32
ListServiceResponse: service 1 repeated ServiceResponse
ServiceResponse: name 1 string
ErrorResponse: error_code 1 int32, error_message 2 string
`,
};
