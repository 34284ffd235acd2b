import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { UserState } from '../../../src/domain/user.ts';
import type { Answer } from '../../support/answer.ts';
import { type Door, openDoor } from '../../support/door.ts';
import type { MethodName } from '../../support/methods.ts';
import { type HeldRole, password } from '../../support/people.ts';
import { startServer, type TestServer } from '../../support/start-server.ts';

// An IAM_ role is held on the instance, an ORG_ role in the organization "home", and for the last columns "abroad".
const held = (role: string, organization = 'home'): HeldRole =>
  role.startsWith('IAM_') ? role : { role, organization };
const instanceRoles = [
  ...['IAM_OWNER', 'IAM_OWNER_VIEWER', 'IAM_ORG_MANAGER'],
  ...['IAM_USER_MANAGER', 'IAM_LOGIN_CLIENT', 'IAM_USER_UNLOCKER'],
];
const organizationRoles = ['ORG_OWNER', 'ORG_OWNER_VIEWER', 'ORG_USER_MANAGER', 'ORG_USER_UNLOCKER'];

/** What the user at home holds who is acted on; the columns of the table. */
const targets: readonly (readonly HeldRole[])[] = [
  [],
  ...instanceRoles.map((role) => [held(role)]),
  ...organizationRoles.map((role) => [held(role)]),
  ...organizationRoles.map((role) => [held(role, 'abroad')]),
  [held('ORG_USER_UNLOCKER'), held('IAM_LOGIN_CLIENT')],
];

/** Who acts, and on whom they may; a caller without a + of their own has none of the permissions. */
const table: readonly (readonly [role: string, onWhom: string])[] = [
  //                     none own vie org use log unl   own vie use unl   abroad    two
  ['IAM_OWNER', '         +    +   +   +   +   +   +     +   +   +   +   + + + +    +'],
  ['IAM_OWNER_VIEWER', '  +    -   -   -   -   -   -     -   -   -   -   - - - -    -'],
  ['IAM_ORG_MANAGER', '   +    -   -   -   -   -   -     +   +   +   +   + + + +    -'],
  ['IAM_USER_MANAGER', '  +    -   -   -   -   -   -     -   -   -   -   - - - -    -'],
  ['IAM_LOGIN_CLIENT', '  +    -   -   -   -   -   -     -   -   -   -   - - - -    -'],
  ['IAM_USER_UNLOCKER', ' +    -   -   -   -   -   -     -   -   -   -   - - - -    -'],
  ['ORG_OWNER', '         +    -   -   -   -   -   -     +   +   +   +   - - - -    -'],
  ['ORG_OWNER_VIEWER', '  +    -   -   -   -   -   -     -   -   -   -   - - - -    -'],
  ['ORG_USER_MANAGER', '  +    -   -   -   -   -   -     -   -   -   -   - - - -    -'],
  ['ORG_USER_UNLOCKER', ' +    -   -   -   -   -   -     -   -   -   -   - - - -    -'],
];

const managers = ['IAM_OWNER', 'IAM_ORG_MANAGER', 'IAM_USER_MANAGER', 'ORG_OWNER', 'ORG_USER_MANAGER'];
const writers = [...managers, 'IAM_LOGIN_CLIENT'];
const credentials = ['IAM_OWNER', 'IAM_ORG_MANAGER', 'IAM_LOGIN_CLIENT', 'ORG_OWNER'];
const unlockers = [...writers, 'IAM_USER_UNLOCKER', 'ORG_USER_UNLOCKER'];

interface Action {
  readonly method: MethodName;
  readonly may: readonly string[];
  readonly from?: UserState;
  readonly isOpen?: true;
  readonly kind?: 'machine';
  readonly more?: JsonObject;
  /** What nobody else may have as well. */
  readonly own?: (userId: string) => JsonObject;
}

