import { createValidator } from '@bufbuild/protovalidate';
import type { ContextValues, Interceptor, StreamResponse } from '@connectrpc/connect';
import { AdminService } from '../../gen/es/latchkey/v1/admin_pb.js';
import { type AuthenticateApp, authenticate } from '../auth/authenticate.ts';
import { ownerOf } from '../auth/caller.ts';
import { otherCallsOf } from '../auth/under-way.ts';
import { DomainError } from '../domain/errors.ts';
import type { Tracer } from '../ops/measures.ts';
import { authorizationOf, type WithConsole } from './authorization.ts';
import { asConnectError, errorIdOf, untoldOf } from './connect-error.ts';
import { followCall } from './follow-call.ts';
import {
  chargeRefused,
  isWithoutToken,
  type Limited,
  limitAddress,
  limitToken,
  requireNotRefused,
} from './limits/call-limits.ts';
import { callerKey } from './limits/caller-key.ts';
import { isPublic } from './limits/message-size.ts';
import type { Log } from './log.ts';
import { readOrigin } from './origin.ts';
import { type CallRecord, callerFacts, codeOf, createRefusalLog } from './refusal-log.ts';
import { hasWaitedKey, requestInfoKey } from './request-info.ts';

export interface InterceptorApp extends AuthenticateApp, Limited, WithConsole {
  readonly log: Log;
  /** undefined: no call is followed. */
  readonly tracer: Tracer | undefined;
}

/**
 * Every call of every dialect passes these, outermost first: span, where it is followed → request log → errors → limit of the address →
 * authenticate → limit of the token. They know the headers alone: nothing of a stranger's body is decompressed or
 * decoded.
 */
export function headerInterceptors(app: InterceptorApp): readonly Interceptor[] {
  const { tracer } = app;
  const followed = tracer === undefined ? [] : [followCall(tracer)];
  return [
    ...followed,
    requestLog(app),
    dressErrors(app),
    limitAddress(app),
    authenticateCaller(app),
    limitToken(app),
  ];
}

/** Then, with the message: still the same caller? → validate. */
export function messageInterceptors(app: InterceptorApp): readonly Interceptor[] {
  return [authenticateAgain(app), validateRequest()];
}

/** Success at debug level (the event log is the record), refusals at info. */
function requestLog(app: InterceptorApp): Interceptor {
  const tellRefusal = createRefusalLog(app.log);
  return (next) => async (req) => {
    const startedMs = performance.now();
    const record = (code: string, error?: unknown): CallRecord => {
      const { contextValues, service, method } = req;
      const { ip, caller, tokenId, requestId } = callerFacts(
        contextValues.get(callerKey),
        contextValues.get(requestInfoKey),
      );
      const name = `${service.typeName}/${method.name}`;
      const durationMs = Math.round((performance.now() - startedMs) * 1_000) / 1_000;
      const errorId = errorIdOf(error);
      return { ip, code, errorId, ...untoldOf(error), method: name, caller, tokenId, requestId, durationMs };
    };
    try {
      const res = await next(req);
      if (app.log.isLevelEnabled('debug')) app.log.debug(record('OK'), 'call');
      return res;
    } catch (error) {
      tellRefusal(record(codeOf(error), error));
      throw error;
    }
  };
}

function dressErrors(app: InterceptorApp): Interceptor {
  return (next) => async (req) => {
    const unexpected = (cause: unknown) => {
      const { requestId } = req.contextValues.get(requestInfoKey);
      app.log.error({ err: cause, requestId, method: req.method.name }, 'unexpected error');
    };
    try {
      const res = await next(req);
      return res.stream ? { ...res, message: dressStream(res.message, unexpected) } : res;
    } catch (error) {
      throw asConnectError(error, unexpected);
    }
  };
}

async function* dressStream(
  messages: StreamResponse['message'],
  unexpected: (cause: unknown) => void,
): StreamResponse['message'] {
  try {
    yield* messages;
  } catch (error) {
    throw asConnectError(error, unexpected);
  }
}

function authenticateCaller(app: InterceptorApp): Interceptor {
  const others = otherCallsOf(app.store);
  return (next) => (req) => {
    if (isPublic(req.service.typeName)) return next(req);
    return setCaller(app, req.contextValues).then(() => {
      // Imports stand back for all others, see importUsers.
      if (req.method !== AdminService.method.importUsers) others.count += 1;
      return next(req);
    });
  };
}

// Who was let in by their headers and took their time over the body may have been locked meanwhile, or robbed of a role.
function authenticateAgain(app: InterceptorApp): Interceptor {
  return (next) => (req) => {
    const { contextValues, service } = req;
    if (!contextValues.get(hasWaitedKey) || isPublic(service.typeName)) return next(req);
    return setCaller(app, contextValues).then(() => next(req));
  };
}

async function setCaller(app: InterceptorApp, values: ContextValues): Promise<void> {
  const info = values.get(requestInfoKey);
  const shown = authorizationOf(app, info);
  // A string is not waited for: most calls bring one.
  const authorization = typeof shown === 'object' ? await shown : shown;
  const { remoteAddress } = info;
  requireNotRefused(app, remoteAddress, authorization);
  try {
    const caller = await authenticate(app, {
      authorization,
      organizationId: info.header('x-zitadel-orgid') || undefined,
      origin: () => readOrigin(info),
    });
    values.set(callerKey, caller);
    info.prove(ownerOf(caller));
    chargeRefused(app, remoteAddress, { authorization });
  } catch (error) {
    if (isWithoutToken(error)) info.doubt();
    chargeRefused(app, remoteAddress, { authorization, error });
    throw error;
  }
}

/** The field rules stand in the protos; the first broken one is named: "user_id: value length must be …". */
function validateRequest(): Interceptor {
  const validator = createValidator({ failFast: true });
  return (next) => async (req) => {
    if (req.stream) return next(req);
    const result = validator.validate(req.method.input, req.message);
    if (result.kind === 'invalid') {
      throw new DomainError('fieldInvalid', { text: result.violations[0]?.toString() ?? 'invalid request' });
    }
    if (result.kind === 'error') throw result.error;
    return next(req);
  };
}
