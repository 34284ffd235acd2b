import { Code, ConnectError } from '@connectrpc/connect';
import type { Caller } from '../auth/caller.ts';
import { addressKey } from './limits/call-limits.ts';
import type { Log } from './log.ts';
import type { RequestInfo } from './request-info.ts';

/** One call, as the log tells it. */
export interface CallRecord {
  /** First, so that what watches the log for addresses finds it in one place. */
  readonly ip: string;
  readonly code: string;
  /** Of the error table; absent: it has none. */
  readonly errorId?: string | undefined;
  /** What the client is not told: why a JWT is refused. */
  readonly why?: string | undefined;
  /** Neither: whom a refused sign-in was about. What was typed for nobody's name is not told, as it may be a password. */
  readonly userId?: string | undefined;
  readonly method: string;
  /** User id, or `issuer|subject`; absent: nobody was found to be calling. */
  readonly caller?: string | undefined;
  /** What stands before the dot of the caller's token. */
  readonly tokenId?: string | undefined;
  readonly requestId: string;
  /** To the microsecond. */
  readonly durationMs: number;
}

/** What a record says of who asked, and from where. */
export function callerFacts(caller: Caller, { remoteAddress, requestId }: RequestInfo) {
  const { actorUserId, actorSubject } = caller.meta;
  return {
    ip: remoteAddress,
    caller: actorUserId ?? actorSubject,
    tokenId: actorSubject === undefined ? caller.credentialId : undefined,
    requestId,
  };
}

/** Lines of refusals a second: of one address, and in all. A stranger must not fill a disk with them. */
export const refusalLines = { ofAddress: 5, inAll: 20 } as const;
const windowMs = 1_000;

/** Tells each refusal of a calm second, and of a busy one how many there were of which kind. */
export function createRefusalLog(log: Log): (record: CallRecord) => void {
  let sinceMs = Number.NEGATIVE_INFINITY;
  let told = new Map<string, number>();
  let toldInAll = 0;
  let untold: Record<string, number> = {};
  let timer: NodeJS.Timeout | undefined;
  const close = (): void => {
    timer = undefined;
    const count = Object.values(untold).reduce((sum, one) => sum + one, 0);
    if (count > 0) log.info({ count, ...untold }, 'more calls refused');
    untold = {};
    told = new Map();
    toldInAll = 0;
  };
  return (record) => {
    const nowMs = performance.now();
    if (nowMs - sinceMs >= windowMs && timer === undefined) {
      sinceMs = nowMs;
      close();
    }
    const address = addressKey(record.ip);
    const ofAddress = told.get(address) ?? 0;
    const isTold = ofAddress < refusalLines.ofAddress && toldInAll < refusalLines.inAll;
    if (isTold) {
      told.set(address, ofAddress + 1);
      toldInAll += 1;
      log.info(record, 'call refused');
      return;
    }
    untold[record.code] = (untold[record.code] ?? 0) + 1;
    // Not unreferenced: the end of the process is no reason to tell nothing of its last second.
    timer ??= setTimeout(close, Math.max(0, windowMs - (nowMs - sinceMs)));
    log.debug(record, 'call refused');
  };
}

/** What a refusal is called in the log. */
export function codeOf(error: unknown): string {
  return error instanceof ConnectError ? Code[error.code] : 'Unknown';
}
