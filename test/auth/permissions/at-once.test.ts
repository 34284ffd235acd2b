import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Door, openDoor } from '../../support/door.ts';
import { startServer, type TestServer } from '../../support/start-server.ts';

let server: TestServer;
let door: Door;

beforeAll(async () => {
  server = await startServer();
  await server.people.organization('home');
  await server.people.organization('abroad');
  const roles = ['IAM_OWNER'];
  door = openDoor(server.url, await server.people.caller({ organization: 'home', roles }));
});
afterAll(async () => {
  await door[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const forbidden = { message: 'No matching permissions found (AUTH-AWfge)' };
const tokenInvalid = { message: 'Errors.Token.Invalid (AUTH-7fs1e)' };

async function helper(role: string) {
  const userId = await server.people.user({ organization: 'home', kind: 'machine' });
  await server.people.grant(userId, { role, organization: 'home' });
  return { userId, token: await server.people.token(userId) };
}

describe('a change of rights holds from the next call on', () => {
  test('a role taken, and given back', async () => {
    const { userId, token } = await helper('ORG_OWNER_VIEWER');
    const grant = { userId, role: 'ORG_OWNER_VIEWER', organizationId: 'home' };
    const outcomes = [];
    for (const change of ['RemoveGrant', 'AddGrant'] as const) {
      outcomes.push((await door.ask('ListUsers', {}, token)).code);
      await door.ask(change, grant);
    }
    outcomes.push((await door.ask('ListUsers', {}, token)).code);
    expect(outcomes).toEqual(['OK', 'PermissionDenied', 'OK']);
  });

  test('a token revoked', async () => {
    const { userId, token } = await helper('ORG_OWNER_VIEWER');
    const other = await server.people.token(userId);
    const tokenId = token.split('.')[0] ?? '';
    expect(await door.ask('RemovePersonalAccessToken', { userId, tokenId })).toMatchObject({ code: 'OK' });
    expect(await door.ask('ListUsers', {}, token)).toMatchObject(tokenInvalid);
    expect(await door.ask('ListUsers', {}, other)).toMatchObject({ code: 'OK' });
  });

  test.each(['LockUser', 'DeactivateUser', 'DeleteUser'] as const)('%s', async (method) => {
    const { userId, token } = await helper('ORG_OWNER_VIEWER');
    expect(await door.ask(method, { userId })).toMatchObject({ code: 'OK' });
    expect(await door.ask('ListUsers', {}, token)).toMatchObject(tokenInvalid);
  });
});

describe('the user decides, not the caller', () => {
  test("the target's own organization counts, whatever x-zitadel-orgid says", async () => {
    const { token } = await helper('ORG_USER_UNLOCKER');
    const here = await server.people.user({ organization: 'home', state: 'locked' });
    const there = await server.people.user({ organization: 'abroad', state: 'locked' });
    const headers = { 'x-zitadel-orgid': 'abroad' };
    expect(await door.ask('UnlockUser', { userId: there }, token, headers)).toMatchObject({
      message: 'User could not be found (COMMAND-x377t913pw)',
    });
    expect(await door.ask('UnlockUser', { userId: here }, token, headers)).toMatchObject({ code: 'OK' });
  });

  test("one's own user needs the permission like any other", async () => {
    const viewer = await helper('ORG_OWNER_VIEWER');
    expect(await door.ask('DeactivateUser', { userId: viewer.userId }, viewer.token)).toMatchObject(
      forbidden,
    );
    // Nor is one less above oneself than anybody else of the same role.
    const manager = await helper('ORG_USER_MANAGER');
    expect(await door.ask('LockUser', { userId: manager.userId }, manager.token)).toMatchObject(forbidden);
    const owner = await helper('ORG_OWNER');
    expect(await door.ask('LockUser', { userId: owner.userId }, owner.token)).toMatchObject({ code: 'OK' });
    expect(await door.ask('UnlockUser', { userId: owner.userId }, owner.token)).toMatchObject(tokenInvalid);
  });
});
