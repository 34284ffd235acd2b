import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { verify } from '../../src/queries/verify/verify.ts';
import { type Door, openDoor } from '../support/door.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { type ImportFiles, openFiles } from './file.ts';

const resources = new AsyncDisposableStack();
let server: TestServer;
let door: Door;
let files: ImportFiles;

beforeAll(async () => {
  server = resources.use(await startServer());
  for (const id of ['home', 'away', 'there']) await server.people.organization(id);
  const token = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
  door = resources.use(openDoor(server.url, token));
  files = resources.use(await openFiles(['--url', server.url, '--token', token]));
});
afterAll(async () => {
  expect(await verify(server.app.store)).toMatchObject({ problems: [] });
  await resources.disposeAsync();
});

const signIn = async (userId: string, password: string) =>
  (await door.ask('CreateSession', { checks: { user: { userId }, password: { password } } })).code;
const stringified = (value: object) => JSON.stringify(value);

describe('Keycloak', () => {
  const credential = (secretData: object, credentialData: object) => ({
    ...{ id: 'c', type: 'password', createdDate: 1_693_888_572_700 },
    ...{ secretData: stringified(secretData), credentialData: stringified(credentialData) },
  });
  /** Hashes that Keycloak itself made, of versions 9, 24 and 26. */
  const pbkdf2 = credential(
    {
      value: 'gI7lGJLNUQfn6xcMUtLp0XnOIF3JdaoAj8IogosYZsDg4Q5cFxG5JkJrKZpR7mIG5MxlH346ikZKsiZovvFKDQ==',
      salt: 'H1Yjwf5UUIip/deJSkNJ+Q==',
    },
    { hashIterations: 27_500, algorithm: 'pbkdf2-sha256' },
  );
  const shorter = credential(
    { value: '9qur72LAICdhFeb2SpkJt2jbOYaxJ44g9T+E7bmJXxI=', salt: 'AGHjXoWftkFxnk/dcZRNnA==' },
    { hashIterations: 27_500, algorithm: 'pbkdf2-sha256', additionalParameters: {} },
  );
  const argon2 = credential(
    { value: 'BruFLfFkjH/8erZ26NnrbkOrWiZuQyDRCHD9o0R6Scg=', salt: 'Cf9AYCE5pAbb4CKEF0GUTA==' },
    {
      ...{ hashIterations: 5, algorithm: 'argon2' },
      additionalParameters: {
        ...{ hashLength: ['32'], memory: ['7168'], type: ['id'], version: ['1.3'], parallelism: ['1'] },
      },
    },
  );
  const person = (username: string, more: object) => ({
    ...{ id: `kc-${username}`, createdTimestamp: 1_611_230_523_301, username, enabled: true, totp: false },
    ...{ email: `${username}@mail.example`, emailVerified: true, firstName: 'F', lastName: 'L' },
    ...{ credentials: [], requiredActions: [], realmRoles: ['admin'], notBefore: 0, groups: [] },
    ...more,
  });
  const users = [
    person('kim', { credentials: [{ type: 'otp' }, pbkdf2] }),
    person('lou', { credentials: [argon2], requiredActions: ['UPDATE_PASSWORD'] }),
    person('mia', { credentials: [shorter], enabled: false }),
    person('ned', { firstName: undefined, lastName: undefined, attributes: { locale: ['de'], dob: ['x'] } }),
    person('service-account-ci', { serviceAccountClientId: 'ci', email: undefined }),
  ];
  const realm = {
    realm: 'r',
    'us"ers': ['users'],
    clients: [{ users: [{ username: 'no' }] }],
    users,
    roles: {},
  };

  test.each([
    ['a realm with its users', JSON.stringify(realm, null, 2)],
    ['a file of users, on one line', JSON.stringify({ realm: 'r', users })],
    ['all realms', JSON.stringify([{ realm: 'empty', users: [] }, realm])],
  ])('%s brings each once, with state and password', async (_, text) => {
    const { code, told, refused } = await files.bring('keycloak', text, '--org', 'home');
    expect({ code, refused }).toEqual({ code: 0, refused: [] });
    expect(told).toMatchObject({ rows: 5, states: { active: 4, inactive: 1 } });
    expect(told.passwords).toEqual({ pbkdf2: 2, argon2id: 1, none: 2 });
    expect(Number(told.created) + Number(told.unchanged)).toBe(5);
    expect(await door.user('kc-mia')).toMatchObject({ state: 'USER_STATE_INACTIVE', username: 'mia' });
    expect(await door.user('kc-ned')).toMatchObject({
      human: { profile: { givenName: 'ned', familyName: 'ned', preferredLanguage: 'de' } },
    });
    expect(await door.user('kc-service-account-ci')).toMatchObject({ machine: {} });
    expect(await door.user('kc-lou')).toMatchObject({ human: { passwordChangeRequired: true } });
  });

  test('passwords are what they were', async () => {
    expect(await signIn('kc-kim', 'user2')).toBe('InvalidArgument');
    expect(await signIn('kc-kim', 'user1')).toBe('OK');
    expect(await signIn('kc-lou', 'password')).toBe('OK');
    await door.ask('ReactivateUser', { userId: 'kc-mia' });
    expect(await signIn('kc-mia', 'user1')).toBe('OK');
  });

  test.each([
    [
      'without users',
      JSON.stringify({ realm: 'r', clients: [] }),
      /it holds no users: export them with kc.sh/,
    ],
    ['with no users in it', JSON.stringify({ realm: 'r', users: [] }), /export them with kc.sh/],
    ['nested without an end', '['.repeat(101), /line 1: it is nested deeper than 100 levels/],
    ['cut off', JSON.stringify(realm).slice(0, -40), /it is cut off: its JSON has no end/],
    ['that closes more than it opens', `${JSON.stringify(realm)}]}`, /line 1: it is no JSON/],
    ['of another kind', 'id,user_name\n', /it is no JSON document/],
  ])('a file %s is refused whole', async (_, text, message) => {
    const { code, stderr } = await files.bring('keycloak', text, '--org', 'away', '--dry-run');
    expect(code).toBe(7);
    expect(JSON.parse(stderr)).toMatchObject({ error: { message: expect.stringMatching(message) } });
  });

  test('every row that cannot be taken says why, and no other is kept out', async () => {
    const plain = { type: 'password', value: 'secret', temporary: false };
    const broken = [
      person('ok', { credentials: [argon2] }),
      person('no-mail', { email: undefined }),
      person('number', { firstName: {} }),
      person('plain', { credentials: [plain] }),
      person('odd', { credentials: [credential({ value: 'dg==', salt: 'cw==' }, { algorithm: 'md5' })] }),
      person('bare', { credentials: [credential({ salt: 'cw==' }, { algorithm: 'argon2' })] }),
      person('torn', { credentials: [{ type: 'password', secretData: '{', credentialData: '{' }] }),
      person('ok', { id: 'kc-other', email: 'other@mail.example' }),
      { id: 'kc-nameless' },
      person('long', { attributes: { junk: ['x'.repeat(300 * 1024)] } }),
    ];
    const text = JSON.stringify({ users: broken }).replaceAll('},{"id"', '},\n{"id"');
    const { code, refused } = await files.bring('keycloak', text, '--org', 'away');
    expect(code).toBe(5);
    expect(refused.map(({ line, row, name, message }) => [line, row, name, message])).toEqual([
      [2, 2, 'no-mail', 'email: is missing'],
      [3, 3, 'number', 'firstName: must be a text'],
      [4, 4, 'plain', expect.stringMatching(/^password: stands there as it is/)],
      [5, 5, 'odd', 'password: is hashed by an algorithm that is not checked here'],
      [6, 6, 'bare', 'password: has no value'],
      [7, 7, 'torn', 'password: is no JSON'],
      [8, 8, 'ok', 'has the same user name as line 1'],
      [9, 9, 'kc-nameless', 'username: is missing'],
      [10, 10, undefined, 'is longer than 256 KiB'],
    ]);
    expect(JSON.stringify(refused)).not.toContain('secret');
    const again = await files.bring('keycloak', text, '--org', 'away', '--without-passwords');
    expect(again.told).toMatchObject({ created: 4, unchanged: 1, refused: 5 });
  });
});

