import type { DescService } from '@bufbuild/protobuf';
import type { Interceptor, ServiceImpl } from '@connectrpc/connect';
import { AdminService } from '../../gen/es/latchkey/v1/admin_pb.js';
import { UserService } from '../../gen/es/zitadel/user/v2/user_service_pb.js';
import type { PasswordApp } from '../commands/password.ts';
import { adminCommandHandlers } from './admin-command.ts';
import { adminQueryHandlers } from './admin-query.ts';
import { type InterceptorApp, interceptors } from './interceptors.ts';
import { userCommandHandlers } from './user-command.ts';
import { userQueryHandlers } from './user-query.ts';
import { userStateHandlers } from './user-state.ts';

/** A service and the functions behind it. */
export interface DeskService {
  readonly desc: DescService;
  readonly implementation: Partial<ServiceImpl<DescService>>;
}

/** What the door serves: every service, and the one list of interceptors before all of them. */
export interface Desk {
  readonly services: readonly DeskService[];
  readonly interceptors: readonly Interceptor[];
}

export type DeskApp = PasswordApp & InterceptorApp;

/** Every handler on one app. */
export function createDesk(app: DeskApp): Desk {
  const users: ServiceImpl<typeof UserService> = {
    ...userStateHandlers(app),
    ...userCommandHandlers(app),
    ...userQueryHandlers(app),
  };
  const admin: ServiceImpl<typeof AdminService> = {
    ...adminCommandHandlers(app),
    ...adminQueryHandlers(app),
  };
  return {
    services: [mount(UserService, users), mount(AdminService, admin)],
    interceptors: interceptors(app),
  };
}

// The pair is checked here, while the service's own type is still known.
function mount<Service extends DescService>(
  desc: Service,
  implementation: ServiceImpl<Service>,
): DeskService {
  return { desc, implementation: implementation as DeskService['implementation'] };
}
