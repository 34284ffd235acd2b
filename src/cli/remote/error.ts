import type { Any } from '../../../gen/grpc-js/google/protobuf/any.ts';
import { ErrorInfo, RetryInfo } from '../../../gen/grpc-js/google/rpc/error_details.ts';
import { Status } from '../../../gen/grpc-js/google/rpc/status.ts';
import { CredentialsCheckError, ErrorDetail } from '../../../gen/grpc-js/zitadel/v1/error_detail.ts';
import type { ErrorKind } from '../../domain/error-entry.ts';
import { howMany } from '../../domain/words/how-many.ts';
import { CliError, type Failure } from '../failure.ts';
import { CallFailed, status } from './status.ts';
import type { RemoteTarget } from './target.ts';
import { unreachedText } from './unreached.ts';

const kinds: Readonly<Partial<Record<number, ErrorKind>>> = {
  [status.INVALID_ARGUMENT]: 'invalid_argument',
  [status.OUT_OF_RANGE]: 'invalid_argument',
  [status.NOT_FOUND]: 'not_found',
  [status.ALREADY_EXISTS]: 'already_exists',
  [status.PERMISSION_DENIED]: 'permission_denied',
  [status.UNAUTHENTICATED]: 'unauthenticated',
  [status.RESOURCE_EXHAUSTED]: 'resource_exhausted',
  [status.FAILED_PRECONDITION]: 'failed_precondition',
  [status.ABORTED]: 'aborted',
  [status.UNAVAILABLE]: 'unavailable',
  [status.DEADLINE_EXCEEDED]: 'unavailable',
};

/** What a call failed with → CliError with the server's text and id, or why the server was not reached. */
export function remoteError(
  thrown: unknown,
  target: Pick<RemoteTarget, 'url' | 'urlFrom' | 'tokenPath' | 'tokenFrom' | 'isOfLogin' | 'ca'>,
): unknown {
  if (!(thrown instanceof CallFailed)) return thrown;
  const { sent } = thrown;
  const code = kinds[thrown.code] ?? 'internal';
  const unreached = sent === undefined ? unreachedText(thrown, target) : undefined;
  if (unreached !== undefined) return new CliError({ code: 'unavailable', message: unreached }, thrown);
  const details = sent === undefined ? {} : detailsOf(sent);
  const message = `${thrown.details}${code === 'unauthenticated' ? tokenHint(target) : nextOf(details)}`;
  return new CliError({ code, message, ...details }, thrown);
}

// What a script would sleep through goes without a word.
const waitToldSeconds = 60;

function nextOf({ permission, retryAfterSeconds = 0 }: Details): string {
  if (permission !== undefined) return `: it takes ${permission}`;
  if (retryAfterSeconds < waitToldSeconds) return '';
  const minutes = Math.ceil(retryAfterSeconds / 60);
  return `; again in ${howMany(minutes, 'minute')}`;
}

// It may be the token of another server, or one that a lock of the administrator has ended.
function tokenHint({
  tokenPath,
  tokenFrom,
  isOfLogin,
}: Pick<RemoteTarget, 'tokenPath' | 'tokenFrom' | 'isOfLogin'>): string {
  if (isOfLogin)
    return '; the token of the login is revoked, expired or of another server: log in again with latchkey login';
  if (tokenPath === undefined) {
    const which = tokenFrom === undefined ? 'it' : `the one of ${tokenFrom}`;
    return `; ${which} is unknown, revoked, expired or of another server: latchkey token create makes one, with --db FILE without a token`;
  }
  const elsewhere = 'if the server has another data folder, set LATCHKEY_DATA to it';
  return `; the token is from ${tokenPath}: ${elsewhere}, else make a new one with latchkey token create --db FILE`;
}

type Details = Pick<Failure, 'id' | 'reason' | 'permission' | 'retryAfterSeconds'>;

// ErrorDetail or CredentialsCheckError stands first and has the id; ErrorInfo has the reason.
function detailsOf(sent: Buffer): Details {
  try {
    const facts = Status.decode(sent).details.map(detailOf);
    return Object.assign({}, ...facts);
  } catch {
    // Whoever garbles them has still refused: that is told, in their words.
    return {};
  }
}

function detailOf({ typeUrl, value }: Any): Details {
  switch (typeUrl.slice(typeUrl.lastIndexOf('/') + 1)) {
    case 'zitadel.v1.ErrorDetail':
      return { id: ErrorDetail.decode(value).id };
    case 'zitadel.v1.CredentialsCheckError':
      return { id: CredentialsCheckError.decode(value).id };
    case 'google.rpc.ErrorInfo':
      return infoOf(ErrorInfo.decode(value));
    case 'google.rpc.RetryInfo':
      return waitOf(RetryInfo.decode(value));
    default:
      return {};
  }
}

function infoOf({ reason, metadata }: ErrorInfo): Details {
  const { permission } = metadata;
  return { reason, ...(permission !== undefined && { permission }) };
}

function waitOf({ retryDelay }: RetryInfo): Details {
  if (retryDelay === undefined) return {};
  return { retryAfterSeconds: Number(retryDelay.seconds) + Math.ceil(retryDelay.nanos / 1e9) };
}
