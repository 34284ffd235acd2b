/** How large a request may be, and how much it may hold: at the limit, and one past it, where it is read. */
import { gunzipSync, gzipSync } from 'node:zlib';
import { create, type DescField, type DescMessage, getOption, hasOption } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { field as fieldRules } from '../../gen/es/buf/validate/validate_pb.js';
import { HealthCheckRequestSchema } from '../../gen/es/grpc/health/v1/health_pb.js';
import { ListUsersRequestSchema } from '../../gen/es/zitadel/user/v2/user_service_pb.js';
import { messageBytesMaxOf } from '../../src/rpc/limits/message-size.ts';
import { protoCodec } from '../../src/server/messages/codec.ts';
import { parseJsonMessage } from '../../src/server/messages/json-decoder.ts';
import { methods } from '../support/methods.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { openWire, type Wire } from '../support/wire.ts';

const resources = new AsyncDisposableStack();
let server: TestServer;
let wire: Wire;
let authorization: string;

beforeAll(async () => {
  server = resources.use(await startServer());
  wire = resources.use(openWire(server.url));
  await server.people.organization('home');
  authorization = `Bearer ${await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] })}`;
});
afterAll(() => resources.disposeAsync());

const kibibyte = 1_024;
const limits = Object.values(methods).map(({ desc }) => [desc.name, messageBytesMaxOf(desc), desc] as const);

/** Any error but that of the size is from beyond it: the message was read. */
async function isTooLarge(path: string, bytes: number, version: 1 | 2): Promise<boolean> {
  const body = Buffer.from('{}'.padEnd(bytes));
  const headers = { 'content-type': 'application/json', authorization };
  const answer = await wire.send({ version, verb: 'POST', path, headers, body });
  return answer.status === 429 && answer.body.toString().includes('message is larger than');
}

describe('the body of a call', () => {
  test.each(limits)('%s: %i bytes are taken, one more is not', async (_, bytesMax, { parent, name }) => {
    const path = `/${parent.typeName}/${name}`;
    for (const version of [1, 2] as const) {
      expect([
        await isTooLarge(path, bytesMax, version),
        await isTooLarge(path, bytesMax + 1, version),
      ]).toEqual([false, true]);
    }
  });

  test('is 256 KiB at most, and one that takes no token 1 KiB', async () => {
    expect(new Set(limits.map(([, bytesMax]) => bytesMax))).toEqual(new Set([48 * kibibyte, 256 * kibibyte]));
    for (const name of ['Check', 'List']) {
      const path = `/grpc.health.v1.Health/${name}`;
      expect([await isTooLarge(path, kibibyte, 1), await isTooLarge(path, kibibyte + 1, 1)]).toEqual([
        false,
        true,
      ]);
    }
  });

  test.each(limits)('%s: no text within the rules is too long for it', (_, bytesMax, { input }) => {
    expect(longestJson(input, new Set())).toBeLessThanOrEqual(bytesMax);
  });

  test.each([
    'grpc.health.v1.Health/Watch',
    'grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
    'grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
  ])('%s: a message of 1 KiB is taken, a byte more is not', async (path) => {
    const ask = async (bytes: number) => {
      const message = Buffer.alloc(bytes, 'x');
      // Field 1, whose length takes two bytes.
      message.set([0x0a, ((bytes - 3) & 0x7f) | 0x80, (bytes - 3) >> 7]);
      const envelope = Buffer.concat([Buffer.from([0, 0, 0, bytes >> 8, bytes & 0xff]), message]);
      const headers = { 'content-type': 'application/grpc-web', 'grpc-timeout': '300m' };
      const answer = await wire.send({ version: 2, verb: 'POST', path: `/${path}`, headers, body: envelope });
      return /grpc-status: ?8/.test(answer.body.toString());
    };
    expect([await ask(kibibyte), await ask(kibibyte + 1)]).toEqual([false, true]);
  });
});

/** As JSON, every text as long as it may be and written in escapes; lists and maps are left to their own rules. */
function longestJson(desc: DescMessage, seen: Set<DescMessage>): number {
  if (seen.has(desc)) return 0;
  const within = new Set(seen).add(desc);
  return desc.fields.reduce((sum, field) => sum + field.name.length + 6 + longestValue(field, within), 2);
}

function longestValue(field: DescField, seen: Set<DescMessage>): number {
  if (field.fieldKind === 'list' || field.fieldKind === 'map') return 0;
  if (field.message !== undefined) return longestJson(field.message, seen);
  if (!hasOption(field, fieldRules)) return 64;
  const { type } = getOption(field, fieldRules);
  // A character beyond the basic plane takes two escapes of six.
  return type.case === 'string' ? 12 * Number(type.value.maxLen || type.value.len) : 64;
}

