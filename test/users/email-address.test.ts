import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openDoor } from '../support/door.ts';
import { startServer, type TestServer } from '../support/start-server.ts';

const resources = new AsyncDisposableStack();
let server: TestServer;
let token: string;
let organizationId: string;

beforeAll(async () => {
  server = resources.use(await startServer());
  organizationId = await server.people.organization('home');
  token = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
});
afterAll(() => resources.disposeAsync());

const profile = { givenName: 'Ada', familyName: 'Moreau' };
let made = 0;
/** By each of the calls that make a person. */
async function create(email: string) {
  await using door = openDoor(server.url, token);
  made += 1;
  const human = { profile, email: { email, isVerified: true } };
  return [
    await door.ask('CreateUser', { organizationId, username: `person-${made}`, human }),
    await door.ask('AddHumanUser', {
      organization: { orgId: organizationId },
      username: `human-${made}`,
      profile,
      email: { email: email.replace('@', '2@'), isVerified: true },
    }),
  ];
}

test.each([
  ['no-at', 'it has no @'],
  ['ada@home@acme.example', 'it has more than one @'],
  ['ada@', 'nothing stands after the @'],
  ['ada..moreau@acme.example', 'what stands before the @ has a dot too many'],
  ['ada moreau@acme.example', 'what stands before the @ has a character that it cannot have'],
  ['Ada Moreau <ada@acme.example>', 'what stands before the @ has a character that it cannot have'],
  [`${'a'.repeat(65)}@acme.example`, 'what stands before the @ is longer than 64 bytes'],
  ['ada@acme..example', 'its domain has a dot too many'],
  ['ada@-acme.example', 'its domain has a character that it cannot have'],
  ['ada@127.0.0.1', 'its domain has a character that it cannot have'],
  [`ada@${'b'.repeat(64)}.example`, 'a part of its domain is longer than 63 characters'],
])('%s is no address, and what is wrong with it is said', async (email, why) => {
  for (const { ok, code, message } of await create(email)) {
    expect({ ok, code, message }).toMatchObject({
      ok: false,
      code: 'InvalidArgument',
      message: `email: must be an e-mail address, like ada@acme.example: ${why}`,
    });
  }
});

// 64 bytes, and as many characters as 200 leave.
const longest = (length: number): string => {
  const local = '𠀀'.repeat(15);
  const labels = `${'b'.repeat(63)}.${'c'.repeat(63)}.`;
  return `${local}@${labels}${'d'.repeat(length - [...local].length - labels.length - 1)}`;
};

test.each([
  'ada+lock@acme.example',
  "o'hara@acme.example",
  'ada@localhost',
  'zoë@münchen.example',
  'ada@xn--mnchen-3ya.example',
  '用户@例子.公司',
  longest(199),
])('%s is one', async (email) => {
  for (const answer of await create(email)) expect(answer).toMatchObject({ ok: true });
});

test('200 characters are taken, 201 are not', async () => {
  expect([...longest(200)]).toHaveLength(200);
  expect((await create(longest(200)))[0]).toMatchObject({ ok: true });
  expect((await create(longest(201)))[0]).toMatchObject({ ok: false, code: 'InvalidArgument' });
});
