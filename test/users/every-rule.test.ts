import { type DescField, type DescMessage, fromJson, getOption, type JsonObject } from '@bufbuild/protobuf';
import { createValidator } from '@bufbuild/protovalidate';
import * as rules from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { dialects, openClients } from '../support/dialects/all.ts';
import { type Door, openDoor } from '../support/door.ts';
import { type MethodName, methods } from '../support/methods.ts';
import { startServer, type TestServer } from '../support/start-server.ts';

/** The calls that keep a user current. */
const current = [
  ...['UpdateUser', 'UpdateHumanUser', 'SetEmail', 'SendEmailCode', 'ResendEmailCode', 'VerifyEmail'],
  ...['SetPhone', 'RemovePhone', 'PasswordReset', 'SetPassword', 'SetUserMetadata', 'ListUserMetadata'],
  ...['DeleteUserMetadata', 'ListAuthenticationMethodTypes'],
] as const satisfies readonly MethodName[];

/** A rule of a field that one value breaks, and where there is one, the value that just does not. */
interface Broken {
  readonly field: DescField;
  readonly by: string;
  readonly value: JsonObject[string];
  readonly within?: JsonObject[string];
}

/** A message in which one field breaks its rule. */
interface Cell {
  readonly path: string;
  readonly by: string;
  readonly message: JsonObject;
  readonly within?: JsonObject;
}

const long = (length: number) => 'x'.repeat(length);

function brokenBy(field: DescField): readonly Broken[] {
  const { type } = getOption(field, rules.field);
  if (type.case === 'enum') return [{ field, by: 'unknown', value: 99 }];
  if (type.case === 'bytes') return [{ field, by: 'empty', value: '', within: 'eA==' }];
  if (type.case !== 'string') return [];
  const [minLength, maxLength] = [Number(type.value.minLen), Number(type.value.maxLen)];
  return [
    ...(minLength > 0 ? [{ field, by: 'empty', value: '', within: long(minLength) }] : []),
    ...(maxLength > 0 ? [{ field, by: 'long', value: long(maxLength + 1), within: long(maxLength) }] : []),
  ];
}

/** Every rule of the message and of those within it; `around` puts a value of it into a request. */
function cellsOf(desc: DescMessage, around: (inner: JsonObject) => JsonObject, at = ''): readonly Cell[] {
  const cells: Cell[] = [];
  for (const field of desc.fields) {
    const isList = field.fieldKind === 'list';
    const path = `${at}${field.name}${isList ? '[0]' : ''}`;
    const put = (value: JsonObject[string]) =>
      around({ ...least(desc, field), [field.jsonName]: isList ? [value] : value });
    if (field.message !== undefined) cells.push(...cellsOf(field.message, put, `${path}.`));
    for (const { by, value, within } of brokenBy(field)) {
      cells.push({ path, by, message: put(value), ...(within !== undefined && { within: put(within) }) });
    }
  }
  for (const oneof of desc.oneofs) {
    if (!getOption(oneof, rules.oneof).required) continue;
    cells.push({ path: `${at}${oneof.name}`, by: 'absent', message: around(least(desc, undefined)) });
  }
  return cells;
}

/** What a message needs beside the field, so that nothing but the field is wrong. */
function least(desc: DescMessage, beside: DescField | undefined): JsonObject {
  const needed: JsonObject = {};
  for (const field of desc.fields) {
    const { required, type } = getOption(field, rules.field);
    if (field === beside || field.oneof !== undefined || field.proto.proto3Optional) continue;
    if (type.case === 'string' && Number(type.value.minLen) > 0) needed[field.jsonName] = 'x';
    if (type.case === 'bytes') needed[field.jsonName] = 'eA==';
    if (required && field.message !== undefined) needed[field.jsonName] = least(field.message, undefined);
  }
  for (const oneof of desc.oneofs) {
    const [first] = oneof.fields;
    if (!getOption(oneof, rules.oneof).required || beside?.oneof === oneof || beside === undefined) continue;
    if (first?.message !== undefined) needed[first.jsonName] = least(first.message, first);
  }
  return needed;
}

const table = current.flatMap((method) =>
  cellsOf(methods[method].desc.input, (message) => message).map((cell) => ({ method, ...cell })),
);

const resources = new AsyncDisposableStack();
let server: TestServer;
let door: Door;
let owner: string;

beforeAll(async () => {
  server = resources.use(await startServer());
  await server.people.organization('acme');
  await server.people.user({ organization: 'acme', userId: 'x' });
  owner = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
  door = resources.use(openDoor(server.url, owner));
});
afterAll(() => resources.disposeAsync());

test('the table holds every rule that the contract has for these calls', () => {
  expect(table.length).toBeGreaterThan(100);
  // The contract has no rule for a field of this one.
  const ruled = current.filter((method) => method !== 'DeleteUserMetadata');
  expect(new Set(table.map(({ method }) => method))).toEqual(new Set(ruled));
});

test('what just keeps to its rule breaks none', () => {
  const validator = createValidator();
  for (const { method, path, by, within } of table) {
    if (within === undefined) continue;
    const { input } = methods[method].desc;
    const { violations = [] } = validator.validate(input, fromJson(input, within));
    expect([method, path, by, violations.map(String)]).toEqual([method, path, by, []]);
  }
});

const byRpc = dialects.filter(({ name }) => !name.includes('on the REST URL'));

test.each(byRpc)('every rule of a field refuses by its name: $name', async (dialect) => {
  await using clients = openClients(server.url);
  const before = await door.events('x');
  for (const { method, path, by, message } of table) {
    // An empty id in a URL is another URL.
    if (dialect.url === 'rest' && path === 'user_id' && by === 'empty') continue;
    const answer = await clients.ask(dialect, { method, message, token: owner });
    expect([method, path, by, answer.code, answer.message]).toEqual([
      ...[method, path, by, 'InvalidArgument', expect.stringContaining(path.replaceAll(/\.?\[0\]/g, '[0]'))],
    ]);
  }
  expect(await door.events('x')).toEqual(before);
}, 120_000);
