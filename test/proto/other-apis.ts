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
FollowEventsRequest: after_position 1 uint64
Organization: organization_id 1 string, name 2 string, domain 3 string, creation_date 4 Timestamp
Grant: user_id 1 string, role 2 string, organization_id 3 optional string
Event: position 1 uint64, event_id 2 string, user_id 3 string, sequence 4 uint64, type 5 string,
  creation_date 6 Timestamp, payload 7 Struct, actor 8 Actor
Actor: user_id 1 string, os_user 2 string, ip 3 string, user_agent 4 string, request_id 5 string,
  traceparent 6 string, reason 7 string
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
