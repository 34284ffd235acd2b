import {
  createRegistry,
  type DescMethodUnary,
  fromBinary,
  fromJson,
  type JsonObject,
  type JsonValue,
  toJson,
} from '@bufbuild/protobuf';
import { ErrorInfoSchema, RetryInfoSchema } from '../../gen/es/google/rpc/error_details_pb.js';
import { StatusSchema } from '../../gen/es/google/rpc/status_pb.js';
import { PreviewUnlockResponseSchema } from '../../gen/es/latchkey/v1/unlock_run_pb.js';
import { CredentialsCheckErrorSchema, ErrorDetailSchema } from '../../gen/es/zitadel/v1/error_detail_pb.js';

/** What a call came to, in one form for every dialect. */
export interface Answer {
  readonly ok: boolean;
  /** Canonical name; OK where it went well. */
  readonly code: string;
  readonly message: string;
  readonly details: readonly Detail[];
  /** undefined where the client does not show it. */
  readonly httpStatus: number | undefined;
  /** The response in canonical JSON; empty where the call failed. */
  readonly response: JsonObject;
}

/** A detail of an error: its type's full name and its fields in JSON. */
export type Detail = { readonly type: string } & Readonly<Record<string, JsonValue>>;

/** google/rpc/code.proto, by number. */
const codeNames = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
] as const;

const registry = createRegistry(
  ErrorDetailSchema,
  CredentialsCheckErrorSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
  PreviewUnlockResponseSchema,
);
const typeUrlPrefix = 'type.googleapis.com/';

/** A number on the wire → its canonical name. */
export function codeName(code: number): string {
  return codeNames[code] ?? `code ${code}`;
}

/** Connect's `failed_precondition` → FailedPrecondition. */
export function codeNameOfConnect(code: string): string {
  const name = codeNames.find((one) => one.replaceAll(/(?<=.)[A-Z]/g, '_$&').toLowerCase() === code);
  return name ?? `code "${code}"`;
}

export function succeeded(response: JsonObject, httpStatus: number | undefined): Answer {
  return { ok: true, code: 'OK', message: '', details: [], httpStatus, response };
}

export function failed(
  error: Pick<Answer, 'code' | 'message' | 'details'>,
  httpStatus: number | undefined,
): Answer {
  return { ok: false, ...error, httpStatus, response: {} };
}

/** The bytes of a message of that type → a detail. Throws where the type is none of ours. */
export function detailOfBytes(type: string, bytes: Uint8Array): Detail {
  const desc = registry.getMessage(type);
  if (desc === undefined) throw new Error(`a detail of unknown type ${type}`);
  return { type, ...(toJson(desc, fromBinary(desc, bytes)) as JsonObject) };
}

/** A detail as the JSON form of google.protobuf.Any has it. */
export function detailOfJson(any: JsonObject): Detail {
  const { '@type': typeUrl, ...fields } = any;
  if (typeof typeUrl !== 'string' || !typeUrl.startsWith(typeUrlPrefix)) {
    throw new Error(`no type URL: ${JSON.stringify(any)}`);
  }
  return { type: typeUrl.slice(typeUrlPrefix.length), ...fields };
}

/** The details of `grpc-status-details-bin`, whose code and message must be those beside it. */
export function detailsOfStatus(
  base64: string,
  beside: { code: number; message: string },
): readonly Detail[] {
  const status = fromBinary(StatusSchema, Buffer.from(base64, 'base64'));
  if (status.code !== beside.code || status.message !== beside.message) {
    throw new Error(`two statuses: ${JSON.stringify(beside)}, but inside ${status.code} ${status.message}`);
  }
  return status.details.map(({ typeUrl, value }) => detailOfBytes(typeUrl.replace(typeUrlPrefix, ''), value));
}

/** A response in bytes or JSON → canonical JSON, by the method's own type; throws where it does not fit. */
export function canonical(desc: DescMethodUnary, response: Uint8Array | JsonValue): JsonObject {
  const { output } = desc;
  const message = response instanceof Uint8Array ? fromBinary(output, response) : fromJson(output, response);
  return toJson(output, message) as JsonObject;
}
