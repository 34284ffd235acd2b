import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startServer, type TestServer } from '../support/start-server.ts';

let server: TestServer;
let token: string;
let organizationId: string;

beforeAll(async () => {
  server = await startServer();
  organizationId = await server.people.organization('home');
  token = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

async function post(path: string, body: object, headers: Record<string, string> = {}) {
  const res = await fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: res.status, body: (await res.json()) as Record<string, unknown> };
}

const password = ' correct horse battery ';
let made = 0;
const create = (username: string, email?: string) => {
  made += 1;
  const human = {
    profile: { givenName: 'Ada', familyName: 'Moreau' },
    email: { email: email ?? `person${made}@mail.example`, isVerified: true },
    password: { password },
  };
  return post('/v2/users/new', { organizationId, username, human });
};
const signIn = (loginName: string, guess = password) =>
  post('/v2/sessions', { checks: { user: { loginName }, password: { password: guess } } });

describe('the space around a name is none of it', () => {
  test.each([' ', '\t', '\u00a0', '\u3000', '\u2003', '\ufeff'])('%j', async (space) => {
    const name = `person-${space.codePointAt(0)}`;
    expect((await create(`${space}${name}${space}`)).status).toBe(200);
    expect((await create(name)).status).toBe(409);
    for (const typed of [name, `${name}${space}`, `${space}${name}`]) {
      expect((await signIn(typed)).status).toBe(201);
    }
    // A password is what it is.
    expect((await signIn(name, password.trim())).status).toBe(400);
  });

  test.each(['   ', '\u00a0', '\u3000', ' \t\u2003'])('%j alone is no name', async (name) => {
    const refused = await create(name);
    expect(refused).toMatchObject({ status: 400, body: { message: expect.stringMatching(/^username: /) } });
  });
});

test.each([
  ['a zero width space', 'ad\u200ba'],
  ['a soft hyphen', 'ad\u00ada'],
  ['a direction mark', 'ada\u200e'],
  ['an override', '\u202eada'],
  ['a line end', 'a\nda'],
  ['a line separator', 'a\u2028da'],
  ['a control character', 'a\u0007da'],
])('%s in a name is refused, since nobody sees it', async (_, name) => {
  const message = expect.stringContaining('must hold no invisible character');
  expect(await create(name)).toMatchObject({ status: 400, body: { message } });
  expect(await create(`plain-${made}`, `${name}@mail.example`)).toMatchObject({
    status: 400,
    body: { message },
  });
});

describe('a reason is kept as it was meant', () => {
  test.each([
    ['100% sure', '100% sure'],
    ['50%25 sure', '50% sure'],
    ['f%C3%BCr', 'für'],
    ['100%zz %C3%BC', '100%zz ü'],
    ['%ff is no UTF-8', '%ff is no UTF-8'],
    // As fetch sends it: a character is a byte.
    [Buffer.from('für Zoë – 日本').toString('latin1'), 'für Zoë – 日本'],
    ['f\u00fcr', 'für'],
  ])('%j', async (header, meant) => {
    const userId = await server.people.user({ organization: 'home', state: 'active' });
    expect(await post(`/v2/users/${userId}/lock`, {}, { 'latchkey-reason': header })).toMatchObject({
      status: 200,
    });
    const events = await server.app.store.listEvents({
      afterPosition: 0,
      limit: 1_000,
      userId: userId as never,
    });
    expect(events.at(-1)?.meta.reason).toBe(meant);
  });
});
