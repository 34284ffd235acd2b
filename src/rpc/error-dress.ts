import { Code, ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema } from '../../gen/es/google/rpc/error_details_pb.js';
import { CredentialsCheckErrorSchema, ErrorDetailSchema } from '../../gen/es/zitadel/v1/error_detail_pb.js';
import { DomainError, type ErrorKind, errors } from '../domain/errors.ts';

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
export function dress(thrown: unknown, unexpected: (cause: unknown) => void): ConnectError {
  if (thrown instanceof DomainError) {
    if (codes[errors[thrown.error].kind] === Code.Unavailable) unexpected(thrown);
    return dressDomainError(thrown);
  }
  if (thrown instanceof ConnectError) return thrown;
  unexpected(thrown);
  return dressDomainError(new DomainError('internal'));
}

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
  return new ConnectError(`${text} (${id})`, codes[kind], undefined, [detail, info]);
}