const proto = (bytes: Uint8Array) => protoCodec.decode(ListUsersRequestSchema, bytes);
const json = (text: string) => parseJsonMessage(ListUsersRequestSchema, Buffer.from(text));
const refusal = (read: () => unknown): string => {
  try {
    read();
    return 'read';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

const varint = (value: number): number[] =>
  value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >> 7)];
const inside = (tag: number, bytes: Uint8Array) =>
  Buffer.concat([Buffer.from([tag, ...varint(bytes.length)]), bytes]);
const times = (count: number, ...bytes: number[]) =>
  Buffer.concat(Array.from({ length: count }, () => Buffer.from(bytes)));

describe('what a message holds', () => {
  // SearchQuery.in_user_ids_query is 10, InUserIDQuery.user_ids is 1, ListUsersRequest.queries is 3.
  const ids = (count: number) => inside(0x1a, inside(0x52, times(count, 0x0a, 1, 0x61)));
  const idsJson = (count: number) =>
    JSON.stringify({ queries: [{ inUserIdsQuery: { userIds: Array.from({ length: count }, () => 'a') } }] });

  test('a list takes as many elements as its rule says', () => {
    expect([refusal(() => proto(ids(1_000))), refusal(() => json(idsJson(1_000)))]).toEqual(['read', 'read']);
    const beyond = '[invalid_argument] user_ids: must contain no more than 1000 item(s)';
    expect([refusal(() => proto(ids(1_001))), refusal(() => json(idsJson(1_001)))]).toEqual([beyond, beyond]);
    const queries = '[invalid_argument] queries: must contain no more than 100 item(s)';
    expect(refusal(() => proto(times(600, 0x1a, 0)))).toBe(queries);
    expect(refusal(() => json(`{"queries":[${'{},'.repeat(600)}{}]}`))).toBe(queries);
  });

  test('a message takes 16384 values', () => {
    // ListUsersRequest.sorting_column is 2.
    expect(refusal(() => proto(times(16_384, 0x10, 1)))).toBe('read');
    expect(refusal(() => proto(times(16_385, 0x10, 1)))).toMatch('no more than 16384 values');
    const unknown = (values: number) => `{"x":[${'1,'.repeat(values - 4)}1]}`;
    expect(refusal(() => json(unknown(16_384)))).toBe('read');
    expect(refusal(() => json(unknown(16_386)))).toMatch('no more than 16384 values');
    expect(refusal(() => json(`{"x":"${',[{'.repeat(16_384)}"}`))).toBe('read');
  });

  test('a binary one takes 1000 fields that nobody knows, in groups or not', () => {
    expect(refusal(() => proto(times(1_000, 0x78, 1)))).toBe('read');
    expect(refusal(() => proto(times(1_001, 0x78, 1)))).toMatch('no more than 1000 unknown fields');
    const group = (count: number) =>
      Buffer.concat([Buffer.from([0x7b]), times(count, 0x78, 1), Buffer.from([0x7c])]);
    expect(refusal(() => proto(group(999)))).toBe('read');
    expect(refusal(() => proto(group(1_000)))).toMatch('no more than 1000 unknown fields');
    expect(refusal(() => proto(times(2_000, 0x7b)))).toMatch(/nested deeper|unknown fields/);
  });

  test('what it does not know is not kept', () => {
    expect(proto(Buffer.from([0x78, 1])).$unknown).toBeUndefined();
    expect(create(HealthCheckRequestSchema).$unknown).toBeUndefined();
  });

  test('a number of 64 digits is looked at, a longer one is not', () => {
    const offset = (digits: number) =>
      json(`{"query":{"offset":"${'0'.repeat(digits - 1)}7"},"x":"${'y'.repeat(1_100)}"}`);
    expect(refusal(() => offset(64))).toBe('read');
    expect(refusal(() => offset(65))).toMatch('offset does not hold a valid');
    expect(refusal(() => json(`{"query":{"offset":"${'1'.repeat(250_000)}"}}`))).toMatch(
      'offset does not hold a valid',
    );
  });

  test('the same holds where it comes compressed, and in every number of a query string', async () => {
    const body = gzipSync(idsJson(1_001));
    expect(gunzipSync(body).length).toBeGreaterThan(4_000);
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip', authorization };
    const answer = await wire.send({ version: 2, verb: 'POST', path: '/v2/users', headers, body });
    expect([answer.status, JSON.parse(answer.body.toString()).message]).toEqual([
      400,
      'user_ids: must contain no more than 1000 item(s)',
    ]);
    const path = `/latchkey/v1/organizations?query.offset=${'1'.repeat(65)}`;
    const asked = await wire.send({
      version: 1,
      verb: 'GET',
      path,
      headers: { authorization },
      body: Buffer.alloc(0),
    });
    expect([asked.status, JSON.parse(asked.body.toString()).message]).toEqual([
      400,
      'parameter query.offset: not a valid uint64',
    ]);
  });
});
