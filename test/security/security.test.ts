import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { verifyPassword } from '../../src/sign-in/password.ts';
import type { Store } from '../../src/store/store.ts';
import type { Answer } from '../support/answer.ts';
import { type Door, openDoor } from '../support/door.ts';
import { password } from '../support/people.ts';
import { startServer, type TestServer } from '../support/start-server.ts';

let server: TestServer;
let door: Door;
const tokens: Record<string, string> = {};

/** Holds up every look at a password's hash between `close` and `open`. */
const gate = {
  opened: Promise.resolve(),
  open: (): void => undefined,
  looks: 0,
  onLook: (): void => undefined,
};
function closeGate(): Promise<void> {
  gate.opened = new Promise((resolve) => {
    gate.open = resolve;
  });
  return new Promise((resolve) => {
    gate.onLook = resolve;
  });
}

function gated(store: Store): Store {
  return {
    ...store,
    async loadPasswordHash(userId) {
      gate.looks += 1;
      gate.onLook();
      await gate.opened;
      return store.loadPasswordHash(userId);
    },
  };
}

beforeAll(async () => {
  server = await startServer({ wrapStore: gated, flags: ['--lockout-attempts', '5'] });
  const { people } = server;
  for (const id of ['home', 'abroad']) await people.organization(id);
  const owner = (organization: string) => ({ role: 'ORG_OWNER', organization });
  tokens.instance = await people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
  tokens.home = await people.caller({ organization: 'home', roles: [owner('home')] });
  tokens.abroad = await people.caller({ organization: 'abroad', roles: [owner('abroad')] });
  tokens.nobody = await people.caller({ organization: 'abroad', roles: [] });
  door = openDoor(server.url, tokens.instance);
});
afterAll(async () => {
  gate.open();
  await door[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

let guessed = 0;
function guess(userId: string, as = 'home'): Promise<Answer> {
  guessed += 1;
  const currentPassword = `guess ${guessed}`;
  return door.ask('SetPassword', { userId, currentPassword, newPassword: { password } }, tokens[as]);
}

describe('while the password of a user is being checked', () => {
  test('whoever may not set it is refused at once, and learns nothing from a wait', async () => {
    await server.people.user({ organization: 'home', userId: 'checked' });
    const looked = closeGate();
    const held = guess('checked');
    await looked;
    expect((await guess('checked', 'abroad')).message).toBe('User could not be found (LATCH-us3rnf0d)');
    expect((await guess('checked', 'nobody')).code).toBe('PermissionDenied');
    gate.open();
    expect((await held).message).toBe('Password is invalid (COMMAND-3M0fs)');
  });

  test('a bounded number waits for its turn, the rest is turned away, and unlocks go on', async () => {
    await server.people.user({ organization: 'home', userId: 'besieged' });
    await server.people.user({ organization: 'home', userId: 'other', state: 'locked' });
    const looked = closeGate();
    const looksBefore = gate.looks;
    const guesses = Array.from({ length: 300 }, () => guess('besieged'));
    await looked;
    const refused = guesses.map(async (answer) => {
      if ((await answer).code !== 'ResourceExhausted') throw new Error('waited');
      return answer;
    });
    expect((await Promise.any(refused)).message).toBe(
      'Too many passwords are being checked, please try again (LATCH-0verl0ad)',
    );
    expect((await door.ask('UnlockUser', { userId: 'other' })).code).toBe('OK');
    gate.open();
    const codes = (await Promise.all(guesses)).map(({ code }) => code);
    expect(codes.filter((code) => code === 'InvalidArgument')).toHaveLength(5);
    expect(gate.looks - looksBefore).toBe(5);
    expect((await door.user('besieged'))?.state).toBe('USER_STATE_LOCKED');
  });
});

test('who is not signed in hears of that before anything else in the request', async () => {
  const broken = { 'latchkey-reason': 'x'.repeat(501) };
  const answer = await door.ask('LockUser', { userId: 'other' }, 'not a token', broken);
  expect([answer.code, answer.message]).toEqual(['Unauthenticated', 'invalid auth header (AUTH-toLo1)']);
  expect((await door.ask('LockUser', { userId: 'other' }, tokens.home, broken)).code).toBe('InvalidArgument');
});

test('a bcrypt hash of high cost is checked beside the event loop, not on it', async () => {
  // Cost 10 takes a tenth of a second.
  const hash = '$2b$10$cNL8kd2qcuo1YAEbacpbAOFlyJrZqmq.VpOOL6PhoQz.DXcl1ct3W';
  let isOver = false;
  const checked = verifyPassword('wrong', hash).finally(() => {
    isOver = true;
  });
  let turns = 0;
  for (; !isOver; turns += 1) await new Promise(setImmediate);
  expect(await checked).toBe(false);
  expect(turns).toBeGreaterThan(100);
});

test('who reads one organization is not told how much happens in the others', async () => {
  await server.people.user({ organization: 'abroad', userId: 'busy' });
  const told = async (as: string) => {
    const lists = ['ListUsers', 'ListGrants', 'ListOrganizations'] as const;
    const answers = await Promise.all(lists.map((method) => door.ask(method, {}, tokens[as])));
    return answers.map(
      ({ response }) => (response.details as { processedSequence?: string }).processedSequence,
    );
  };
  const before = { home: await told('home'), instance: await told('instance') };
  await server.people.act('busy', 'lock');
  expect(await told('home')).toEqual(before.home);
  expect(await told('instance')).toEqual(before.instance.map((sequence) => String(Number(sequence) + 1)));
});
