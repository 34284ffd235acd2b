import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Door, openDoor } from '../support/door.ts';
import { startServer, type TestServer } from '../support/start-server.ts';

let server: TestServer;
let door: Door;

beforeAll(async () => {
  server = await startServer();
  await server.people.organization('home');
  door = openDoor(server.url, await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] }));
});
afterAll(async () => {
  await door[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const spaces = [' ', '\t', '\u00a0', '\u3000', '\u2003', '\ufeff'];

interface Names {
  readonly username: string;
  readonly email: string;
}

interface Refusal {
  readonly isRefused: boolean;
  readonly message: string;
}

/** A change of somebody's names; undefined is left as it is. */
type Change = (userId: string, names: Partial<Names>) => Promise<Refusal>;

const byCall =
  (method: 'UpdateUser' | 'UpdateHumanUser', message: (names: Partial<Names>) => JsonObject): Change =>
  async (userId, names) => {
    const { ok, message: text } = await door.ask(method, { userId, ...message(names) });
    return { isRefused: !ok, message: text };
  };

const importOne = async (user: JsonObject): Promise<Refusal> => {
  const order = { organizationId: 'home', updateExisting: true, users: [user] };
  const { ok, response } = await door.ask('ImportUsers', order);
  expect(ok).toBe(true);
  const [result] = response.results as [{ outcome: string; message?: string }];
  return { isRefused: result.outcome === 'IMPORT_OUTCOME_REFUSED', message: result.message ?? '' };
};

const address = (email: string | undefined) =>
  email === undefined ? {} : { email: { email, isVerified: true } };
const profile = { givenName: 'Given', familyName: 'Family' };

const changes: readonly (readonly [string, Change])[] = [
  [
    'UpdateUser',
    byCall('UpdateUser', ({ username, email }) => ({
      ...(username !== undefined && { username }),
      ...(email !== undefined && { human: address(email) }),
    })),
  ],
  [
    'UpdateHumanUser',
    byCall('UpdateHumanUser', ({ username, email }) => ({
      ...(username !== undefined && { username }),
      ...address(email),
    })),
  ],
  [
    'ImportUsers',
    (userId, { username = userId, email = `${userId}@mail.example` }) =>
      importOne({ userId, username, human: { ...profile, email, emailVerified: true } }),
  ],
];

const namesOf = async (userId: string) => {
  const user = await door.user(userId);
  const { email } = (user?.human as { email: { email: string } }).email;
  return { username: user?.username, email };
};

describe.each(changes)('a change by %s', (call, change) => {
  test.each(spaces)('leaves out %j around a name', async (space) => {
    const userId = await server.people.user({ organization: 'home' });
    const name = `${call}-${space.codePointAt(0)}`.toLowerCase();
    const names = { username: name, email: `${name}@mail.example` };
    const spaced = { username: `${space}${name}${space}`, email: `${space}${names.email}${space}` };
    expect(await change(userId, spaced)).toEqual({ isRefused: false, message: '' });
    expect(await namesOf(userId)).toEqual(names);
    // Both are the one name that nobody else can have.
    const other = await server.people.user({ organization: 'home' });
    expect((await change(other, { username: `${name}${space}` })).isRefused).toBe(true);
  });

  test.each(spaces)('takes %j alone for no name, and changes nothing', async (space) => {
    const userId = await server.people.user({ organization: 'home' });
    const before = await namesOf(userId);
    for (const field of ['username', 'email'] as const) {
      const { isRefused, message } = await change(userId, { [field]: `${space}${space}` });
      expect([field, isRefused, message]).toEqual([field, true, expect.stringMatching(`^${field}: `)]);
    }
    expect(await namesOf(userId)).toEqual(before);
  });
});

describe('an external id that is imported', () => {
  const imported = (externalId: string, more: JsonObject = {}) =>
    importOne({ externalId, ...more, external: {} });

  test.each(spaces)('is the same with %j around it, which alone is none', async (space) => {
    const userId = `of-${space.codePointAt(0)}`;
    const externalId = `outside-${space.codePointAt(0)}`;
    expect((await imported(externalId, { userId })).isRefused).toBe(false);
    // Found by it, for another id could not have it.
    const spaced = `${space}${externalId}${space}`;
    expect((await imported(spaced, { username: `${userId}-renamed` })).isRefused).toBe(false);
    expect((await door.user(userId))?.username).toBe(`${userId}-renamed`);
    const { isRefused, message } = await imported(`${space}${space}`);
    expect([isRefused, message]).toEqual([true, expect.stringMatching(/^external_id: /)]);
  });

  test.each(spaces)('changes to what stands between %j', async (space) => {
    const userId = `changed-${space.codePointAt(0)}`;
    const externalId = `later-${space.codePointAt(0)}`;
    expect((await imported(`earlier-${userId}`, { userId })).isRefused).toBe(false);
    expect((await imported(`${space}${externalId}${space}`, { userId })).isRefused).toBe(false);
    expect((await imported(externalId, { username: `${userId}-renamed` })).isRefused).toBe(false);
    expect((await door.user(userId))?.username).toBe(`${userId}-renamed`);
  });
});

test.each(spaces)('the password keeps %j where it was typed', async (space) => {
  const userId = await server.people.user({ organization: 'home' });
  const password = `${space}correct horse battery${space}`;
  const set = { userId, human: { password: { password: { password } } } };
  expect((await door.ask('UpdateUser', set)).ok).toBe(true);
  const signIn = async (guess: string) => {
    const checks = { user: { userId }, password: { password: guess } };
    return (await door.ask('CreateSession', { checks })).ok;
  };
  expect([await signIn(password), await signIn(password.trim())]).toEqual([true, false]);
});
