/**
 * The user API on the wire, package by package: what clients of that API were generated from.
 * One entry a message or enum, further lines indented: `name number type[length in code points] required {oneof}`.
 */
export const userApi: Readonly<Record<string, string>> = {
  'zitadel.user.v2': `
UnlockUserRequest: user_id 1 string[1..200]
UnlockUserResponse: details 1 zitadel.object.v2.Details
LockUserRequest: user_id 1 string[1..200]
LockUserResponse: details 1 zitadel.object.v2.Details
DeactivateUserRequest: user_id 1 string[1..200]
DeactivateUserResponse: details 1 zitadel.object.v2.Details
ReactivateUserRequest: user_id 1 string[1..200]
ReactivateUserResponse: details 1 zitadel.object.v2.Details
DeleteUserRequest: user_id 1 string[1..200]
DeleteUserResponse: details 1 zitadel.object.v2.Details
GetUserByIDRequest: user_id 1 string[1..200], reserved 2
GetUserByIDResponse: details 1 zitadel.object.v2.Details, user 2 User
ListUsersRequest: query 1 zitadel.object.v2.ListQuery, sorting_column 2 UserFieldName, queries 3 repeated
  SearchQuery
ListUsersResponse: details 1 zitadel.object.v2.ListDetails, sorting_column 2 UserFieldName, result 3
  repeated User
CreateUserRequest: organization_id 1 string[1..200], user_id 2 optional string[1..200], username 3
  optional string[1..200], human 4 CreateUserRequest.Human {user_type}, machine 5
  CreateUserRequest.Machine {user_type}
CreateUserResponse: id 1 string, creation_date 2 Timestamp, email_code 3 optional string, phone_code 4
  optional string
AddHumanUserRequest: user_id 1 optional string[1..200], username 2 optional string[1..200], organization
  11 zitadel.object.v2.Organization, profile 4 SetHumanProfile required, email 5 SetHumanEmail required,
  phone 10 SetHumanPhone, metadata 6 repeated SetMetadataEntry, password 7 Password {password_type},
  hashed_password 8 HashedPassword {password_type}, idp_links 9 repeated IDPLink, totp_secret 12 optional
  string[1..200], reserved 3
AddHumanUserResponse: user_id 1 string, details 2 zitadel.object.v2.Details, email_code 3 optional string,
  phone_code 4 optional string
SetPasswordRequest: user_id 1 string[1..200], new_password 2 Password, current_password 3 string[1..200]
  {verification}, verification_code 4 string[1..20] {verification}
SetPasswordResponse: details 1 zitadel.object.v2.Details
UpdateUserRequest: user_id 1 string[1..200], username 2 optional string[1..200], human 3
  UpdateUserRequest.Human {user_type}, machine 4 UpdateUserRequest.Machine {user_type}
UpdateUserRequest.Human: profile 1 optional UpdateUserRequest.Human.Profile, email 2 optional SetHumanEmail,
  phone 3 optional SetHumanPhone, password 4 optional SetPassword
UpdateUserRequest.Human.Profile: given_name 1 optional string[1..200], family_name 2 optional
  string[1..200], nick_name 3 optional string[1..200], display_name 4 optional string[1..200],
  preferred_language 5 optional string[1..10], gender 6 optional Gender
UpdateUserRequest.Machine: name 1 optional string[0..200], description 2 optional string[0..500]
UpdateUserResponse: change_date 1 Timestamp, email_code 2 optional string, phone_code 3 optional string
UpdateHumanUserRequest: user_id 1 string[1..200], username 2 optional string[1..200], profile 3 optional
  SetHumanProfile, email 4 optional SetHumanEmail, phone 5 optional SetHumanPhone, password 6 optional
  SetPassword
UpdateHumanUserResponse: details 1 zitadel.object.v2.Details, email_code 2 optional string, phone_code 3
  optional string
SetPassword: password 1 Password {password_type}, hashed_password 2 HashedPassword {password_type},
  current_password 3 string[1..200] {verification}, verification_code 4 string[1..20] {verification}
SetEmailRequest: user_id 1 string[1..200], email 2 string[1..200], send_code 3 SendEmailVerificationCode
  {verification}, return_code 4 ReturnEmailVerificationCode {verification}, is_verified 5 bool
  {verification}
SetEmailResponse: details 1 zitadel.object.v2.Details, verification_code 2 optional string
SetPhoneRequest: user_id 1 string[1..200], phone 2 string[1..200], send_code 3 SendPhoneVerificationCode
  {verification}, return_code 4 ReturnPhoneVerificationCode {verification}, is_verified 5 bool
  {verification}
SetPhoneResponse: details 1 zitadel.object.v2.Details, verification_code 2 optional string
RemovePhoneRequest: user_id 1 string[1..200]
RemovePhoneResponse: details 1 zitadel.object.v2.Details
SendEmailCodeRequest: user_id 1 string[1..200], send_code 2 SendEmailVerificationCode {verification},
  return_code 3 ReturnEmailVerificationCode {verification}
SendEmailCodeResponse: details 1 zitadel.object.v2.Details, verification_code 2 optional string
ResendEmailCodeRequest: user_id 1 string[1..200], send_code 2 SendEmailVerificationCode {verification},
  return_code 3 ReturnEmailVerificationCode {verification}
ResendEmailCodeResponse: details 1 zitadel.object.v2.Details, verification_code 2 optional string
VerifyEmailRequest: user_id 1 string[1..200], verification_code 2 string[1..20]
VerifyEmailResponse: details 1 zitadel.object.v2.Details
PasswordResetRequest: user_id 1 string[1..200], send_link 2 SendPasswordResetLink {medium},
  return_code 3 ReturnPasswordResetCode {medium}
PasswordResetResponse: details 1 zitadel.object.v2.Details, verification_code 2 optional string
SendPasswordResetLink: notification_type 1 NotificationType, url_template 2 optional string[1..200]
ReturnPasswordResetCode:
enum NotificationType: NOTIFICATION_TYPE_Unspecified 0, NOTIFICATION_TYPE_Email 1, NOTIFICATION_TYPE_SMS 2
ListAuthenticationMethodTypesRequest: user_id 1 string[1..200], domain_query 2 optional DomainQuery
ListAuthenticationMethodTypesResponse: details 1 zitadel.object.v2.ListDetails, auth_method_types 2 repeated
  AuthenticationMethodType
DomainQuery: include_without_domain 1 bool, domain 2 string[1..200]
enum AuthenticationMethodType: AUTHENTICATION_METHOD_TYPE_UNSPECIFIED 0,
  AUTHENTICATION_METHOD_TYPE_PASSWORD 1, AUTHENTICATION_METHOD_TYPE_PASSKEY 2,
  AUTHENTICATION_METHOD_TYPE_IDP 3, AUTHENTICATION_METHOD_TYPE_TOTP 4, AUTHENTICATION_METHOD_TYPE_U2F 5,
  AUTHENTICATION_METHOD_TYPE_OTP_SMS 6, AUTHENTICATION_METHOD_TYPE_OTP_EMAIL 7
AddPersonalAccessTokenRequest: user_id 1 string[1..200], expiration_date 2 Timestamp required
AddPersonalAccessTokenResponse: creation_date 1 Timestamp, token_id 2 string, token 3 string
RemovePersonalAccessTokenRequest: user_id 1 string[1..200], token_id 2 string[1..200]
RemovePersonalAccessTokenResponse: deletion_date 1 Timestamp
ListPersonalAccessTokensRequest: pagination 1 optional zitadel.filter.v2.PaginationRequest, sorting_column
  2 optional PersonalAccessTokenFieldName, filters 3 repeated PersonalAccessTokensSearchFilter
ListPersonalAccessTokensResponse: pagination 1 zitadel.filter.v2.PaginationResponse, result 2 repeated
  PersonalAccessToken
User: user_id 1 string, details 8 zitadel.object.v2.Details, state 2 UserState, username 3 string,
  login_names 4 repeated string, preferred_login_name 5 string, human 6 HumanUser {type}, machine 7
  MachineUser {type}, external_id 1000 string
SearchQuery: user_name_query 1 UserNameQuery {query}, first_name_query 2 FirstNameQuery {query},
  last_name_query 3 LastNameQuery {query}, nick_name_query 4 NickNameQuery {query}, display_name_query 5
  DisplayNameQuery {query}, email_query 6 EmailQuery {query}, state_query 7 StateQuery {query}, type_query
  8 TypeQuery {query}, login_name_query 9 LoginNameQuery {query}, in_user_ids_query 10 InUserIDQuery
  {query}, or_query 11 OrQuery {query}, and_query 12 AndQuery {query}, not_query 13 NotQuery {query},
  in_user_emails_query 14 InUserEmailsQuery {query}, organization_id_query 15 OrganizationIdQuery {query},
  phone_query 16 PhoneQuery {query}, external_id_query 1000 ExternalIdQuery {query}
ExternalIdQuery: external_id 1 string[1..200], method 2 zitadel.object.v2.TextQueryMethod
CreateUserRequest.Human: profile 1 SetHumanProfile required, email 2 SetHumanEmail required, phone 3
  optional SetHumanPhone, password 4 Password {password_type}, hashed_password 5 HashedPassword
  {password_type}, idp_links 7 repeated IDPLink, totp_secret 8 optional string[1..200], metadata 9
  repeated Metadata
CreateUserRequest.Machine: name 1 string[1..200], description 2 optional string[1..500]
SetHumanProfile: given_name 1 string[1..200], family_name 2 string[1..200], nick_name 3 optional
  string[0..200], display_name 4 optional string[0..200], preferred_language 5 optional string[0..10],
  gender 6 optional Gender
SetHumanEmail: email 1 string[1..200], send_code 2 SendEmailVerificationCode {verification}, return_code 3
  ReturnEmailVerificationCode {verification}, is_verified 4 bool {verification}
SetHumanPhone: phone 1 string[0..200], send_code 2 SendPhoneVerificationCode {verification}, return_code 3
  ReturnPhoneVerificationCode {verification}, is_verified 4 bool {verification}
SetMetadataEntry: key 1 string[1..200], value 2 bytes
Password: password 1 string[1..200], change_required 2 bool
HashedPassword: hash 1 string[1..200], change_required 2 bool
IDPLink: idp_id 1 string, user_id 2 string, user_name 3 string
PersonalAccessTokensSearchFilter: token_id_filter 1 zitadel.filter.v2.IDFilter {filter}, user_id_filter 2
  zitadel.filter.v2.IDFilter {filter}, organization_id_filter 3 zitadel.filter.v2.IDFilter {filter},
  created_date_filter 4 zitadel.filter.v2.TimestampFilter {filter}, expiration_date_filter 5
  zitadel.filter.v2.TimestampFilter {filter}
PersonalAccessToken: creation_date 1 Timestamp, change_date 2 Timestamp, id 3 string, user_id 4 string,
  organization_id 5 string, expiration_date 6 Timestamp
HumanUser: user_id 1 string, state 2 UserState, username 3 string, login_names 4 repeated string,
  preferred_login_name 5 string, profile 6 HumanProfile, email 7 HumanEmail, phone 8 HumanPhone,
  password_change_required 9 bool, password_changed 10 Timestamp, mfa_init_skipped 11 Timestamp
MachineUser: name 1 string, description 2 string, has_secret 3 bool, access_token_type 4 AccessTokenType
UserNameQuery: user_name 1 string[1..200], method 2 zitadel.object.v2.TextQueryMethod
FirstNameQuery: first_name 1 string[1..200], method 2 zitadel.object.v2.TextQueryMethod
LastNameQuery: last_name 1 string[1..200], method 2 zitadel.object.v2.TextQueryMethod
NickNameQuery: nick_name 1 string[1..200], method 2 zitadel.object.v2.TextQueryMethod
DisplayNameQuery: display_name 1 string[1..200], method 2 zitadel.object.v2.TextQueryMethod
EmailQuery: email_address 1 string[0..200], method 2 zitadel.object.v2.TextQueryMethod
StateQuery: state 1 UserState
TypeQuery: type 1 Type
LoginNameQuery: login_name 1 string[1..200], method 2 zitadel.object.v2.TextQueryMethod
InUserIDQuery: user_ids 1 repeated string
OrQuery: queries 1 repeated SearchQuery
AndQuery: queries 1 repeated SearchQuery
NotQuery: query 1 SearchQuery required
InUserEmailsQuery: user_emails 1 repeated string
OrganizationIdQuery: organization_id 1 string[1..200]
PhoneQuery: number 1 string[0..20], method 2 zitadel.object.v2.TextQueryMethod
Metadata: key 1 string[1..200], value 2 bytes[1..500000]
SetUserMetadataRequest: user_id 1 string[1..200], metadata 2 repeated Metadata
SetUserMetadataResponse: set_date 1 Timestamp
ListUserMetadataRequest: user_id 1 string[1..200], pagination 2 optional zitadel.filter.v2.PaginationRequest,
  filters 3 repeated zitadel.metadata.v2.MetadataSearchFilter
ListUserMetadataResponse: pagination 1 zitadel.filter.v2.PaginationResponse, metadata 2 repeated
  zitadel.metadata.v2.Metadata
DeleteUserMetadataRequest: user_id 1 string, keys 2 repeated string
DeleteUserMetadataResponse: deletion_date 1 Timestamp
SendEmailVerificationCode: url_template 1 optional string[1..200]
ReturnEmailVerificationCode:
SendPhoneVerificationCode:
ReturnPhoneVerificationCode:
HumanProfile: given_name 1 string, family_name 2 string, nick_name 3 optional string, display_name 4
  optional string, preferred_language 5 optional string, gender 6 optional Gender, avatar_url 7 string
HumanEmail: email 1 string, is_verified 2 bool
HumanPhone: phone 1 string, is_verified 2 bool
enum UserFieldName: USER_FIELD_NAME_UNSPECIFIED 0, USER_FIELD_NAME_USER_NAME 1, USER_FIELD_NAME_FIRST_NAME
  2, USER_FIELD_NAME_LAST_NAME 3, USER_FIELD_NAME_NICK_NAME 4, USER_FIELD_NAME_DISPLAY_NAME 5,
  USER_FIELD_NAME_EMAIL 6, USER_FIELD_NAME_STATE 7, USER_FIELD_NAME_TYPE 8, USER_FIELD_NAME_CREATION_DATE
  9
enum PersonalAccessTokenFieldName: PERSONAL_ACCESS_TOKEN_FIELD_NAME_UNSPECIFIED 0,
  PERSONAL_ACCESS_TOKEN_FIELD_NAME_CREATED_DATE 1, PERSONAL_ACCESS_TOKEN_FIELD_NAME_ID 2,
  PERSONAL_ACCESS_TOKEN_FIELD_NAME_USER_ID 3, PERSONAL_ACCESS_TOKEN_FIELD_NAME_ORGANIZATION_ID 4,
  PERSONAL_ACCESS_TOKEN_FIELD_NAME_EXPIRATION_DATE 5
enum UserState: USER_STATE_UNSPECIFIED 0, USER_STATE_ACTIVE 1, USER_STATE_INACTIVE 2, USER_STATE_DELETED
  3, USER_STATE_LOCKED 4, USER_STATE_INITIAL 5
enum Gender: GENDER_UNSPECIFIED 0, GENDER_FEMALE 1, GENDER_MALE 2, GENDER_DIVERSE 3
enum AccessTokenType: ACCESS_TOKEN_TYPE_BEARER 0, ACCESS_TOKEN_TYPE_JWT 1
enum Type: TYPE_UNSPECIFIED 0, TYPE_HUMAN 1, TYPE_MACHINE 2, TYPE_EXTERNAL 1000
`,
  'zitadel.object.v2': `
Details: sequence 1 uint64, change_date 2 Timestamp, resource_owner 3 string, creation_date 4 Timestamp
ListQuery: offset 1 uint64, limit 2 uint32, asc 3 bool
ListDetails: total_result 1 uint64, processed_sequence 2 uint64, timestamp 3 Timestamp
Organization: org_id 1 string {org}, org_domain 2 string {org}
RequestContext: org_id 1 string {resource_owner}, instance 2 bool {resource_owner}
enum TextQueryMethod: TEXT_QUERY_METHOD_EQUALS 0, TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE 1,
  TEXT_QUERY_METHOD_STARTS_WITH 2, TEXT_QUERY_METHOD_STARTS_WITH_IGNORE_CASE 3, TEXT_QUERY_METHOD_CONTAINS
  4, TEXT_QUERY_METHOD_CONTAINS_IGNORE_CASE 5, TEXT_QUERY_METHOD_ENDS_WITH 6,
  TEXT_QUERY_METHOD_ENDS_WITH_IGNORE_CASE 7
`,
  'zitadel.metadata.v2': `
Metadata: creation_date 1 Timestamp, change_date 2 Timestamp, key 3 string, value 4 bytes
MetadataSearchFilter: key_filter 1 MetadataKeyFilter {filter}
MetadataKeyFilter: key 1 string[0..200], method 2 zitadel.filter.v2.TextFilterMethod
`,
  'zitadel.filter.v2': `
enum TextFilterMethod: TEXT_FILTER_METHOD_EQUALS 0, TEXT_FILTER_METHOD_EQUALS_IGNORE_CASE 1,
  TEXT_FILTER_METHOD_STARTS_WITH 2, TEXT_FILTER_METHOD_STARTS_WITH_IGNORE_CASE 3,
  TEXT_FILTER_METHOD_CONTAINS 4, TEXT_FILTER_METHOD_CONTAINS_IGNORE_CASE 5, TEXT_FILTER_METHOD_ENDS_WITH 6,
  TEXT_FILTER_METHOD_ENDS_WITH_IGNORE_CASE 7
PaginationRequest: offset 1 uint64, limit 2 uint32, asc 3 bool
PaginationResponse: total_result 1 uint64, applied_limit 2 uint64
IDFilter: id 1 string
TimestampFilter: timestamp 1 Timestamp, method 2 TimestampFilterMethod
enum TimestampFilterMethod: TIMESTAMP_FILTER_METHOD_EQUALS 0, TIMESTAMP_FILTER_METHOD_AFTER 1,
  TIMESTAMP_FILTER_METHOD_AFTER_OR_EQUALS 2, TIMESTAMP_FILTER_METHOD_BEFORE 3,
  TIMESTAMP_FILTER_METHOD_BEFORE_OR_EQUALS 4
`,
  'zitadel.v1': `
ErrorDetail: id 1 string, message 2 string
CredentialsCheckError: id 1 string, message 2 string, failed_attempts 3 int32
enum TimestampQueryMethod: TIMESTAMP_QUERY_METHOD_EQUALS 0, TIMESTAMP_QUERY_METHOD_GREATER 1,
  TIMESTAMP_QUERY_METHOD_GREATER_OR_EQUALS 2, TIMESTAMP_QUERY_METHOD_LESS 3,
  TIMESTAMP_QUERY_METHOD_LESS_OR_EQUALS 4
`,
};
