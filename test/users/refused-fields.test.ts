import { readFileSync } from 'node:fs';
import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Door, openDoor } from '../support/door.ts';
import type { MethodName } from '../support/methods.ts';
import { startServer, type TestServer } from '../support/start-server.ts';

let server: TestServer;
let door: Door;

beforeAll(async () => {
  server = await startServer();
  await server.people.organization('acme');
  await server.people.user({ organization: 'acme', userId: 'there' });
  const roles = ['IAM_OWNER'];
  door = openDoor(server.url, await server.people.caller({ organization: 'acme', roles }));
});
afterAll(async () => {
  await door[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** What is asked for in vain: for a new person, and under its own name in each of the two calls that make one. */
const ofPerson: readonly (readonly [string, JsonObject])[] = [
  ['idp_links', { idpLinks: [{ idpId: 'idp', userId: 'there', userName: 'me' }] }],
  ['totp_secret', { totpSecret: 'secret' }],
  ['metadata', { metadata: [{ key: 'key', value: 'dmFsdWU=' }] }],
  ['email.send_code', { email: { email: 'x@mail.example', sendCode: {} } }],
  ['email.send_code', { email: { email: 'x@mail.example', sendCode: { urlTemplate: 'https://x.example' } } }],
  ['email.return_code', { email: { email: 'x@mail.example', returnCode: {} } }],
  ['phone.send_code', { phone: { phone: '+41 44 000 00 00', sendCode: {} } }],
  ['phone.return_code', { phone: { phone: '+41 44 000 00 00', returnCode: {} } }],
];
const person = {
  profile: { givenName: 'Given', familyName: 'Family' },
  email: { email: 'x@mail.example' },
};

const table: readonly (readonly [MethodName, string, JsonObject])[] = [
  ...ofPerson.map(
    ([field, more]) =>
      ['CreateUser', `human.${field}`, { organizationId: 'acme', human: { ...person, ...more } }] as const,
  ),
  ...ofPerson.map(([field, more]) => ['AddHumanUser', field, { ...person, ...more }] as const),
  ['SendEmailCode', 'send_code', { userId: 'there', sendCode: {} }],
  ['ResendEmailCode', 'send_code', { userId: 'there', sendCode: {} }],
  ['PasswordReset', 'send_link', { userId: 'there', sendLink: {} }],
  ...(['email', 'phone'] as const).flatMap((of) =>
    (['send'] as const).flatMap((verb) => {
      const value = { [of]: of === 'email' ? 'x@mail.example' : '1', [`${verb}Code`]: {} };
      const method = of === 'email' ? 'SetEmail' : 'SetPhone';
      const field = `${of}.${verb}_code`;
      return [
        [method, `${verb}_code`, { userId: 'there', ...value }],
        ['UpdateHumanUser', field, { userId: 'there', [of]: value }],
        ['UpdateUser', `human.${field}`, { userId: 'there', human: { [of]: value } }],
      ] as const;
    }),
  ),
];

test.each(table)('%s: %s is refused by name', async (method, field, message) => {
  const before = (await door.ask('ListEvents', { limit: 1_000 })).response;
  expect(await door.ask(method, message)).toEqual({
    ok: false,
    code: 'InvalidArgument',
    message: `Field is not served: ${field} (LATCH-f1eld0ns)`,
    details: [
      { type: 'zitadel.v1.ErrorDetail', id: 'LATCH-f1eld0ns', message: `Field is not served: ${field}` },
      {
        type: 'google.rpc.ErrorInfo',
        reason: 'FIELD_NOT_SERVED',
        domain: 'latchkey',
        metadata: { field },
      },
    ],
    httpStatus: 400,
    response: {},
  });
  expect((await door.ask('ListEvents', { limit: 1_000 })).response).toEqual(before);
});

test('the same calls without those fields are served', async () => {
  const human = { ...person, email: { email: 'served@mail.example' } };
  expect(await door.ask('CreateUser', { organizationId: 'acme', human })).toMatchObject({ code: 'OK' });
  expect(await door.ask('AddHumanUser', person)).toMatchObject({ code: 'OK' });
  const newPassword = { password: 'next' };
  expect(await door.ask('SetPassword', { userId: 'there', newPassword })).toMatchObject({ code: 'OK' });
});

test('what the protos say is not served is in the table', () => {
  const proto = (name: string) =>
    readFileSync(new URL(`../../proto/zitadel/user/v2/${name}.proto`, import.meta.url), 'utf8');
  const protos = ['user_service', 'update', 'code'].map(proto).join('');
  const fields = protos.matchAll(/Not served: refused by name\.\n.*? (\w+) = \d+/g);
  const codes = `${proto('email')}${proto('phone')}`.matchAll(
    /(?:Not served|not where a user is made)\.\nmessage (Send|Return)(Email|Phone)/g,
  );
  const named = [
    ...[...fields].map(([, name]) => name),
    ...[...codes].map(([, verb = '', of = '']) => `${of}.${verb}_code`.toLowerCase()),
  ];
  expect(named).toHaveLength(15);
  const refused = new Set(table.map(([, field]) => field.replace(/^(human\.)?(password\.)?/, '')));
  expect(new Set(named)).toEqual(refused);
});
