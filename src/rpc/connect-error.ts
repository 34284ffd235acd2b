import { Code, ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema, RetryInfoSchema } from '../../gen/es/google/rpc/error_details_pb.js';
import { CredentialsCheckErrorSchema, ErrorDetailSchema } from '../../gen/es/zitadel/v1/error_detail_pb.js';
import type { ErrorKind } from '../domain/error-entry.ts';
import { DomainError, errors } from '../domain/errors.ts';

/** AIP-193: the service that an ErrorInfo's reason belongs to. */
const errorDomain = 'latchkey';

const codes = {
  invalid_argument: Code.InvalidArgument,
  not_found: Code.NotFound,
  already_exists: Code.AlreadyExists,
  permission_denied: Code.PermissionDenied,
  unauthenticated: Code.Unauthenticated,
  resource_exhausted: Code.ResourceExhausted,
  failed_precondition: Code.FailedPrecondition,
  aborted: Code.Aborted,
  unavailable: Code.Unavailable,
  internal: Code.Internal,
} as const satisfies Record<ErrorKind, Code>;

/**
 * Whatever was thrown → the one error that every dialect dresses. What the table does not know becomes
 * "internal error"; `unexpected` gets the cause, and that of an outage, the client never does.
 */
export function asConnectError(thrown: unknown, unexpected: (cause: unknown) => void): ConnectError {
  if (thrown instanceof DomainError) {
    if (codes[errors[thrown.error].kind] === Code.Unavailable) unexpected(thrown);
    return dressDomainError(thrown);
  }
  if (thrown instanceof ConnectError) return thrown;
  unexpected(thrown);
  return dressDomainError(new DomainError('internal'));
}

/** A detail of ours, beside those that every error has. */
export type OutgoingDetail = NonNullable<ConstructorParameters<typeof ConnectError>[3]>[number];

function dressDomainError(error: DomainError): ConnectError {
  const { kind, id, reason } = errors[error.error];
  const { text, metadata } = error;
  if (id === '') return new ConnectError(text, codes[kind]);
  const { failedAttempts, ...facts } = metadata;
  const detail =
    failedAttempts === undefined
      ? { desc: ErrorDetailSchema, value: { id, message: text } }
      : {
          desc: CredentialsCheckErrorSchema,
          value: { id, message: text, failedAttempts: Number(failedAttempts) },
        };
  const info = { desc: ErrorInfoSchema, value: { reason, domain: errorDomain, metadata: facts } };
  const message = `${text} (${id})`;
  const told = error.why === undefined && error.about === undefined ? undefined : error;
  if (error.retryAfterMs === undefined)
    return new ConnectError(message, codes[kind], undefined, [detail, info], told);
  const retryAfter = { 'retry-after': String(Math.max(1, Math.ceil(error.retryAfterMs / 1_000))) };
  return new ConnectError(
    message,
    codes[kind],
    retryAfter,
    [detail, info, retryInfo(error.retryAfterMs)],
    told,
  );
}

/** The same error, with something of ours that helps to go on. */
export function withDetail(error: DomainError, detail: OutgoingDetail): ConnectError {
  const dressed = dressDomainError(error);
  dressed.details.push(detail);
  return dressed;
}

/** The exact wait; the header `retry-after` beside it knows whole seconds alone (RFC 9110, section 10.2.3). */
function retryInfo(retryAfterMs: number): OutgoingDetail {
  const ms = Math.ceil(retryAfterMs);
  const retryDelay = { seconds: BigInt(Math.floor(ms / 1_000)), nanos: (ms % 1_000) * 1_000_000 };
  return { desc: RetryInfoSchema, value: { retryDelay } };
}

/** The id that the error was dressed with; undefined where it has none. */
export function errorIdOf(error: unknown): string | undefined {
  if (!(error instanceof ConnectError)) return undefined;
  for (const detail of error.details) {
    const value =
      'value' in detail && 'desc' in detail ? (detail.value as { readonly id?: unknown }) : undefined;
    if (typeof value?.id === 'string') return value.id;
  }
  return undefined;
}

/** What a call is answered whose condition (RFC 9110 §13) fails. */
export const conditionFalse = (): ConnectError => dressDomainError(new DomainError('conditionFalse'));

/** Whether a condition is what failed. */
export const isConditionFalse = (error: unknown): boolean => errorIdOf(error) === errors.conditionFalse.id;

/** What the client is not told: why it was refused, and whom a refused sign-in was about. */
export function untoldOf(error: unknown): {
  readonly why?: string | undefined;
  readonly userId?: string | undefined;
} {
  const cause = error instanceof ConnectError ? error.cause : undefined;
  return cause instanceof DomainError ? { why: cause.why, userId: cause.about } : {};
}
