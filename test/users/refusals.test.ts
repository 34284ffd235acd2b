import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { verify } from '../../src/queries/verify/verify.ts';
import { type Dialect, dialects, openClients } from '../support/dialects/all.ts';
import { type Door, openDoor } from '../support/door.ts';
import type { MethodName } from '../support/methods.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { type StoreKind, stores } from '../support/stores.ts';

type Whom = 'person' | 'machine' | 'external' | 'deleted' | 'erased' | 'nobody' | 'hidden';

const email = (name: string) => ({ email: `${name}@mail.example` });
const bytes = (length: number) => Buffer.alloc(length, 'x').toString('base64');

interface Refused {
  readonly whom: Whom;
  readonly method: MethodName;
  readonly message: JsonObject;
  readonly code: string;
  readonly id: string;
}

type Calls = readonly (readonly [MethodName, JsonObject])[];

const refusals = (whom: Whom, answer: Pick<Refused, 'code' | 'id'>, calls: Calls): readonly Refused[] =>
  calls.map(([method, message]) => ({ whom, method, message, ...answer }));

const taken = { code: 'AlreadyExists', id: 'LATCH-us3rname' };
const kindOther = { code: 'FailedPrecondition', id: 'LATCH-us3rk1nd' };
const notServed = { code: 'InvalidArgument', id: 'LATCH-f1eld0ns' };
const full = { code: 'ResourceExhausted', id: 'LATCH-metafu11' };
const notFound = { code: 'NotFound', id: 'LATCH-us3rnf0d' };
const newPassword = { password: { password: { password: 'next' } } };
const hashed = { password: { hashedPassword: { hash: '$1$salt$hash' } } };
const hashRefused = { code: 'InvalidArgument', id: 'LATCH-pwhash0x' };

const profile = { givenName: 'Ada', familyName: 'Roe' };
const ofPeople: Calls = [
  ['UpdateUser', { human: { profile: { nickName: 'Ada' } } }],
  ['UpdateUser', { human: { email: email('other') } }],
  ['UpdateUser', { human: { phone: { phone: '1' } } }],
  ['UpdateHumanUser', { profile }],
  ['UpdateHumanUser', { email: email('other') }],
  ['UpdateHumanUser', newPassword],
  ['SetEmail', email('other')],
  ['SetPhone', { phone: '1' }],
  ['RemovePhone', {}],
  ['SendEmailCode', { returnCode: {} }],
  ['ResendEmailCode', { returnCode: {} }],
  ['VerifyEmail', { verificationCode: 'AAAAAA' }],
];

const everyCall: Calls = [
  ['UpdateUser', { username: 'other' }],
  ['UpdateHumanUser', { username: 'other' }],
  ['SetEmail', email('other')],
  ['SetPhone', { phone: '1' }],
  ['RemovePhone', {}],
  ['SendEmailCode', { returnCode: {} }],
  ['ResendEmailCode', { returnCode: {} }],
  ['VerifyEmail', { verificationCode: 'AAAAAA' }],
  ['PasswordReset', { returnCode: {} }],
  ['SetUserMetadata', { metadata: [{ key: 'a', value: bytes(1) }] }],
  ['ListUserMetadata', {}],
  ['DeleteUserMetadata', { keys: ['a'] }],
  ['ListAuthenticationMethodTypes', {}],
];

