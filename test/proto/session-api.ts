/**
 * Signing in, on the wire: sessions and the settings that say when one too many failures locks.
 * One entry a message or enum, further lines indented: `name number type[length in code points] required {oneof}`.
 */
export const sessionApi: Readonly<Record<string, string>> = {
  'zitadel.session.v2': `
CreateSessionRequest: checks 1 Checks, metadata 2 map<string,bytes>, challenges 3 RequestChallenges,
  user_agent 4 UserAgent, lifetime 5 optional Duration, device_token 1000 string[0..1000]
CreateSessionResponse: details 1 zitadel.object.v2.Details, session_id 2 string, session_token 3 string,
  challenges 4 Challenges, device_token 1000 string
SetSessionRequest: session_id 1 string[1..200], session_token 2 string[0..200], checks 3 Checks,
  metadata 4 map<string,bytes>, challenges 5 RequestChallenges, lifetime 6 optional Duration,
  device_token 1000 string[0..1000]
SetSessionResponse: details 1 zitadel.object.v2.Details, session_token 2 string, challenges 3 Challenges,
  device_token 1000 string
GetSessionRequest: session_id 1 string, session_token 2 optional string
GetSessionResponse: session 1 Session
DeleteSessionRequest: session_id 1 string[1..200], session_token 2 optional string
DeleteSessionResponse: details 1 zitadel.object.v2.Details
ListSessionsRequest: query 1 zitadel.object.v2.ListQuery, queries 2 repeated SearchQuery, sorting_column
  3 SessionFieldName
ListSessionsResponse: details 1 zitadel.object.v2.ListDetails, sessions 2 repeated Session
Checks: user 1 optional CheckUser, password 2 optional CheckPassword, web_auth_n 3 optional
  CheckWebAuthN, idp_intent 4 optional CheckIDPIntent, totp 5 optional CheckTOTP, otp_sms 6 optional
  CheckOTP, otp_email 7 optional CheckOTP
RequestChallenges: web_auth_n 1 optional RequestChallenges.WebAuthN, otp_sms 2 optional
  RequestChallenges.OTPSMS, otp_email 3 optional RequestChallenges.OTPEmail
UserAgent: fingerprint_id 1 optional string, ip 2 optional string, description 3 optional string, header
  4 map<string,UserAgent.HeaderValues>
Challenges: web_auth_n 1 optional Challenges.WebAuthN, otp_sms 2 optional string, otp_email 3 optional
  string
Session: id 1 string, creation_date 2 Timestamp, change_date 3 Timestamp, sequence 4 uint64, factors 5
  Factors, metadata 6 map<string,bytes>, user_agent 7 UserAgent, expiration_date 8 optional Timestamp
SearchQuery: ids_query 1 IDsQuery {query}, user_id_query 2 UserIDQuery {query}, creation_date_query 3
  CreationDateQuery {query}, creator_query 4 CreatorQuery {query}, user_agent_query 5 UserAgentQuery
  {query}
CheckUser: user_id 1 string[1..200] {search}, login_name 2 string[1..200] {search}
CheckPassword: password 1 string[1..200]
CheckWebAuthN: credential_assertion_data 1 Struct required
CheckIDPIntent: idp_intent_id 1 string[1..200], idp_intent_token 2 string[1..200]
CheckTOTP: code 1 string[6..6]
CheckOTP: code 1 string[1..]
RequestChallenges.WebAuthN: domain 1 string, user_verification_requirement 2 UserVerificationRequirement
RequestChallenges.OTPSMS: return_code 1 bool
RequestChallenges.OTPEmail: send_code 2 RequestChallenges.OTPEmail.SendCode {delivery_type}, return_code
  3 RequestChallenges.OTPEmail.ReturnCode {delivery_type}
UserAgent.HeaderValues: values 1 repeated string
Challenges.WebAuthN: public_key_credential_request_options 1 Struct
Factors: user 1 UserFactor, password 2 PasswordFactor, web_auth_n 3 WebAuthNFactor, intent 4
  IntentFactor, totp 5 TOTPFactor, otp_sms 6 OTPFactor, otp_email 7 OTPFactor
IDsQuery: ids 1 repeated string
UserIDQuery: id 1 string
CreationDateQuery: creation_date 1 Timestamp, method 2 zitadel.v1.TimestampQueryMethod
CreatorQuery: id 1 optional string[0..200]
UserAgentQuery: fingerprint_id 1 optional string[0..200]
RequestChallenges.OTPEmail.SendCode: url_template 1 optional string
RequestChallenges.OTPEmail.ReturnCode:
UserFactor: verified_at 1 Timestamp, id 2 string, login_name 3 string, display_name 4 string,
  organization_id 6 string, reserved 5
PasswordFactor: verified_at 1 Timestamp
WebAuthNFactor: verified_at 1 Timestamp, user_verified 2 bool
IntentFactor: verified_at 1 Timestamp
TOTPFactor: verified_at 1 Timestamp
OTPFactor: verified_at 1 Timestamp
enum SessionFieldName: SESSION_FIELD_NAME_UNSPECIFIED 0, SESSION_FIELD_NAME_CREATION_DATE 1
enum UserVerificationRequirement: USER_VERIFICATION_REQUIREMENT_UNSPECIFIED 0,
  USER_VERIFICATION_REQUIREMENT_REQUIRED 1, USER_VERIFICATION_REQUIREMENT_PREFERRED 2,
  USER_VERIFICATION_REQUIREMENT_DISCOURAGED 3
`,
  'zitadel.settings.v2': `
GetLockoutSettingsRequest: ctx 1 zitadel.object.v2.RequestContext
GetLockoutSettingsResponse: details 1 zitadel.object.v2.Details, settings 2 LockoutSettings
LockoutSettings: max_password_attempts 1 uint64, resource_owner_type 2 ResourceOwnerType,
  max_otp_attempts 3 uint64
enum ResourceOwnerType: RESOURCE_OWNER_TYPE_UNSPECIFIED 0, RESOURCE_OWNER_TYPE_INSTANCE 1,
  RESOURCE_OWNER_TYPE_ORG 2
`,
};
