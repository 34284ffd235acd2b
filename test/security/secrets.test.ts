import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openFolder, runHere } from '../cli/run-cli.ts';
import type { Answer } from '../support/answer.ts';
import { audience, startIssuer, type TestIssuer } from '../support/issuer.ts';
import { type LoggedServer, serveLogged } from '../support/logged-server.ts';
import type { MethodName } from '../support/methods.ts';
import type { WireHeaders } from '../support/wire.ts';

/** By name: what nobody may find again but who was given it. */
const secrets = new Map<string, string>();
const secret = (name: string, value: unknown): string => {
  if (typeof value !== 'string' || value.length < 12) throw new Error(`no ${name}: ${value}`);
  secrets.set(name, value);
  return value;
};
/** By name: everything that others get to see. */
const seen = new Map<string, string>();
let argon2: string;

const password = 'the first pass phrase';
const wrong = 'a pass phrase that is wrong';
const next = 'the second pass phrase';

beforeAll(async () => {
  await using issuer = await startIssuer();
  const oidc = ['--oidc-issuer', issuer.url, '--oidc-audience', audience, '--oidc-roles', 'admins=IAM_OWNER'];
  await using server = await serveLogged('pipe', ['--lockout-attempts', '3', ...oidc]);
  secret('password', password);
  secret('wrong password', wrong);
  secret('new password', next);
  const token = readFileSync(join(dirname(server.database), 'admin-token'), 'utf8').trim();
  secret("the first administrator's token", token.split('.')[1]);
  await live(server, issuer, token);
  await collect(server);
  seen.set('the log', (await server.stop()).errors);
}, 60_000);
afterAll(() => {
  // Else none of it has proven anything.
  expect(secrets.size).toBe(11);
});

/** A life in which every kind of secret is made, used well and used wrongly. */
async function live({ door, url }: LoggedServer, issuer: TestIssuer, token: string): Promise<void> {
  const refusals: string[] = [];
  const ask = async (method: MethodName, message: JsonObject, as?: string, headers?: WireHeaders) => {
    const answer = await door.ask(method, message, as, headers);
    if (!answer.ok) refusals.push(JSON.stringify(answer));
    return answer;
  };
  const [{ organizationId }] = (await ask('ListOrganizations', {})).response.organizations as [
    { organizationId: string },
  ];
  const profile = { givenName: 'Ada', familyName: 'Lovelace' };
  const human = { profile, email: { email: 'ada@mail.example', isVerified: true } };
  const newHuman = { organizationId, userId: 'ada', human: { ...human, password: { password } } };
  expectOk(await ask('CreateUser', newHuman));
  const signIn = (guess: string, more: JsonObject = {}) =>
    ask('CreateSession', { checks: { user: { userId: 'ada' }, password: { password: guess } }, ...more });

  const made = expectOk(await signIn(password)).response;
  const sessionToken = secret("a session's first token", made.sessionToken);
  const deviceToken = secret("a device's token", made.deviceToken);
  secret("a device's signature", deviceToken.split('.')[1]);
  const { sessionId } = made as { sessionId: string };
  const later = await ask('SetSession', { sessionId, sessionToken, checks: { password: { password } } });
  secret("a session's next token", expectOk(later).response.sessionToken);
  await ask('GetSession', { sessionId, sessionToken });
  await ask('DeleteSession', { sessionId, sessionToken: `${sessionToken}x` });
  await signIn(wrong, { deviceToken });
  await signIn(password, { deviceToken: `${deviceToken}x` });
  const change = { userId: 'ada', currentPassword: password, newPassword: { password: next } };
  expectOk(await ask('SetPassword', change));
  await ask('SetPassword', change);
  for (let attempt = 0; attempt < 4; attempt += 1) await signIn(`${wrong} ${attempt}`);
  await ask('GetLock', { userId: 'ada' });
  await ask('ExplainUser', { userId: 'ada' });

  const machine = { organizationId, userId: 'bot', machine: { name: 'Machine' } };
  expectOk(await ask('CreateUser', machine));
  const expirationDate = new Date(Date.now() + 3_600_000).toISOString();
  const added = await ask('AddPersonalAccessToken', { userId: 'bot', expirationDate });
  const pat = String(expectOk(added).response.token);
  secret('a personal access token', pat.split('.')[1]);
  await ask('LockUser', { userId: 'nobody' }, pat);
  await ask('LockUser', { userId: 'nobody' }, `${pat}x`);
  await ask('RemovePersonalAccessToken', { userId: 'bot', tokenId: pat.split('.')[0] ?? '' });
  await ask('LockUser', { userId: 'nobody' }, pat);

  const nowSeconds = Math.floor(Date.now() / 1_000);
  const claims = { roles: ['admins'], iat: nowSeconds, exp: nowSeconds + 600 };
  const jwt = await issuer.sign({ claims });
  secret('a signature of the issuer', jwt.split('.')[2]);
  expectOk(await ask('UnlockUser', { userId: 'ada' }, jwt));
  await ask('LockUser', { userId: 'nobody' }, jwt);
  const overdue = await issuer.sign({ claims: { ...claims, exp: nowSeconds - 600 } });
  secret('an expired signature of the issuer', overdue.split('.')[2]);
  await ask('UnlockUser', { userId: 'ada' }, overdue);

  refusals.push(...(await sendBroken(url, token)));
  seen.set('refusals', refusals.join('\n'));
}