/** What keeps a user current and is refused although every field is one: of whom, what is asked, code and id. */
const refused: readonly Refused[] = [
  ...refusals('person', taken, [
    ['UpdateUser', { username: 'taken' }],
    ['UpdateUser', { username: 'TAKEN@acme.example' }],
    ['UpdateHumanUser', { username: 'taken' }],
    ['UpdateUser', { human: { email: email('taken') } }],
    ['UpdateHumanUser', { email: email('taken') }],
    ['UpdateHumanUser', { email: { ...email('TAKEN'), isVerified: true } }],
    ['SetEmail', email('taken')],
  ]),
  ...(['machine', 'external'] as const).flatMap((whom) => [
    ...refusals(whom, taken, [['UpdateUser', { username: 'taken' }]]),
    ...refusals(whom, kindOther, ofPeople),
  ]),
  ...refusals('external', kindOther, [['UpdateUser', { machine: { name: 'Import' } }]]),
  ...refusals('machine', kindOther, [
    ['UpdateUser', { human: { phone: { phone: '1' } } }],
    ['UpdateUser', { human: newPassword }],
    ['UpdateHumanUser', { phone: { phone: '1' } }],
    ['SetEmail', email('machine')],
    ['SetPhone', { phone: '1' }],
    ['RemovePhone', {}],
    ['SendEmailCode', { returnCode: {} }],
    ['ResendEmailCode', { returnCode: {} }],
    ['VerifyEmail', { verificationCode: 'AAAAAA' }],
  ]),
  ...refusals('person', kindOther, [['UpdateUser', { machine: { name: 'Import' } }]]),
  ...(['machine', 'external'] as const).flatMap((whom) =>
    refusals(whom, { code: 'FailedPrecondition', id: 'LATCH-pwmach1n' }, [
      ['PasswordReset', { returnCode: {} }],
      ['SetPassword', { newPassword: { password: 'next' } }],
      ['SetPassword', { newPassword: { password: 'next' }, verificationCode: 'AAAAAA' }],
    ]),
  ),
  ...refusals('person', { code: 'FailedPrecondition', id: 'LATCH-ema1lver' }, [
    ['SendEmailCode', { returnCode: {} }],
    ['ResendEmailCode', { returnCode: {} }],
  ]),
  ...refusals('person', hashRefused, [
    ['UpdateUser', { human: hashed }],
    ['UpdateHumanUser', hashed],
  ]),
  ...refusals('person', notServed, [
    ['SendEmailCode', { sendCode: {} }],
    ['ResendEmailCode', { sendCode: { urlTemplate: 'https://mail.example' } }],
    ['SetEmail', { ...email('other'), sendCode: {} }],
    ['SetPhone', { phone: '1', sendCode: {} }],
    ['UpdateUser', { human: { email: { ...email('other'), sendCode: {} } } }],
    ['UpdateUser', { human: { phone: { phone: '1', sendCode: {} } } }],
    ['UpdateHumanUser', { email: { ...email('other'), sendCode: { urlTemplate: 'https://mail.example' } } }],
    ['UpdateHumanUser', { phone: { phone: '1', sendCode: {} } }],
    ['PasswordReset', { sendLink: {} }],
    ['PasswordReset', { sendLink: { notificationType: 'NOTIFICATION_TYPE_SMS' } }],
  ]),
  ...refusals('person', full, [
    ['SetUserMetadata', { metadata: [{ key: 'a', value: bytes(65_536) }] }],
    [
      'SetUserMetadata',
      { metadata: Array.from({ length: 65 }, (_, at) => ({ key: `${at}`, value: bytes(1) })) },
    ],
  ]),
  ...refusals('erased', { code: 'FailedPrecondition', id: 'LATCH-erased0k' }, [['EraseUser', {}]]),
  // Who is deleted can still be erased.
  ...refusals('deleted', notFound, everyCall),
  ...refusals('nobody', notFound, [...everyCall, ['EraseUser', {}]]),
  ...refusals('hidden', notFound, [...everyCall, ['EraseUser', {}]]),
];

const byRpc = (dialect: Dialect) => !dialect.name.includes('on the REST URL');

describe.each(stores)('refusals of changes, on %s', (kind: StoreKind, openDatabase) => {
  const resources = new AsyncDisposableStack();
  const ids = new Map<Whom, string>([['nobody', 'nobody']]);
  let server: TestServer;
  let door: Door;
  let clients: ReturnType<typeof openClients>;
  let manager: string;

  beforeAll(async () => {
    const { database } = resources.use(await openDatabase());
    server = resources.use(await startServer({ database }));
    const { people } = server;
    for (const id of ['acme', 'beta']) await people.organization(id);
    const owner = await people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
    const role = { role: 'ORG_OWNER', organization: 'acme' };
    manager = await people.caller({ organization: 'acme', roles: [role] });
    door = resources.use(openDoor(server.url, owner));
    clients = resources.use(openClients(server.url));
    await people.user({ organization: 'acme', userId: 'taken' });
    ids.set('person', await people.user({ organization: 'acme' }));
    ids.set('machine', await people.user({ organization: 'acme', kind: 'machine' }));
    const external = { organizationId: 'acme', users: [{ externalId: '42', external: {} }] };
    const [made] = (await door.ask('ImportUsers', external)).response.results as JsonObject[];
    ids.set('external', String(made?.userId));
    ids.set('deleted', await people.user({ organization: 'acme', state: 'deleted' }));
    ids.set('erased', await people.user({ organization: 'acme', state: 'deleted' }));
    ids.set('hidden', await people.user({ organization: 'beta' }));
    await door.ask('EraseUser', { userId: ids.get('erased') ?? '' });
  });
  afterAll(() => resources.disposeAsync());

  // One dialect shows what the store says; all of them how it is dressed.
  test.each(dialects.filter(byRpc).slice(0, kind === 'sqlite' ? undefined : 1))('$name', async (dialect) => {
    const events = async () =>
      JSON.stringify(await Promise.all([...ids.values()].map((id) => door.events(id))));
    const before = await events();
    for (const { whom, method, message, code, id } of refused) {
      const userId = ids.get(whom) ?? '';
      const answer = await clients.ask(dialect, { method, message: { userId, ...message }, token: manager });
      expect({ whom, method, message, code: answer.code, id: answer.details[0]?.id }).toEqual({
        ...{ whom, method, message, code, id },
      });
    }
    expect(await events()).toBe(before);
    expect(await verify(server.app.store)).toMatchObject({ problems: [] });
  });
});
