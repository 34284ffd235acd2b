import { AdminServiceService as admin } from '../../../gen/grpc-js/latchkey/v1/admin.ts';
import { UserServiceService as users } from '../../../gen/grpc-js/zitadel/user/v2/user_service.ts';
import type { Backend, GrantRow, UserBackend } from '../backend.ts';
import type { LockBackend } from '../backend-lock.ts';
import type { HookBackend } from '../hook-backend.ts';
import type { MetadataBackend } from '../metadata-backend.ts';
import type { Listing } from '../page.ts';
import type { RunBackend } from '../run-backend.ts';
import { type Connection, connect } from './call.ts';
import { remoteHooks } from './hooks.ts';
import { remoteImport } from './import.ts';
import { remoteLocks } from './locks.ts';
import { remoteMetadata } from './metadata.ts';
import { createUserRequest, listQuery, listUsersRequest, tokenFilters } from './request.ts';
import {
  callerRow,
  changeRow,
  eventRow,
  grantRow,
  historyRow,
  organizationRow,
  promised,
  timeText,
  tokenRow,
  userRow,
} from './rows.ts';
import { remoteRuns } from './runs.ts';
import type { RemoteTarget } from './target.ts';
import { updateUserRequest } from './update.ts';

/** A server. Every refusal is a CliError with the server's own text and id. */
export function openRemote(target: RemoteTarget): Backend {
  const connection = connect(target);
  return {
    ...userCalls(connection),
    ...tokenCalls(connection),
    ...adminCalls(connection),
    ...remoteLocks(connection),
    ...remoteMetadata(connection),
    ...remoteImport(connection),
    ...remoteHooks(connection),
    ...remoteRuns(connection),
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

function userCalls({ call }: Connection): UserBackend {
  const stateCalls = {
    deactivate: users.deactivateUser,
    reactivate: users.reactivateUser,
    delete: users.deleteUser,
  };
  return {
    getCaller: async () => callerRow(await call(admin.getCaller, {})),
    async listUsers(query) {
      const { result, details } = await call(users.listUsers, listUsersRequest(query));
      return listing(result.map(userRow), details?.totalResult);
    },
    async getUser(userId) {
      const { user } = await call(users.getUserById, { userId });
      return userRow(promised(user, 'user'));
    },
    async listHistory({ userId, beforeSequence, limit }) {
      const request = { userId, beforeSequence: BigInt(beforeSequence), limit };
      const found = await call(admin.listUserHistory, request);
      return {
        rows: found.entries.map(historyRow),
        nextBeforeSequence: Number(found.nextBeforeSequence),
      };
    },
    changeUserState: async (userId, action) =>
      changeRow(userId, (await call(stateCalls[action], { userId })).details),
    eraseUser: async (userId) => changeRow(userId, (await call(admin.eraseUser, { userId })).details),
    async createUser(user) {
      const made = await call(users.createUser, createUserRequest(user));
      return { userId: made.id, creationDate: timeText(made.creationDate) };
    },
    async updateUser(change) {
      const { userId } = change;
      const { changeDate } = await call(users.updateUser, updateUserRequest(change));
      return { userId, changeDate: timeText(changeDate) };
    },
    async resetPassword(userId) {
      const request = { userId, medium: { $case: 'returnCode', value: {} } } as const;
      const { details, verificationCode } = await call(users.passwordReset, request);
      return { ...changeRow(userId, details), code: promised(verificationCode, 'verification_code') };
    },
    async setPassword({ userId, password, changeRequired }) {
      const newPassword = { password, changeRequired };
      const request = { userId, newPassword, verification: undefined };
      return changeRow(userId, (await call(users.setPassword, request)).details);
    },
  };
}

type TokenCalls = Pick<Backend, 'createToken' | 'revokeToken' | 'listTokens'>;

function tokenCalls({ call }: Connection): TokenCalls {
  return {
    async createToken({ userId, expiresAt }) {
      const request = { userId, expirationDate: new Date(expiresAt) };
      const made = await call(users.addPersonalAccessToken, request);
      return { tokenId: made.tokenId, token: made.token, creationDate: timeText(made.creationDate) };
    },
    async revokeToken(request) {
      const { deletionDate } = await call(users.removePersonalAccessToken, request);
      return { deletionDate: timeText(deletionDate) };
    },
    async listTokens({ offset, limit, ...query }) {
      const request = { pagination: listQuery({ offset, limit }), filters: tokenFilters(query) };
      const { result, pagination } = await call(users.listPersonalAccessTokens, request);
      return listing(result.map(tokenRow), pagination?.totalResult);
    },
  };
}

/** Often enough for the proxies between, which take a stream that says nothing for a minute to be dead. */
const heartbeatSeconds = 20;

type AdminCalls = Omit<
  Backend,
  | keyof UserBackend
  | keyof TokenCalls
  | keyof LockBackend
  | keyof MetadataBackend
  | keyof HookBackend
  | keyof RunBackend
  | 'importUsers'
  | typeof Symbol.asyncDispose
>;

function adminCalls({ call, stream }: Connection): AdminCalls {
  return {
    addGrant: async (grant) => changeRow(grant.userId, (await call(admin.addGrant, grant)).details),
    removeGrant: async (grant) => changeRow(grant.userId, (await call(admin.removeGrant, grant)).details),
    async listGrants({ offset, limit, ...query }): Promise<Listing<GrantRow>> {
      const request = { ...query, query: listQuery({ offset, limit }) };
      const { grants, details } = await call(admin.listGrants, request);
      return listing(grants.map(grantRow), details?.totalResult);
    },

    createOrganization: async (organization) =>
      organizationRow((await call(admin.createOrganization, organization)).organization),
    async listOrganizations(page) {
      const request = { query: listQuery(page) };
      const { organizations, details } = await call(admin.listOrganizations, request);
      return listing(organizations.map(organizationRow), details?.totalResult);
    },

    async listEvents({ afterPosition, ...query }) {
      const request = { ...query, afterPosition: BigInt(afterPosition) };
      return (await call(admin.listEvents, request)).events.map(eventRow);
    },
    async *followEvents(afterPosition, { signal, onOpen }) {
      const request = { afterPosition: BigInt(afterPosition), heartbeatSeconds };
      const events = stream(admin.followEvents, request, { signal, onOpen });
      for await (const event of events) if (event.eventId !== '') yield eventRow(event);
    },
  };
}

function listing<Row>(rows: readonly Row[], total: bigint | undefined): Listing<Row> {
  return { rows, total: Number(total ?? rows.length) };
}
