import { type App, openApp } from '../../app/app.ts';
import { settings } from '../../app/settings.ts';
import { type Caller, systemCaller } from '../../auth/caller.ts';
import { resetPassword } from '../../commands/codes.ts';
import { createUser } from '../../commands/create-user.ts';
import { eraseUser } from '../../commands/erasure/erase-user.ts';
import { addGrant, type GrantRequest, removeGrant } from '../../commands/grants.ts';
import { createOrganization } from '../../commands/organizations.ts';
import { setPassword } from '../../commands/password.ts';
import { addToken, removeToken } from '../../commands/tokens.ts';
import { updateUser } from '../../commands/update-user.ts';
import { changeUserState } from '../../commands/user-state.ts';
import { parseOrganizationId, parseUserId } from '../../domain/ids.ts';
import { type HeldPermission, heldPermissions } from '../../queries/caller.ts';
import { followEvents, listEvents } from '../../queries/events.ts';
import { listGrants } from '../../queries/grants.ts';
import { listOrganizations } from '../../queries/organizations.ts';
import { listTokens } from '../../queries/tokens.ts';
import { listUserHistory } from '../../queries/user-history.ts';
import { getUser, listUsers } from '../../queries/users.ts';
import type { Backend, GrantRow, PermissionRow, UserBackend } from '../backend.ts';
import { localHooks } from './hooks.ts';
import { localImport } from './import.ts';
import { checkLengths, lengthsOfChange, lengthsOfUser } from './lengths.ts';
import { localLocks } from './locks.ts';
import { localMetadata } from './metadata.ts';
import {
  changeRow,
  eventRow,
  grantRow,
  historyRow,
  listing,
  organizationRow,
  pageRequest,
  timeText,
  tokenFilters,
  tokenRow,
  userFilters,
  userRow,
} from './rows.ts';
import { localRuns } from './runs.ts';

export interface LocalTarget {
  readonly database: string;
  readonly osUser: string;
  readonly reason: string | undefined;
}

/**
 * The database itself, through the very commands and queries that a server runs: the way in where no server runs, or
 * where the only administrator is locked. Events name the operating system's user. Throws StoreUnusable.
 */
export async function openLocal({ database, osUser, reason }: LocalTarget): Promise<Backend> {
  // What flag the server was started with is not known here: its default is shown.
  const passwordAttemptsMax = Number(settings['lockout-attempts'].fallback);
  const app = await openApp({ database, passwordAttemptsMax, logLevel: 'silent', startsLate: true });
  const caller = systemCaller(osUser, reason);
  const runs = localRuns(app, caller);
  return {
    ...users(app, caller),
    ...tokensAndGrants(app, caller),
    ...organizationsAndEvents(app, caller),
    ...localLocks(app, caller),
    ...localMetadata(app, caller),
    ...localImport(app, caller),
    ...localHooks(app, caller),
    ...runs,
    async [Symbol.asyncDispose]() {
      await runs[Symbol.asyncDispose]();
      await app[Symbol.asyncDispose]();
    },
  };
}

function users(app: App, caller: Caller): UserBackend {
  return {
    async getCaller() {
      const grants = caller.grants.map((grant) => ({ ...grant }));
      return { ...osUserOf(caller), grants, permissions: heldPermissions(caller).map(permissionRow) };
    },
    listUsers: async ({ offset, limit, ...query }) => {
      const page = pageRequest({ offset, limit });
      const filters = userFilters(query);
      return listing(await listUsers(app, caller, { filters, sort: 'user_name', page }), userRow);
    },
    getUser: async (userId) => userRow(await getUser(app, caller, parseUserId(userId))),
    async listHistory({ userId, beforeSequence, limit }) {
      const request = { userId: parseUserId(userId), beforeSequence: BigInt(beforeSequence), limit };
      const { entries, nextBeforeSequence } = await listUserHistory(app, caller, request);
      return { rows: entries.map(historyRow), nextBeforeSequence };
    },
    changeUserState: async (userId, action) =>
      changeRow(await changeUserState(app, caller, parseUserId(userId), action)),
    eraseUser: async (userId) => changeRow(await eraseUser(app, caller, parseUserId(userId))),
    async createUser({ organizationId, ...user }) {
      checkLengths(lengthsOfUser(user));
      const organization = { organizationId: parseOrganizationId(organizationId) };
      const made = await createUser(app, caller, { ...user, organization });
      return { userId: made.userId, creationDate: timeText(made.createdAt) };
    },
    async updateUser({ userId, ...change }) {
      checkLengths(lengthsOfChange(change));
      const { user: updated } = await updateUser(app, caller, { userId: parseUserId(userId), ...change });
      return { userId: updated.userId, changeDate: timeText(updated.changedAt) };
    },
    async resetPassword(userId) {
      const { user, code } = await resetPassword(app, caller, parseUserId(userId));
      return { ...changeRow(user), code };
    },
    async setPassword({ userId, password, changeRequired }) {
      checkLengths({ 'new_password.password': [password, 1, 200] });
      const newPassword = { password, changeRequired };
      const request = { userId: parseUserId(userId), newPassword, proof: undefined };
      return changeRow(await setPassword(app, caller, request));
    },
  };
}

