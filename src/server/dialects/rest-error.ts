import { create, type JsonObject, type JsonValue, toJson } from '@bufbuild/protobuf';
import { base64Encode } from '@bufbuild/protobuf/wire';
import { Code, type ConnectError } from '@connectrpc/connect';

/** A whole HTTP answer for a failed call. */
export interface RestError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** As google/rpc/code.proto has it, 499 included, for a client that went away. */
const statuses = {
  [Code.Canceled]: 499,
  [Code.Unknown]: 500,
  [Code.InvalidArgument]: 400,
  [Code.DeadlineExceeded]: 504,
  [Code.NotFound]: 404,
  [Code.AlreadyExists]: 409,
  [Code.PermissionDenied]: 403,
  [Code.ResourceExhausted]: 429,
  [Code.FailedPrecondition]: 400,
  [Code.Aborted]: 409,
  [Code.OutOfRange]: 400,
  [Code.Unimplemented]: 501,
  [Code.Internal]: 500,
  [Code.Unavailable]: 503,
  [Code.DataLoss]: 500,
  [Code.Unauthenticated]: 401,
} satisfies Record<Code, number>;

/** The HTTP status of a code, the same for REST and Connect. */
export function httpStatusOf(code: Code): number {
  return statuses[code] ?? 500;
}

/** The error as `google.rpc.Status` JSON, with its HTTP status and headers (content-type, www-authenticate). */
export function statusBody(error: ConnectError): RestError {
  const json: JsonObject = { code: error.code };
  if (error.rawMessage !== '') json.message = error.rawMessage;
  if (error.details.length > 0) json.details = error.details.map(anyJson);
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (error.code === Code.Unauthenticated) headers['www-authenticate'] = challenge(error);
  return { status: httpStatusOf(error.code), headers, body: Buffer.from(JSON.stringify(json)) };
}

/** RFC 6750 §3: a caller who showed no credentials gets the bare challenge, one with bad ones learns that much. */
export function challenge(error: ConnectError): string {
  const realm = 'Bearer realm="latchkey"';
  return error.details.length === 0 ? realm : `${realm}, error="invalid_token"`;
}

/** The JSON form of google.protobuf.Any. A type that we hold only as bytes goes out as base64. */
function anyJson(detail: ConnectError['details'][number]): JsonValue {
  if (!('desc' in detail)) {
    return { '@type': typeUrl(detail.type), value: base64Encode(detail.value) };
  }
  const message = create(detail.desc, detail.value);
  const json = toJson(detail.desc, message);
  const isPlain = typeof json === 'object' && json !== null && !Array.isArray(json);
  const hasOwnForm = detail.desc.typeName.startsWith('google.protobuf.');
  return isPlain && !hasOwnForm
    ? { '@type': typeUrl(detail.desc.typeName), ...json }
    : { '@type': typeUrl(detail.desc.typeName), value: json };
}

function typeUrl(typeName: string): string {
  return `type.googleapis.com/${typeName}`;
}
