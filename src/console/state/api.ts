import { Code, ConnectError, createClient, type Interceptor } from '@connectrpc/connect';
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-web';
import { AdminService } from '../../../gen/es/latchkey/v1/admin_pb.js';
import { LockService } from '../../../gen/es/latchkey/v1/lock_pb.js';
import { PolicyService } from '../../../gen/es/latchkey/v1/policy_pb.js';
import { UnlockRunService } from '../../../gen/es/latchkey/v1/unlock_run_pb.js';
import { UserService } from '../../../gen/es/zitadel/user/v2/user_service_pb.js';

const baseUrl = location.origin;
const defaultTimeoutMs = 20_000;

let onSignedOut: () => void = () => undefined;

/** Told where the server takes the session for none any more. */
export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener;
}

const watchSession: Interceptor = (next) => async (req) => {
  try {
    return await next(req);
  } catch (error) {
    if (ConnectError.from(error).code === Code.Unauthenticated) onSignedOut();
    throw error;
  }
};

const unary = createConnectTransport({ baseUrl, defaultTimeoutMs, interceptors: [watchSession] });
// Whoever opened a stream half an hour ago with a cookie of then has a newer one by now: its end is not the session's.
const streams = createGrpcWebTransport({ baseUrl });

/** The same calls that everybody else has; the session's cookie goes along by itself. */
export const users = createClient(UserService, unary);
export const locks = createClient(LockService, unary);
export const admin = createClient(AdminService, unary);
export const policies = createClient(PolicyService, unary);
export const runs = createClient(UnlockRunService, unary);
export const liveLocks = createClient(LockService, streams);
export const liveRuns = createClient(UnlockRunService, streams);

/** What went wrong, in words for whoever sits before it. */
export function errorText(thrown: unknown): string {
  const error = ConnectError.from(thrown);
  if (error.code === Code.DeadlineExceeded) return 'The server took too long. Please try again.';
  if (error.code === Code.Unknown || error.code === Code.Unavailable) {
    return `The server cannot be reached, or cannot do it now (${error.rawMessage}). Please try again.`;
  }
  if (error.code === Code.PermissionDenied) {
    return `You may not do or see this: it takes a role that you do not have (${error.rawMessage}).`;
  }
  return error.rawMessage;
}

/** After a stream was refused: asks whether the session is over, which has it end here where it is. */
export async function askSession(thrown: unknown): Promise<void> {
  if (ConnectError.from(thrown).code !== Code.Unauthenticated) return;
  await admin.getCaller({}).catch(() => undefined);
}

/** Whether the call failed because somebody else was faster. */
export function isOvertaken(thrown: unknown): boolean {
  const { code } = ConnectError.from(thrown);
  return code === Code.FailedPrecondition || code === Code.Aborted || code === Code.NotFound;
}

/** A request id: as many random bits as a UUID has, also where the page came unencrypted from this very machine. */
export function newRequestId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
