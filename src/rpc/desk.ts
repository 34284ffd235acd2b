import type { DescMethod, DescService } from '@bufbuild/protobuf';
import type { Interceptor, ServiceImpl } from '@connectrpc/connect';
import { file_google_rpc_error_details } from '../../gen/es/google/rpc/error_details_pb.js';
import { Health as HealthService } from '../../gen/es/grpc/health/v1/health_pb.js';
import { ServerReflection as ReflectionV1 } from '../../gen/es/grpc/reflection/v1/reflection_pb.js';
import { ServerReflection as ReflectionV1Alpha } from '../../gen/es/grpc/reflection/v1alpha/reflection_pb.js';
import { AdminService } from '../../gen/es/latchkey/v1/admin_pb.js';
import { AttemptService } from '../../gen/es/latchkey/v1/attempt_service_pb.js';
import { LockService } from '../../gen/es/latchkey/v1/lock_pb.js';
import { PolicyService } from '../../gen/es/latchkey/v1/policy_pb.js';
import { SubscriptionService } from '../../gen/es/latchkey/v1/subscription_pb.js';
import { UnlockRunService } from '../../gen/es/latchkey/v1/unlock_run_pb.js';
import { SessionService } from '../../gen/es/zitadel/session/v2/session_service_pb.js';
import { SettingsService } from '../../gen/es/zitadel/settings/v2/settings_service_pb.js';
import { UserService } from '../../gen/es/zitadel/user/v2/user_service_pb.js';
import { file_zitadel_v1_error_detail } from '../../gen/es/zitadel/v1/error_detail_pb.js';
import type { SignInApp } from '../commands/sign-in-facts.ts';
import type { SubscriptionApp } from '../commands/subscriptions.ts';
import type { DeskMeasures } from '../ops/measures.ts';
import type { QueryApp } from '../queries/users.ts';
import { adminCommandHandlers } from './admin-command.ts';
import { adminQueryHandlers } from './admin-query.ts';
import { attemptHandlers } from './attempt.ts';
import { callerHandlers } from './caller.ts';
import { createHealth } from './health.ts';
import { importHandlers } from './import-users.ts';
import { headerInterceptors, type InterceptorApp, messageInterceptors } from './interceptors.ts';
import { messageBytesMaxOf } from './limits/message-size.ts';
import { lockHandlers } from './lock.ts';
import { policyHandlers } from './lockout-policy.ts';
import { createReflection } from './reflection.ts';
import { sessionCommandHandlers } from './session/command.ts';
import { sessionQueryHandlers } from './session/query.ts';
import { settingsHandlers } from './settings.ts';
import { subscriptionHandlers } from './subscription.ts';
import { unlockRunHandlers } from './unlock-run.ts';
import { userCodeHandlers } from './user/code.ts';
import { userCommandHandlers } from './user/command.ts';
import { userMetadataHandlers } from './user/metadata.ts';
import { userQueryHandlers } from './user/query.ts';
import { userStateHandlers } from './user/state.ts';
import { userUpdateHandlers } from './user/update.ts';

/** A service and the functions behind it. */
export interface DeskService {
  readonly desc: DescService;
  readonly implementation: Partial<ServiceImpl<DescService>>;
}

/** What the door serves: every service, and the interceptors before all of them. */
export interface Desk {
  readonly services: readonly DeskService[];
  /** Run before anything of the body is looked at. */
  readonly headerInterceptors: readonly Interceptor[];
  /** Run with the message. */
  readonly interceptors: readonly Interceptor[];
  /** How many bytes one request message may have. */
  messageBytesMaxOf(method: DescMethod): number;
  /** Tells the watchers of health that the server goes down. */
  shutdown(): void;
}

export type DeskApp = SignInApp &
  InterceptorApp &
  QueryApp &
  SubscriptionApp & { readonly measures: DeskMeasures };

const watchesMax = 1_000;
const reflectionsMax = 100;
const healthPollMs = 1_000;

/** Every handler on one app. `isReady` says whether a call would be served now. */
export function createDesk(app: DeskApp, isReady: () => Promise<boolean>): Desk {
  const served = [
    mount(UserService, users(app)),
    mount(SessionService, sessions(app)),
    mount(SettingsService, settingsHandlers(app)),
    mount(AttemptService, attemptHandlers(app)),
    mount(LockService, lockHandlers(app)),
    mount(UnlockRunService, unlockRunHandlers(app)),
    mount(PolicyService, policyHandlers(app)),
    mount(SubscriptionService, subscriptionHandlers(app)),
    mount(AdminService, admin(app)),
  ];
  const health = createHealth({
    services: served.map(({ desc }) => desc.typeName),
    isReady,
    watchesMax,
    pollMs: healthPollMs,
  });
  const reflection = createReflection({
    services: [...served.map(({ desc }) => desc), HealthService],
    files: [file_zitadel_v1_error_detail, file_google_rpc_error_details],
    streamsMax: reflectionsMax,
  });
  return {
    services: [
      ...served,
      mount(HealthService, health.service),
      mount(ReflectionV1, reflection.v1),
      mount(ReflectionV1Alpha, reflection.v1alpha),
    ],
    headerInterceptors: headerInterceptors(app),
    interceptors: messageInterceptors(app),
    messageBytesMaxOf,
    shutdown: () => health.shutdown(),
  };
}

function users(app: DeskApp): ServiceImpl<typeof UserService> {
  return {
    ...userStateHandlers(app),
    ...userCommandHandlers(app),
    ...userUpdateHandlers(app),
    ...userCodeHandlers(app),
    ...userMetadataHandlers(app),
    ...userQueryHandlers(app),
  };
}

function admin(app: DeskApp): ServiceImpl<typeof AdminService> {
  return {
    ...adminCommandHandlers(app),
    ...adminQueryHandlers(app),
    ...callerHandlers(app),
    ...importHandlers(app),
  };
}

function sessions(app: DeskApp): ServiceImpl<typeof SessionService> {
  return { ...sessionCommandHandlers(app), ...sessionQueryHandlers(app) };
}

// The pair is checked here, while the service's own type is still known.
function mount<Service extends DescService>(
  desc: Service,
  implementation: ServiceImpl<Service>,
): DeskService {
  return { desc, implementation: implementation as DeskService['implementation'] };
}