describe('ZITADEL', () => {
  const human = (id: string, more: object = {}) => ({
    userId: `z-${id}`,
    user: {
      userName: id,
      profile: {
        firstName: 'F',
        lastName: 'L',
        displayName: 'F. L.',
        preferredLanguage: 'en',
        gender: 'GENDER_FEMALE',
      },
      email: { email: `${id}@z.example`, isEmailVerified: true },
      phone: { phone: '+41791234567', isPhoneVerified: true },
      hashedPassword: {
        value: '$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
        algorithm: 'bcrypt',
      },
      ...more,
    },
  });
  const orgs = [
    {
      orgId: 'away',
      org: { name: 'Away' },
      humanUsers: [human('una'), human('vic', { passwordChangeRequired: true })],
      machineUsers: [{ userId: 'z-bot', user: { userName: 'bot', name: 'Bot', description: 'nightly' } }],
    },
    { orgId: 'there', humanUsers: [human('wim', { hashedPassword: undefined, phone: undefined })] },
    { orgId: 'nowhere', humanUsers: [human('xia')] },
  ];

  test.each([
    ['the export', JSON.stringify({ orgs })],
    ['what an import takes', JSON.stringify({ dataOrgs: { orgs } }, null, 1)],
  ])('%s brings everybody with their id, into their own organization', async (_, text) => {
    const { told } = await files.bring('zitadel', text, '--dry-run');
    expect(told).toEqual({});
    const rest = text.replace(/"orgId": ?"nowhere"/, '"orgId":"there"');
    const { code, told: brought } = await files.bring('zitadel', rest);
    expect({ code, rows: brought.rows }).toEqual({ code: 0, rows: 5 });
    expect(await door.user('z-una')).toMatchObject({
      details: { resourceOwner: 'away' },
      ...{ username: 'una', state: 'USER_STATE_ACTIVE' },
      human: {
        phone: { phone: '+41791234567', isVerified: true },
        profile: { displayName: 'F. L.', gender: 'GENDER_FEMALE' },
      },
    });
    expect(await door.user('z-wim')).toMatchObject({ details: { resourceOwner: 'there' } });
    expect(await door.user('z-bot')).toMatchObject({ machine: { name: 'Bot', description: 'nightly' } });
    expect(await door.user('z-vic')).toMatchObject({ human: { passwordChangeRequired: true } });
    expect(await signIn('z-una', 'U*U')).toBe('OK');
  });

  test('an organization that is not here is told by name before anything is written', async () => {
    const before = { orgId: 'away', humanUsers: [human('pat')] };
    const { code, stderr } = await files.bring('zitadel', JSON.stringify({ orgs: [before, orgs[2]] }));
    expect(code).toBe(3);
    const message = expect.stringMatching(/no organization nowhere .*org create --id nowhere/);
    expect(JSON.parse(stderr)).toMatchObject({ error: { id: 'LATCH-0rgn0tfd', message } });
    expect(await door.user('z-pat')).toBeUndefined();
  });

  test('who has no address or name is refused by the name of the field', async () => {
    const nobody = [
      human('y', { email: {} }),
      human('z', { profile: { firstName: 'F' } }),
      { userId: 'z-w', user: 7 },
      human('q', { profile: { firstName: 'F', lastName: 'L', gender: 'GENDER_OTHER' } }),
    ];
    const { refused } = await files.bring(
      'zitadel',
      JSON.stringify({ orgs: [{ orgId: 'away', humanUsers: nobody }] }),
    );
    expect(refused.map(({ row, message }) => [row, message])).toEqual([
      [1, 'email.email: is missing'],
      [2, 'profile.lastName: is missing'],
      [3, 'user: must be an object'],
      [4, 'profile.gender: is none that is known'],
    ]);
  });
});
