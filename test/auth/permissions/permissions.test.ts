import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Answer } from '../../support/answer.ts';
import { type Door, openDoor } from '../../support/door.ts';
import type { MethodName } from '../../support/methods.ts';
import { startServer, type TestServer } from '../../support/start-server.ts';
import { arrange, arrangeOn } from './arrange.ts';
import { table } from './who-may.ts';

/** The columns of every table here. An IAM_ role is held on the instance, an ORG_ role in the organization "home". */
const roles = [
  ...['IAM_OWNER', 'IAM_OWNER_VIEWER', 'IAM_ORG_MANAGER', 'IAM_USER_MANAGER', 'IAM_LOGIN_CLIENT'],
  ...['IAM_USER_UNLOCKER', 'ORG_OWNER', 'ORG_OWNER_VIEWER', 'ORG_USER_MANAGER', 'ORG_USER_UNLOCKER'],
  'none',
];

const tokens = new Map<string, string>();
let server: TestServer;
let door: Door;

beforeAll(async () => {
  server = await startServer();
  await server.people.organization('home');
  await server.people.organization('abroad');
  for (const role of roles) tokens.set(role, await callerOf(role));
  door = openDoor(server.url, tokenOf('IAM_OWNER'));
  arrangeOn({ people: server.people, door });
});
afterAll(async () => {
  await door[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const held = (role: string, organization: string) =>
  role.startsWith('IAM_') ? role : { role, organization };
const callerOf = (role: string): Promise<string> =>
  server.people.caller({ organization: 'home', roles: role === 'none' ? [] : [held(role, 'home')] });
const tokenOf = (role: string): string => tokens.get(role) ?? '';
/** + done, - PermissionDenied, ? NotFound with this id, 0 a list without the target; anything else in full. */
function mark(answer: Answer, notFound: string, finds: string | undefined): string {
  const [first, second] = answer.details;
  if (answer.ok) return finds === undefined || JSON.stringify(answer.response).includes(finds) ? '+' : '0';
  const isForbidden = first?.id === 'AUTH-AWfge' && second?.reason === 'PERMISSION_MISSING';
  if (answer.code === 'PermissionDenied' && isForbidden && answer.httpStatus === 403) return '-';
  if (answer.code === 'NotFound' && first?.id === notFound && answer.httpStatus === 404) return '?';
  return `${answer.code} ${answer.message}`;
}

const columns = (row: string): string => row.trim().replaceAll(/ +/g, ' ');

describe('who may', () => {
  test('every call stands in the table', () => {
    expect(new Set(table.map(([method]) => method))).toEqual(new Set(Object.keys(arrange)));
  });

  test.each(table)('%s, %s', async (method, place, expected, notFound) => {
    const marks = [];
    for (const role of roles) {
      const { message, finds } = await arrange[method](place);
      marks.push(mark(await door.ask(method, message, tokenOf(role)), notFound, finds));
    }
    expect(marks.join(' ')).toBe(columns(expected));
  });
});

describe('may read there, but not act: forbidden, not hidden', () => {
  const methods = (...names: readonly MethodName[]) => names;
  const readers: Readonly<Record<string, readonly MethodName[]>> = {
    ORG_USER_UNLOCKER: methods('UnlockUser', 'LockService.UnlockUser', 'CancelUnlockRun'),
    ORG_USER_MANAGER: [
      ...methods('LockUser', 'DeactivateUser', 'ReactivateUser', 'DeleteUser', 'LockService.LockUser'),
      ...methods('UpdateUser', 'UpdateHumanUser', 'SetEmail', 'SetPhone', 'RemovePhone', 'CreateUser'),
      ...methods('SendEmailCode', 'ResendEmailCode', 'VerifyEmail', 'AddHumanUser'),
      ...methods('ImportUsers', 'EraseUser'),
      ...methods('SetUserMetadata', 'DeleteUserMetadata'),
    ],
    ORG_OWNER: [
      ...methods('SetPassword', 'PasswordReset', 'AddPersonalAccessToken', 'RemovePersonalAccessToken'),
      ...methods('AddGrant', 'RemoveGrant', 'SetLockoutPolicy', 'ResetLockoutPolicy'),
      ...methods('CreateSubscription', 'GetSubscription', 'UpdateSubscription', 'DeleteSubscription'),
      ...methods('PauseSubscription', 'ResumeSubscription', 'TestSubscription', 'ListAttempts'),
    ],
  };
  const cases = Object.entries(readers).flatMap(([role, all]) => all.map((name) => [name, role] as const));
  test.each(cases)('%s, with %s at home and a viewer abroad', async (method, role) => {
    const viewer = { role: 'ORG_OWNER_VIEWER', organization: 'abroad' };
    const token = await server.people.caller({ organization: 'home', roles: [held(role, 'home'), viewer] });
    const { message } = await arrange[method]('abroad');
    expect(mark(await door.ask(method, message, token), '', undefined)).toBe('-');
  });
});
