import { expect, test } from '@jest/globals';
import { openDoor } from '../support/door.ts';
import { startServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';

const forbidden = { code: 'PermissionDenied' };

test.each(
  stores,
)('%s: what somebody did in other organizations is erased by nobody who may not erase there', async (store) => {
  await using server = await startServer({ store });
  const { people } = server;
  for (const id of ['acme', 'beta']) await people.organization(id);
  const caller = (role: 'IAM_USER_MANAGER' | 'ORG_USER_MANAGER') => {
    const roles = role === 'IAM_USER_MANAGER' ? [role] : [{ role, organization: 'acme' }];
    return people.caller({ organization: 'acme', roles });
  };
  const [manager, above] = [await caller('ORG_USER_MANAGER'), await caller('IAM_USER_MANAGER')];
  const owner = await people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
  await using door = openDoor(server.url, owner);
  const ok = async (...asked: Parameters<typeof door.ask>) =>
    expect(await door.ask(...asked)).toMatchObject({ code: 'OK' });
  /** Somebody of "acme" who held the role once. */
  const exOf = async (isDeleted: boolean, role: string, organizationId?: string) => {
    const userId = await people.user({ organization: 'acme' });
    const grant = { userId, role, ...(organizationId !== undefined && { organizationId }) };
    await ok('AddGrant', grant);
    if (isDeleted) await ok('DeleteUser', { userId });
    else await ok('RemoveGrant', grant);
    return userId;
  };
  for (const isDeleted of [false, true]) {
    const exOwner = await exOf(isDeleted, 'IAM_OWNER');
    const exAbroad = await exOf(isDeleted, 'ORG_USER_UNLOCKER', 'beta');
    const exHere = await exOf(isDeleted, 'ORG_USER_UNLOCKER', 'acme');
    for (const userId of [exOwner, exAbroad]) {
      expect(await door.ask('EraseUser', { userId }, manager)).toMatchObject(forbidden);
    }
    await ok('EraseUser', { userId: exHere }, manager);
    for (const userId of [exOwner, exAbroad]) await ok('EraseUser', { userId }, above);
  }
}, 60_000);
