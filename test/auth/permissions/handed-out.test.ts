import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Answer } from '../../support/answer.ts';
import { type Door, openDoor } from '../../support/door.ts';
import { password } from '../../support/people.ts';
import { startServer, type TestServer } from '../../support/start-server.ts';

/** The roles handed out, in the order of the columns; ORG_ roles on the organization named. */
const granted = [
  ...['IAM_OWNER', 'IAM_OWNER_VIEWER', 'IAM_ORG_MANAGER', 'IAM_USER_MANAGER', 'IAM_LOGIN_CLIENT'],
  ...['IAM_USER_UNLOCKER', 'ORG_OWNER', 'ORG_OWNER_VIEWER', 'ORG_USER_MANAGER', 'ORG_USER_UNLOCKER'],
];
const tokens = new Map<string, string>();
let server: TestServer;
let door: Door;

beforeAll(async () => {
  server = await startServer();
  await server.people.organization('home');
  await server.people.organization('abroad');
  for (const role of ['IAM_OWNER', 'IAM_ORG_MANAGER', 'IAM_LOGIN_CLIENT', 'ORG_OWNER']) {
    const held = role.startsWith('IAM_') ? role : { role, organization: 'home' };
    tokens.set(role, await server.people.caller({ organization: 'home', roles: [held] }));
  }
  door = openDoor(server.url, tokens.get('IAM_OWNER') ?? '');
});
afterAll(async () => {
  await door[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const grantTo = async (role: string, organizationId?: string) => ({
  userId: await server.people.user({ organization: 'home' }),
  role,
  ...(organizationId !== undefined && { organizationId }),
});
const heldGrant = async (role: string, organizationId?: string) => {
  const grant = await grantTo(role, organizationId);
  const where = organizationId === undefined ? role : { role, organization: organizationId };
  await server.people.grant(grant.userId, where);
  return grant;
};

/** + done, - PermissionDenied; anything else in full. */
function mark(answer: Answer): string {
  if (answer.ok) return '+';
  return answer.details[0]?.id === 'AUTH-AWfge' ? '-' : `${answer.code} ${answer.message}`;
}

const columns = (row: string): string => row.trim().replaceAll(/ +/g, ' ');

describe('nobody hands out more than they hold', () => {
  test.each([
    ['IAM_OWNER', 'home', '       + + + + + + + + + +'],
    ['IAM_OWNER', 'abroad', '     + + + + + + + + + +'],
    ['IAM_ORG_MANAGER', 'home', ' - - - - - - + + + +'],
    ['IAM_ORG_MANAGER', 'abroad', '- - - - - - + + + +'],
    ['ORG_OWNER', 'home', '       - - - - - - + + + +'],
    ['ORG_OWNER', 'abroad', '     - - - - - - - - - -'],
  ])('%s gives and takes roles on %s', async (caller, place, expected) => {
    const [given, taken] = [[] as string[], [] as string[]];
    for (const role of granted) {
      const where = role.startsWith('IAM_') ? undefined : place;
      const give = await grantTo(role, where);
      given.push(mark(await door.ask('AddGrant', give, tokens.get(caller))));
      const take = await heldGrant(role, where);
      taken.push(mark(await door.ask('RemoveGrant', take, tokens.get(caller))));
    }
    expect(given.join(' ')).toBe(columns(expected));
    expect(taken.join(' ')).toBe(columns(expected));
  });

  const targets = [
    [],
    [{ role: 'ORG_USER_UNLOCKER', organization: 'home' }],
    [{ role: 'ORG_OWNER', organization: 'home' }],
    [{ role: 'ORG_USER_UNLOCKER', organization: 'abroad' }],
    ['IAM_USER_UNLOCKER'],
    ['IAM_OWNER'],
  ];

  // Columns: what the user holds whom a password or a token would let the caller become.
  test.each([
    ['IAM_OWNER', '       + + + + + +'],
    ['IAM_ORG_MANAGER', ' + + + + - -'],
    ['IAM_LOGIN_CLIENT', '+ - - - - -'],
    ['ORG_OWNER', '       + + + - - -'],
  ])('%s sets passwords and makes tokens', async (caller, expected) => {
    const [passwords, added] = [[] as string[], [] as string[]];
    for (const target of targets) {
      const person = await server.people.user({ organization: 'home' });
      const robot = await server.people.user({ organization: 'home', kind: 'machine' });
      for (const role of target) for (const one of [person, robot]) await server.people.grant(one, role);
      const set = { userId: person, currentPassword: password, newPassword: { password: 'next' } };
      passwords.push(mark(await door.ask('SetPassword', set, tokens.get(caller))));
      const add = { userId: robot, expirationDate: '2035-01-01T00:00:00Z' };
      added.push(mark(await door.ask('AddPersonalAccessToken', add, tokens.get(caller))));
    }
    expect(passwords.join(' ')).toBe(columns(expected));
    expect(added.join(' ')).toBe(columns(expected));
  });
});
