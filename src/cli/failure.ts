import { UsageError } from '../app/usage.ts';
import type { ErrorKind } from '../domain/error-entry.ts';
import { DomainError, errors } from '../domain/errors.ts';
import { StoreUnusable } from '../store/store.ts';

export type FailureCode = ErrorKind | 'usage';

/** What a command failed with, whichever backend it came from. */
export interface Failure {
  readonly code: FailureCode;
  /** One sentence, with the id in parentheses where there is one. */
  readonly message: string;
  /** Id and reason of the error table. */
  readonly id?: string;
  readonly reason?: string;
  /** What the caller would have to hold. */
  readonly permission?: string;
  /** When it is worth another try. */
  readonly retryAfterSeconds?: number;
}

/** A failure on its way to the exit code. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly failure: Failure;

  constructor(failure: Failure, cause?: unknown) {
    super(failure.message, { cause });
    this.failure = failure;
  }
}

/** What was given does not do. */
export const invalid = (message: string, cause?: unknown): CliError =>
  new CliError({ code: 'invalid_argument', message }, cause);

/** Exit codes and what they mean: part of the interface, shown by every --help. */
export const exitCodeTexts = {
  0: 'done',
  1: 'unexpected error',
  2: 'wrong usage',
  3: 'not found',
  4: 'not permitted, or not signed in',
  5: 'refused: the state does not allow it, it exists already, or it was changed at the same time',
  6: 'server or database not reachable, too slow, or overloaded',
  7: 'invalid input',
} as const;

export type ExitCode = keyof typeof exitCodeTexts;

/** The exit code of each kind of failure. */
export const exitCodes = {
  usage: 2,
  invalid_argument: 7,
  not_found: 3,
  already_exists: 5,
  permission_denied: 4,
  unauthenticated: 4,
  resource_exhausted: 6,
  failed_precondition: 5,
  aborted: 5,
  unavailable: 6,
  internal: 1,
} as const satisfies Record<FailureCode, ExitCode>;

/** Whatever was thrown → what to tell the user. A bug keeps its stack: it is the user's own machine. */
export function toFailure(thrown: unknown): Failure {
  if (thrown instanceof CliError) return thrown.failure;
  if (thrown instanceof UsageError) return { code: 'usage', message: thrown.message };
  if (thrown instanceof StoreUnusable) return { code: 'unavailable', message: thrown.message };
  if (thrown instanceof DomainError) return domainFailure(thrown);
  if (isTlsError(thrown)) return { code: 'invalid_argument', message: thrown.message };
  if (isListenError(thrown)) {
    const wrong = /^(EADDRINUSE|EACCES)$/.test(thrown.code ?? '') ? 'port' : 'host';
    const setting = 'setting' in thrown ? thrown.setting : wrong;
    return { code: 'unavailable', message: `${thrown.message}; choose another --${setting}` };
  }
  const message = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return { code: 'internal', message };
}

// The port is taken or forbidden, or the address is not this machine's, or no address.
function isListenError(thrown: unknown): thrown is NodeJS.ErrnoException {
  return (
    thrown instanceof Error && 'syscall' in thrown && /^(listen|getaddrinfo)$/.test(String(thrown.syscall))
  );
}

// By name: the server's rooms are not loaded for every command.
function isTlsError(thrown: unknown): thrown is Error {
  return thrown instanceof Error && thrown.name === 'TlsUnusable';
}

// On the server's own machine the cause is no secret: "database is locked" says what to do.
function domainFailure(error: DomainError): Failure {
  const { kind, id, reason } = errors[error.error];
  const { permission } = error.metadata;
  const why = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  return {
    code: kind,
    message: `${error.text}${id === '' ? '' : ` (${id})`}${why}`,
    ...(id !== '' && { id }),
    reason,
    ...(permission !== undefined && { permission }),
  };
}
