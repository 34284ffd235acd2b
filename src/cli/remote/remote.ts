import type { Metadata } from '@grpc/grpc-js';
import type { Backend, GrantRow } from '../backend.ts';
import type { LockBackend } from '../backend-lock.ts';
import type { HookBackend } from '../hook-backend.ts';
import type { MetadataBackend } from '../metadata-backend.ts';
import type { Listing } from '../page.ts';
import type { RunBackend } from '../run-backend.ts';
import { connect } from './call.ts';
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

/** A server, through gRPC. Every refusal is a CliError with the server's own text and id. */
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
    [Symbol.asyncDispose]: async () => connection.close(),
  };
}

type Connection = ReturnType<typeof connect>;
type UserCalls = Pick<
  Backend,
  | 'listUsers'
  | 'getUser'
  | 'listHistory'
  | 'changeUserState'
  | 'eraseUser'
  | 'createUser'
  | 'updateUser'
  | 'resetPassword'
  | 'setPassword'
>;

function userCalls({ users, admin, call }: Connection): UserCalls {
  const stateCalls = {
    deactivate: users.deactivateUser.bind(users),
    reactivate: users.reactivateUser.bind(users),
    delete: users.deleteUser.bind(users),
  };
  return {
    async listUsers(query) {
      const { result, details } = await call(users.listUsers.bind(users), listUsersRequest(query));
      return listing(result.map(userRow), details?.totalResult);
    },
    async getUser(userId) {
      const { user } = await call(users.getUserById.bind(users), { userId });
      return userRow(promised(user, 'user'));
    },
    async listHistory({ userId, beforeSequence, limit }) {
      const request = { userId, beforeSequence: BigInt(beforeSequence), limit };
      const found = await call(admin.listUserHistory.bind(admin), request);
      return {
        rows: found.entries.map(historyRow),
        nextBeforeSequence: Number(found.nextBeforeSequence),
      };
    },
    changeUserState: async (userId, action) =>
      changeRow(userId, (await call(stateCalls[action], { userId })).details),
    eraseUser: async (userId) =>
      changeRow(userId, (await call(admin.eraseUser.bind(admin), { userId })).details),
    async createUser(user) {
      const made = await call(users.createUser.bind(users), createUserRequest(user));
      return { userId: made.id, creationDate: timeText(made.creationDate) };
    },
    async updateUser(change) {
      const { userId } = change;
      const { changeDate } = await call(users.updateUser.bind(users), updateUserRequest(change));
      return { userId, changeDate: timeText(changeDate) };
    },
    async resetPassword(userId) {
      const request = { userId, medium: { $case: 'returnCode', value: {} } } as const;
      const { details, verificationCode } = await call(users.passwordReset.bind(users), request);
      return { ...changeRow(userId, details), code: promised(verificationCode, 'verification_code') };
    },
    async setPassword({ userId, password, changeRequired }) {
      const newPassword = { password, changeRequired };
      const request = { userId, newPassword, verification: undefined };
      return changeRow(userId, (await call(users.setPassword.bind(users), request)).details);
    },
  };
}

type TokenCalls = Pick<Backend, 'createToken' | 'revokeToken' | 'listTokens'>;

function tokenCalls({ users, call }: Connection): TokenCalls {
  return {
    async createToken({ userId, expiresAt }) {
      const request = { userId, expirationDate: new Date(expiresAt) };
      const made = await call(users.addPersonalAccessToken.bind(users), request);
      return { tokenId: made.tokenId, token: made.token, creationDate: timeText(made.creationDate) };
    },
    async revokeToken(request) {
      const { deletionDate } = await call(users.removePersonalAccessToken.bind(users), request);
      return { deletionDate: timeText(deletionDate) };
    },
    async listTokens({ offset, limit, ...query }) {
      const request = { pagination: listQuery({ offset, limit }), filters: tokenFilters(query) };
      const { result, pagination } = await call(users.listPersonalAccessTokens.bind(users), request);
      return listing(result.map(tokenRow), pagination?.totalResult);
    },
  };
}

/** Often enough for the proxies between, which take a stream that says nothing for a minute to be dead. */
const heartbeatSeconds = 20;

type AdminCalls = Omit<
  Backend,
  | keyof UserCalls
  | keyof TokenCalls
  | keyof LockBackend
  | keyof MetadataBackend
  | keyof HookBackend
  | keyof RunBackend
  | 'importUsers'
  | typeof Symbol.asyncDispose
>;

function adminCalls({ admin, call, stream }: Connection): AdminCalls {
  return {
    addGrant: async (grant) =>
      changeRow(grant.userId, (await call(admin.addGrant.bind(admin), grant)).details),
    removeGrant: async (grant) =>
      changeRow(grant.userId, (await call(admin.removeGrant.bind(admin), grant)).details),
    async listGrants({ offset, limit, ...query }): Promise<Listing<GrantRow>> {
      const request = { ...query, query: listQuery({ offset, limit }) };
      const { grants, details } = await call(admin.listGrants.bind(admin), request);
      return listing(grants.map(grantRow), details?.totalResult);
    },

    getCaller: async () => callerRow(await call(admin.getCaller.bind(admin), {})),
    createOrganization: async (organization) =>
      organizationRow((await call(admin.createOrganization.bind(admin), organization)).organization),
    async listOrganizations(page) {
      const request = { query: listQuery(page) };
      const { organizations, details } = await call(admin.listOrganizations.bind(admin), request);
      return listing(organizations.map(organizationRow), details?.totalResult);
    },

    async listEvents({ afterPosition, ...query }) {
      const request = { ...query, afterPosition: BigInt(afterPosition) };
      return (await call(admin.listEvents.bind(admin), request)).events.map(eventRow);
    },
    async *followEvents(afterPosition, { signal, onOpen }) {
      const request = { afterPosition: BigInt(afterPosition), heartbeatSeconds };
      const open = (metadata: Metadata) => admin.followEvents(request, metadata).once('metadata', onOpen);
      for await (const event of stream(open, signal)) if (event.eventId !== '') yield eventRow(event);
    },
  };
}

function listing<Row>(rows: readonly Row[], total: bigint | undefined): Listing<Row> {
  return { rows, total: Number(total ?? rows.length) };
}
