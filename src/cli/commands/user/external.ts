import { hashOf } from '../../../commands/create-user.ts';
import type { ImportedUser } from '../../../commands/import-users.ts';
import { errors } from '../../../domain/errors.ts';
import { type OrganizationId, parseOrganizationId } from '../../../domain/ids.ts';
import type { Backend, CreatedUserRow, ImportRow, UpdatedUserRow, UserToCreate } from '../../backend.ts';
import { CliError } from '../../failure.ts';
import { checkLengths, lengthsOfUser } from '../../local/lengths.ts';

/** Who is to be made, with what an application calls them: a person, or nothing but that id. */
export interface ExternalToCreate extends Omit<UserToCreate, 'profile'> {
  readonly profile: ImportedUser['profile'];
}

/**
 * Makes a user whom an application knows by an id of its own. The contract's calls know no such id: this is an import of
 * one. A password is hashed here. Throws CliError where the id, the name or the external id is somebody's.
 */
export async function createExternal(backend: Backend, user: ExternalToCreate): Promise<CreatedUserRow> {
  const { organizationId, userId, userName, profile } = user;
  checkLengths(lengthsOfUser(user));
  const password = await hashed(user, parseOrganizationId(organizationId));
  const isReady = profile.kind !== 'human' || (password !== undefined && profile.emailVerified);
  const state = isReady ? 'active' : 'initial';
  const made = await importOne(backend, {
    organizationId,
    user: { userId, userName, profile, state, ...(password && { password }) },
    updateExisting: false,
  });
  if (made.outcome !== 'created') {
    const message = `User ${made.userId} has this id, name or external id already`;
    throw new CliError({ code: 'already_exists', message, reason: errors.userExists.reason });
  }
  const { creationDate } = await backend.getUser(made.userId);
  return { userId: made.userId, creationDate };
}

async function hashed(
  { password }: ExternalToCreate,
  organizationId: OrganizationId,
): Promise<ImportedUser['password']> {
  if (password === undefined) return undefined;
  const { changeRequired } = password;
  if ('hash' in password) return { changeRequired, hash: password.hash };
  // Of a hash that is made here no cost is asked.
  return { changeRequired, hash: await hashOf({ importedHashCostMax: 0 }, password, organizationId) };
}

/**
 * What an application calls the user from now on; undefined: nothing. Throws CliError where it calls somebody else so, for a
 * machine user, and where nothing would be left of an external one.
 */
export async function setExternalId(
  backend: Backend,
  userId: string,
  externalId: string | undefined,
): Promise<UpdatedUserRow> {
  const isRemoval = externalId === undefined;
  if (!isRemoval) checkLengths({ external_id: [externalId, 1, 200] });
  const { organizationId } = await backend.getUser(userId);
  await importOne(backend, {
    organizationId,
    user: {
      ...{ userId, userName: undefined, state: 'active' },
      profile: { kind: 'external', externalId: externalId ?? '' },
      ...(isRemoval && { removeExternalId: true }),
    },
    updateExisting: true,
  });
  const { changeDate } = await backend.getUser(userId);
  return { userId, changeDate };
}

interface One {
  readonly organizationId: string;
  readonly user: ImportedUser;
  /** Who is there is changed, and nobody is made. */
  readonly updateExisting: boolean;
}

async function importOne(
  backend: Backend,
  { organizationId, user, updateExisting }: One,
): Promise<ImportRow & { readonly userId: string }> {
  const [row] = await backend.importUsers({
    ...{ organizationId, users: [user], updateExisting, existingOnly: updateExisting },
    ...{ validateOnly: false, withoutPasswords: false },
  });
  const { userId, reason, errorId: id, message = '' } = row ?? {};
  if (row !== undefined && userId !== undefined) return { ...row, userId };
  const { kind } = Object.values(errors).find((entry) => entry.reason === reason) ?? errors.internal;
  const text = id === undefined ? message : `${message} (${id})`;
  throw new CliError({ code: kind, message: text, ...(id && { id }), ...(reason && { reason }) });
}