/** Requests that nobody can read, with secrets in them: what a parser says of them may quote them. */
async function sendBroken(url: string, token: string): Promise<readonly string[]> {
  const authorization = `Bearer ${token}`;
  const bodies = [
    `{"newPassword":{"password":"${password}"`,
    `{"newPassword":{"password":"${password}","password":"${wrong}"}}`,
    `{"newPassword":"${password}"}`,
    `{"newPassword":{"password":["${password}"]}}`,
    `{"${password}":1,"newPassword":{"changeRequired":"${wrong}"}}`,
    `"${password}"`,
  ];
  const answers: string[] = [];
  for (const path of ['/v2/users/ada/password', '/zitadel.user.v2.UserService/SetPassword']) {
    for (const body of bodies) {
      const headers = { authorization, 'content-type': 'application/json' };
      answers.push(await (await fetch(`${url}${path}`, { method: 'POST', headers, body })).text());
    }
  }
  const query = new URLSearchParams({ 'query.limit': password, access_token: token });
  for (const path of [
    `/v2/users/ada?${query}`,
    `/nowhere?${query}`,
    '/v2/settings/lockout?ctx.instance=maybe',
  ]) {
    answers.push(await (await fetch(`${url}${path}`, { headers: { authorization } })).text());
  }
  for (const scheme of ['Basic', 'Bearer x', 'bearer']) {
    const headers = { authorization: `${scheme} ${token} ${token}` };
    answers.push(await (await fetch(`${url}/v2/users/ada`, { headers })).text());
  }
  return answers;
}

/** What is told of that life to who may read everything. */
async function collect({ door, database }: LoggedServer): Promise<void> {
  await using folder = await openFolder();
  const backup = join(folder.path, 'backup.db');
  for (const [name, argv] of [
    ['the export', ['export', '--db', database]],
    ['events on the command line', ['events', '--json', '--db', database]],
    ['the summary of a backup', ['backup', backup, '--db', database]],
    ['what verify says', ['verify', '--db', database]],
  ] as const) {
    const { code, stdout, stderr } = await runHere([...argv]);
    expect([name, code]).toEqual([name, 0]);
    seen.set(name, stdout + stderr);
  }
  seen.set('the backup', readFileSync(backup, 'latin1'));
  const files = readdirSync(dirname(database)).filter((name) => name.startsWith('latchkey'));
  for (const name of files) seen.set(name, readFileSync(join(dirname(database), name), 'latin1'));
  for (const method of ['ListEvents', 'ListUsers', 'ListSessions', 'ListPersonalAccessTokens'] as const) {
    seen.set(method, JSON.stringify(expectOk(await door.ask(method, {}))));
  }
  using db = new DatabaseSync(database, { readOnly: true });
  const [row] = db.prepare("SELECT password_hash FROM profiles WHERE user_id = 'ada'").all();
  argon2 = String(row?.password_hash);
  const [key] = db.prepare('SELECT * FROM signing_keys').all();
  const bytes = Object.values(key ?? {}).find((value) => value instanceof Uint8Array);
  signingKey = Buffer.from(bytes as Uint8Array);
}
let signingKey: Buffer;

function expectOk(answer: Answer): Answer {
  if (!answer.ok) throw new Error(`${answer.code} ${answer.message}`);
  return answer;
}

/** As it is, and as somebody may have written it. */
const formsOf = (value: string | Buffer): readonly string[] => {
  const bytes = Buffer.from(value as string);
  const plain =
    typeof value === 'string' ? [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)] : [];
  // The last characters depend on what follows.
  const base64 = bytes.toString('base64').replace(/=+$/, '').slice(0, -1);
  return [...plain, base64, base64.replaceAll('+', '-').replaceAll('/', '_'), bytes.toString('hex')];
};

const places = [
  'the log',
  'refusals',
  'the export',
  'events on the command line',
  'the summary of a backup',
  'what verify says',
  'the backup',
  'latchkey.db',
  'latchkey.db-wal',
  'ListEvents',
  'ListUsers',
  'ListSessions',
  'ListPersonalAccessTokens',
];

describe('no secret stands in', () => {
  test.each(places)('%s', (place) => {
    const text = seen.get(place) ?? '';
    expect(text.length).toBeGreaterThan(place.includes('verify') || place.includes('summary') ? 10 : 100);
    for (const [name, value] of secrets) {
      const found = formsOf(value).filter((form) => text.includes(form));
      expect([name, found]).toEqual([name, []]);
    }
  });

  test.each(
    places.filter((place) => !/^(the export|the backup|latchkey.db.*)$/.test(place)),
  )("%s, nor what is kept in a password's place", (place) => {
    expect(argon2).toMatch(/^\$argon2id\$/);
    expect(seen.get(place)).not.toContain('$argon2id$');
    expect(seen.get(place)).not.toContain(argon2.split('$').at(-1));
  });

  test('anything but the database and its backup: the key that signs devices', () => {
    for (const place of places.filter((name) => !/^(the backup|latchkey.db.*)$/.test(name))) {
      const found = formsOf(signingKey).filter((form) => seen.get(place)?.includes(form));
      expect([place, found]).toEqual([place, []]);
    }
  });
});

test('the log is whole: it tells of refusals and of what went well', () => {
  const lines = (seen.get('the log') ?? '').trimEnd().split('\n');
  const messages = lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
  expect(messages).toEqual(expect.arrayContaining(['call', 'call refused']));
});
