import { setTimeout as delay } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import {
  Code,
  ConnectError,
  type HandlerContext,
  type Interceptor,
  type ServiceImpl,
} from '@connectrpc/connect';
import { Health, HealthCheckResponse_ServingStatus } from '../../../gen/es/grpc/health/v1/health_pb.js';
import { UnlockUserResponseSchema, UserService } from '../../../gen/es/zitadel/user/v2/user_service_pb.js';
import { ErrorDetailSchema } from '../../../gen/es/zitadel/v1/error_detail_pb.js';
import { requestInfoKey } from '../../../src/rpc/request-info.ts';
import { createDoor, type DoorOptions, type OpenDoor } from '../../../src/server/door.ts';
import { createCorsPolicy } from '../../../src/server/http/cors.ts';
import { type ListenerOptions, startListener } from '../../../src/server/port/listener.ts';
import { ConformanceService } from '../../conformance/gen/connectrpc/conformance/v1/service_pb.js';
import { openWire, type Wire } from '../../support/wire.ts';
import { mounted } from './open-services.ts';

/** The real listener and door before a small service whose handlers do what the user id says. */
export interface OpenLane extends AsyncDisposable {
  readonly url: string;
  readonly wire: Wire;
  readonly door: OpenDoor;
  /** What the door logged. */
  readonly log: readonly (readonly [event: string, fields: Readonly<Record<string, unknown>>])[];
  /** The reasons of the signals of `wait` calls that are over, and the contexts of all calls, in order. */
  readonly aborted: readonly unknown[];
  readonly contexts: readonly HandlerContext[];
  /** Resolves once so many handlers have begun. */
  begun(calls: number): Promise<void>;
}

/** Opens it on a free port of the loopback. */
export async function openLane(
  options: Partial<DoorOptions> = {},
  limits: Partial<ListenerOptions> = {},
): Promise<OpenLane> {
  const log: (readonly [string, Readonly<Record<string, unknown>>])[] = [];
  const aborted: unknown[] = [];
  const contexts: HandlerContext[] = [];
  const door = createDoor({
    services: [
      mounted(UserService, userService(contexts, aborted)),
      mounted(Health, healthService(contexts)),
      mounted(ConformanceService, { idempotentUnary: () => ({ payload: { data: big } }) }),
    ],
    interceptors: [],
    cors: createCorsPolicy({ allowedOrigins: ['https://console.example'], scheme: 'http' }),
    clientAddress: { trustedProxies: [] },
    isReady: async () => true,
    isDraining: () => false,
    timeoutMs: 1_000,
    log: (event, fields) => log.push([event, fields]),
    ...options,
  });
  const always = { port: 0, drainTimeoutMs: 1_000, log: () => undefined };
  const listener = await startListener(door, { ...always, ...limits });
  const wire = openWire(listener.url);
  return {
    url: listener.url,
    wire,
    door,
    log,
    aborted,
    contexts,
    async begun(calls) {
      while (contexts.length < calls) await delay(1);
    },
    async [Symbol.asyncDispose]() {
      await wire[Symbol.asyncDispose]();
      door.endStreams();
      await listener.drain();
      door.close();
    },
  };
}

/** Large enough to be worth compressing. */
const big: Uint8Array = new TextEncoder().encode('x'.repeat(5_000));

function userService(
  contexts: HandlerContext[],
  aborted: unknown[],
): Partial<ServiceImpl<typeof UserService>> {
  return {
    async unlockUser({ userId }, context) {
      contexts.push(context);
      switch (userId) {
        case 'fail':
        case 'fail-with-metadata':
          if (userId === 'fail-with-metadata') setMetadata(context);
          throw notLocked();
        case 'crash':
          throw new Error('the secret cause');
        case 'unsendable':
          // Fetch takes it in a header, HTTP/1.1 does not.
          context.responseHeader.set('x-head', 'a\x01b');
          break;
        case 'metadata':
          setMetadata(context);
          setForbiddenMetadata(context);
          break;
        case 'big':
          return { details: { resourceOwner: 'x'.repeat(5_000) } };
        case 'wait':
          await over(context.signal);
          aborted.push(context.signal.reason);
          break;
        case 'deaf':
          await delay(5_000, undefined, { ref: false });
          break;
        case 'info': {
          const info = context.values.get(requestInfoKey);
          return {
            details: { resourceOwner: `${info.remoteAddress} ${info.header('x-test')} ${info.requestId}` },
          };
        }
      }
      return create(UnlockUserResponseSchema, {
        details: { resourceOwner: userId.slice(0, 20), sequence: 2n },
      });
    },
  };
}

function healthService(contexts: HandlerContext[]): Partial<ServiceImpl<typeof Health>> {
  return {
    async *watch({ service }, context) {
      contexts.push(context);
      setMetadata(context);
      yield { status: HealthCheckResponse_ServingStatus.SERVING };
      if (service === 'fail') throw notLocked();
      if (service === 'wait') {
        await over(context.signal);
        throw context.signal.reason;
      }
      yield { status: HealthCheckResponse_ServingStatus.NOT_SERVING };
    },
  };
}

function over(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve());
  });
}

function setMetadata({ responseHeader, responseTrailer }: HandlerContext): void {
  responseHeader.set('x-head', 'one');
  responseHeader.append('x-head', 'two');
  responseTrailer.set('x-tail', 'end');
}

// A handler may not break the dialect under it.
function setForbiddenMetadata({ responseHeader, responseTrailer }: HandlerContext): void {
  responseHeader.set('content-type', 'text/html');
  responseTrailer.set('grpc-status', '5');
}

function notLocked(): ConnectError {
  const detail = {
    desc: ErrorDetailSchema,
    value: { id: 'COMMAND-olb9vb0oca', message: 'User is not locked' },
  };
  const metadata = { 'x-error': 'yes', 'content-length': '7' };
  return new ConnectError('Nutzer ist 100% gültig', Code.FailedPrecondition, metadata, [detail]);
}

/** One that passes everything on, as a copy: what Connect allows an interceptor to do. */
export const copying: Interceptor = (next) => async (req) => {
  const response = await next({ ...req });
  return { ...response };
};