const newPassword = { password: 'next' };
const actions: Readonly<Record<string, Action>> = {
  locks: { method: 'LockUser', may: writers },
  'locks with an end': { method: 'LockService.LockUser', may: writers },
  unlocks: { method: 'UnlockUser', may: unlockers, from: 'locked', isOpen: true },
  'unlocks by ticket': { method: 'LockService.UnlockUser', may: unlockers, from: 'locked', isOpen: true },
  deactivates: { method: 'DeactivateUser', may: writers },
  reactivates: { method: 'ReactivateUser', may: writers, from: 'inactive' },
  deletes: { method: 'DeleteUser', may: managers },
  erases: { method: 'EraseUser', may: managers },
  'sets a password': { method: 'SetPassword', may: credentials, more: { newPassword } },
  'sets a password, knowing the old one': {
    ...{ method: 'SetPassword', may: credentials, more: { newPassword, currentPassword: password } },
  },
  renames: { method: 'UpdateUser', may: writers, own: (userId) => ({ username: `new-${userId}` }) },
  'changes a person': { method: 'UpdateHumanUser', may: writers, more: { phone: { phone: '1' } } },
  'changes the address': {
    ...{ method: 'SetEmail', may: writers, own: (userId) => ({ email: `new-${userId}@mail.example` }) },
  },
  'changes the number': { method: 'SetPhone', may: writers, more: { phone: '1' } },
  'takes the number': { method: 'RemovePhone', may: writers },
  'sets metadata': {
    method: 'SetUserMetadata',
    may: writers,
    more: { metadata: [{ key: 'a', value: 'AA==' }] },
  },
  'deletes metadata': { method: 'DeleteUserMetadata', may: writers, more: { keys: ['a'] } },
  'sets a password in an update': {
    ...{ method: 'UpdateUser', may: credentials, more: { human: { password: { password: newPassword } } } },
  },
  'resets a password': { method: 'PasswordReset', may: credentials, more: { returnCode: {} } },
  'adds a token': {
    ...{ method: 'AddPersonalAccessToken', may: credentials, kind: 'machine' },
    more: { expirationDate: '2035-01-01T00:00:00Z' },
  },
  'removes a token': { method: 'RemovePersonalAccessToken', may: credentials, kind: 'machine' },
};

const tokens = new Map<string, string>();
let server: TestServer;
let door: Door;

beforeAll(async () => {
  server = await startServer();
  for (const id of ['home', 'abroad']) await server.people.organization(id);
  for (const [role] of table) {
    tokens.set(role, await server.people.caller({ organization: 'home', roles: [held(role)] }));
  }
  door = openDoor(server.url, tokens.get('IAM_OWNER') ?? '');
});
afterAll(async () => {
  await door[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** + done, - PermissionDenied; anything else in full. */
function mark(answer: Answer): string {
  if (answer.ok) return '+';
  return answer.details[0]?.id === 'AUTH-AWfge' ? '-' : `${answer.code} ${answer.message}`;
}

async function act({ method, from, kind, more, own }: Action, roles: readonly HeldRole[], token: string) {
  const { people } = server;
  const userId = await people.user({ organization: 'home', kind: kind ?? 'human' });
  for (const role of roles) await people.grant(userId, role);
  const tokenId =
    method === 'RemovePersonalAccessToken' ? (await people.token(userId)).split('.')[0] : undefined;
  if (from === 'locked') await people.act(userId, 'lock');
  if (from === 'inactive') await people.act(userId, 'deactivate');
  const message = { userId, ...more, ...own?.(userId), ...(tokenId !== undefined && { tokenId }) };
  return mark(await door.ask(method, message, token));
}

describe('nobody acts on who stands above them, but who may unlock unlocks everybody', () => {
  describe.each(Object.entries(actions))('who %s', (_, action) => {
    test.each(table)('%s', async (role, onWhom) => {
      // Each is another user: what is asked for at once is written together.
      const marks = await Promise.all(targets.map((roles) => act(action, roles, tokens.get(role) ?? '')));
      const expected = onWhom.trim().split(/ +/);
      const isHeld = action.may.includes(role);
      expect(marks).toEqual(expected.map((cell) => (isHeld && (action.isOpen || cell === '+') ? '+' : '-')));
    });
  });
});
