import { globSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DescMessage, JsonObject } from '@bufbuild/protobuf';
import { expect, test } from '@jest/globals';
import { openApp } from '../../src/app/app.ts';
import { DomainError } from '../../src/domain/errors.ts';
import type { Store } from '../../src/store/store.ts';
import { standBy } from '../support/child-server.ts';
import { type Door, openDoor } from '../support/door.ts';
import { methods } from '../support/methods.ts';
import { createPeople, password } from '../support/people.ts';
import { startServer } from '../support/start-server.ts';

const next = { password: 'next horse' };
const check = (door: Door, userId: string, currentPassword: string) =>
  door.ask('SetPassword', { userId, currentPassword, newPassword: next });
const attemptsOf = async (door: Door, userId: string, guess: string) =>
  (await check(door, userId, guess)).details[0]?.failedAttempts;

test('every way to try a password is known, and goes by the one that counts', () => {
  const callers = globSync('src/**/*.ts').filter((path) =>
    /\bverifyPassword\(/.test(readFileSync(path, 'utf8')),
  );
  expect(callers.sort()).toEqual(['src/commands/credential.ts', 'src/sign-in/password.ts']);
  const secrets = /^(current_password|password|totp|otp|code|secret|verification_code)$/;
  const askers = Object.entries(methods).filter(([, { desc }]) =>
    fieldsOf(desc.input).some((name) => secrets.test(name)),
  );
  // SetPassword, the updates and the sessions check; the others set what is new.
  expect(askers.map(([name]) => name)).toEqual([
    'CreateUser',
    'AddHumanUser',
    'SetPassword',
    'UpdateUser',
    'UpdateHumanUser',
    'VerifyEmail',
    'CreateSession',
    'SetSession',
  ]);
});

function fieldsOf(desc: DescMessage, seen = new Set<DescMessage>()): readonly string[] {
  if (seen.has(desc)) return [];
  seen.add(desc);
  return desc.fields.flatMap((field) => [
    field.name,
    ...(field.fieldKind === 'message' ? fieldsOf(field.message, seen) : []),
  ]);
}

test('a failure that was answered survives kill -9: the count goes on where it was', async () => {
  await using resources = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-lockout-'));
  resources.defer(() => rm(folder, { recursive: true }));
  const flags = ['--data', folder, '--lockout-attempts', '5'];
  const first = resources.use(standBy(flags));
  const second = resources.use(standBy(flags));
  const server = await first.start();
  const token = (await readFile(join(folder, 'admin-token'), 'utf8')).trim();
  {
    const database = join(folder, 'latchkey.db');
    await using app = await openApp({ database, passwordAttemptsMax: 5, logLevel: 'silent' });
    const people = createPeople(app);
    await people.organization('acme');
    await people.user({ organization: 'acme', userId: 'victim' });
  }
  const door = resources.use(openDoor(server.url, token));
  for (const count of [1, 2, 3]) expect(await attemptsOf(door, 'victim', `wrong ${count}`)).toBe(count);
  server.kill('SIGKILL');
  expect(await server.exited).toBe('SIGKILL');
  const again = resources.use(openDoor((await second.start()).url, token));
  for (const count of [4, 5]) expect(await attemptsOf(again, 'victim', `wrong ${count}`)).toBe(count);
  expect((await again.user('victim'))?.state).toBe('USER_STATE_LOCKED');
});

test('a store that cannot record the check refuses it, right or wrong', async () => {
  let isBroken = false;
  const failing = (store: Store): Store => ({
    ...store,
    append: (change) =>
      isBroken ? Promise.reject(new DomainError('storeUnavailable')) : store.append(change),
  });
  await using server = await startServer({ wrapStore: failing });
  await server.people.organization('acme');
  await server.people.user({ organization: 'acme', userId: 'ada' });
  await using door = openDoor(
    server.url,
    await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] }),
  );
  isBroken = true;
  const answers = [await check(door, 'ada', 'wrong'), await check(door, 'ada', password)];
  expect(answers[0]).toMatchObject({ code: 'Unavailable' });
  expect(answers[0]).toEqual(answers[1]);
  isBroken = false;
  expect((await check(door, 'ada', password)).code).toBe('OK');
});

test('a flood of guesses at names that nobody has leaves the count of others alone', async () => {
  await using server = await startServer();
  await server.people.organization('acme');
  await server.people.user({ organization: 'acme', userId: 'victim' });
  const token = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
  await using door = openDoor(server.url, token);
  expect(await attemptsOf(door, 'victim', 'wrong')).toBe(1);
  const codes = new Set<string>();
  for (let round = 0; round < 20; round += 1) {
    const names = Array.from({ length: 100 }, (_none, nth) => `nobody-${round}-${nth}`);
    for (const { code } of await Promise.all(names.map((name) => check(door, name, 'wrong'))))
      codes.add(code);
  }
  expect([...codes]).toEqual(['NotFound']);
  expect(await attemptsOf(door, 'victim', 'wrong again')).toBe(2);
});

test.each([
  ['from a stranger is not believed', [], '127.0.0.1'],
  ['from a configured proxy is', ['--trusted-proxies', '127.0.0.1'], '203.0.113.9'],
])('X-Forwarded-For %s', async (_name, flags, ip) => {
  await using server = await startServer({ flags });
  await server.people.organization('acme');
  await server.people.user({ organization: 'acme', userId: 'ada' });
  const token = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
  await using door = openDoor(server.url, token);
  const headers = { 'x-forwarded-for': '198.51.100.1, 203.0.113.9', forwarded: 'for=192.0.2.1' };
  expect((await door.ask('LockUser', { userId: 'ada' }, token, headers)).code).toBe('OK');
  const newest = (await door.events('ada')).at(-1) as { actor: JsonObject };
  expect(newest.actor.ip).toBe(ip);
});
