import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { envelope } from '../server/dialect-cases.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { openWire, type Wire } from '../support/wire.ts';

let server: TestServer;
let wire: Wire;
let token: string;
let organizationId: string;

beforeAll(async () => {
  server = await startServer();
  wire = openWire(server.url);
  organizationId = await server.people.organization('home');
  token = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
});
afterAll(async () => {
  await wire[Symbol.asyncDispose]();
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
  ['a joiner of graphemes', 'a\u034fda'],
  ['a filler of Hangul', 'ada\u3164'],
  ['a half-width one', '\uffa0ada'],
  ['a variation selector', 'ada\ufe0e'],
  ['one of another plane', 'ada\u{e0100}'],
  ['an empty pattern of Braille', 'ada\u2800'],
])('%s in a name is refused, since nobody sees it', async (_, name) => {
  const message = expect.stringContaining('must hold no invisible character');
  expect(await create(name)).toMatchObject({ status: 400, body: { message } });
  expect(await create(`plain-${made}`, `${name}@mail.example`)).toMatchObject({
    status: 400,
    body: { message },
  });
});

describe('a list finds a whole name as the sign-in does', () => {
  const equals = 'TEXT_QUERY_METHOD_EQUALS';
  const find = (query: object) => post('/v2/users', { queries: [query] });
  const locks = (loginName: string) =>
    fetch(`${server.url}/latchkey/v1/locks?loginName=${encodeURIComponent(loginName)}`, {
      headers: { authorization: `Bearer ${token}` },
    });

  test('without the space around it; a part may end in one', async () => {
    const name = 'grace hopper';
    expect((await create(name, 'grace@hopper.example')).status).toBe(200);
    for (const query of [
      { userNameQuery: { userName: `\u00a0${name} `, method: equals } },
      { emailQuery: { emailAddress: ' grace@hopper.example\t', method: equals } },
      { inUserEmailsQuery: { userEmails: ['grace@hopper.example '] } },
      { userNameQuery: { userName: 'grace ', method: 'TEXT_QUERY_METHOD_STARTS_WITH' } },
    ]) {
      expect(await find(query)).toMatchObject({ status: 200, body: { result: [{ username: name }] } });
    }
    expect(await find({ userNameQuery: { userName: '  ', method: equals } })).toMatchObject({
      status: 200,
      body: { details: expect.not.objectContaining({ totalResult: expect.anything() }) },
    });
  });

  test('and says where it holds what nobody sees', async () => {
    const message = expect.stringContaining('must hold no invisible character');
    for (const query of [
      { userNameQuery: { userName: 'ad\u200ba', method: equals } },
      { loginNameQuery: { loginName: 'ad\u200ba@home', method: equals } },
      { emailQuery: { emailAddress: 'ad\u200ba@mail.example', method: equals } },
      { inUserEmailsQuery: { userEmails: ['ad\u200ba@mail.example'] } },
    ]) {
      expect(await find(query)).toMatchObject({ status: 400, body: { message } });
    }
    expect((await locks('ad\u200ba@home')).status).toBe(400);
    expect((await locks(' ada@home ')).status).toBe(200);
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
    const json = { 'content-type': 'application/json' };
    const grpcJson = { 'content-type': 'application/grpc+json' };
    for (const [version, type] of [
      [1, json],
      [2, json],
      [2, grpcJson],
    ] as const) {
      const userId = await server.people.user({ organization: 'home', state: 'active' });
      const message = Buffer.from(JSON.stringify({ userId }));
      const headers = { authorization: `Bearer ${token}`, ...type, 'latchkey-reason': header };
      const body = type === grpcJson ? envelope(message) : message;
      const path = '/zitadel.user.v2.UserService/LockUser';
      const sent = await wire.send({ version, verb: 'POST', path, headers, body });
      expect([sent.status, sent.trailers['grpc-status'] ?? '0']).toEqual([200, '0']);
      const listed = { afterPosition: 0, limit: 1_000, userId: userId as never };
      const events = await server.app.store.listEvents(listed);
      expect([version, type, events.at(-1)?.meta.reason]).toEqual([version, type, meant]);
    }
  });
});