function osUserOf({ meta: { actorOsUser } }: Caller): { readonly osUser?: string } {
  return actorOsUser === undefined ? {} : { osUser: actorOsUser };
}

function permissionRow({ permission, scope }: HeldPermission): PermissionRow {
  const everywhere = scope === 'all';
  return { permission, everywhere, organizationIds: everywhere ? [] : scope };
}

type GrantCalls = Pick<
  Backend,
  'createToken' | 'revokeToken' | 'listTokens' | 'addGrant' | 'removeGrant' | 'listGrants'
>;

function tokensAndGrants(app: App, caller: Caller): GrantCalls {
  return {
    async createToken({ userId, expiresAt }) {
      const made = await addToken(app, caller, { userId: parseUserId(userId), expiresAt });
      return { tokenId: made.tokenId, token: made.token, creationDate: timeText(made.createdAt) };
    },
    revokeToken: async ({ userId, tokenId }) => ({
      deletionDate: timeText(await removeToken(app, caller, { userId: parseUserId(userId), tokenId })),
    }),
    listTokens: async ({ offset, limit, ...query }) => {
      const page = pageRequest({ offset, limit });
      const filters = tokenFilters(query);
      return listing(await listTokens(app, caller, { filters, sort: 'created_at', page }), tokenRow);
    },

    addGrant: async (grant) => changeRow(await addGrant(app, caller, grantRequest(grant))),
    removeGrant: async (grant) => changeRow(await removeGrant(app, caller, grantRequest(grant))),
    listGrants: async ({ userId, organizationId, ...page }) =>
      listing(
        await listGrants(app, caller, {
          userId: userId === undefined ? undefined : parseUserId(userId),
          organizationId: organizationId === undefined ? undefined : parseOrganizationId(organizationId),
          page: pageRequest(page),
        }),
        grantRow,
      ),
  };
}

type EventCalls = Pick<Backend, 'createOrganization' | 'listOrganizations' | 'listEvents' | 'followEvents'>;

function organizationsAndEvents(app: App, caller: Caller): EventCalls {
  return {
    async createOrganization(organization) {
      checkLengths({ name: [organization.name, 1, 200], domain: [organization.domain, 1, 253] });
      return organizationRow(await createOrganization(app, caller, organization));
    },
    listOrganizations: async (page) =>
      listing(await listOrganizations(app, caller, pageRequest(page)), organizationRow),

    async listEvents({ afterPosition, limit, userId, type }) {
      const events = await listEvents(app, caller, {
        afterPosition: BigInt(afterPosition),
        limit,
        userId: userId === undefined ? undefined : parseUserId(userId),
        type,
      });
      return events.map(eventRow);
    },
    async *followEvents(afterPosition, { signal }) {
      // Whoever goes on reading is to hear of a file that was moved away: the thread that looks starts with this.
      await app.store.isReady();
      const request = { afterPosition: BigInt(afterPosition), caller: async () => caller, signal };
      for await (const event of followEvents(app, request)) yield eventRow(event);
    },
  };
}

function grantRequest({ userId, role, organizationId }: GrantRow): GrantRequest {
  return {
    userId: parseUserId(userId),
    role,
    organizationId: organizationId === undefined ? undefined : parseOrganizationId(organizationId),
  };
}
