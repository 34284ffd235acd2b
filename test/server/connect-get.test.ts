/** Connect's GET: the message stands in the query, and what is wrong with it is answered as POST answers it. */
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startServer, type TestServer } from '../support/start-server.ts';
import { openWire, type Wire, type WireAnswer } from '../support/wire.ts';

const resources = new AsyncDisposableStack();
let server: TestServer;
let wire: Wire;
let headers: Record<string, string>;

beforeAll(async () => {
  server = resources.use(await startServer());
  wire = resources.use(openWire(server.url));
  await server.people.organization('home');
  await server.people.user({ organization: 'home', userId: 'ü1', userName: 'one' });
  const token = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
  headers = { authorization: `Bearer ${token}` };
});
afterAll(() => resources.disposeAsync());

const method = '/zitadel.user.v2.UserService/GetUserByID';
const json = '{"userId":"ü1"}';
const proto = Buffer.from([0x0a, 3, ...Buffer.from('ü1')]);
const url64 = (bytes: Buffer) => bytes.toString('base64url');
const percent = (bytes: Buffer) =>
  [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');

function get(query: string, version: 1 | 2 = 1, path = method): Promise<WireAnswer> {
  return wire.send({ version, verb: 'GET', path: `${path}?${query}`, headers, body: Buffer.alloc(0) });
}

describe.each([1, 2] as const)('HTTP/%i', (version) => {
  test.each([
    ['JSON', `encoding=json&message=${encodeURIComponent(json)}`],
    ['JSON, base64', `connect=v1&encoding=json&base64=1&message=${url64(Buffer.from(json))}`],
    [
      'JSON, padded base64',
      `encoding=json&base64=1&message=${encodeURIComponent(Buffer.from(json).toString('base64'))}`,
    ],
    ['JSON, gzip', `encoding=json&base64=1&compression=gzip&message=${url64(gzipSync(json))}`],
    ['proto, base64', `encoding=proto&base64=1&message=${url64(proto)}`],
    ['proto, percent-encoded', `encoding=proto&message=${percent(proto)}`],
    ['proto, Brotli', `encoding=proto&base64=1&compression=br&message=${url64(brotliCompressSync(proto))}`],
    ['the first of two', `encoding=json&message=${encodeURIComponent(json)}&message=%7B`],
  ])('%s', async (_, query) => {
    const answer = await get(query, version);
    expect(answer.status).toBe(200);
    expect(answer.body.toString()).toContain('ü1');
  });

  test.each([
    ['base64 of no message', 'encoding=json&base64=1&message=%7B'],
    ['no base64', 'encoding=proto&base64=1&message=***'],
    ['JSON as proto', 'encoding=proto&message=%7B%7D'],
    ['not compressed', 'encoding=json&compression=gzip&message=0'],
    ['not compressed, base64', 'encoding=json&base64=1&compression=br&message=AAAA'],
    ['half a percent', 'encoding=json&message=%7B%7'],
    ['malformed JSON', 'encoding=json&message=%7B'],
    ['no UTF-8', 'encoding=json&message=%ff'],
    ['no message', 'encoding=json'],
    ['a broken rule', 'encoding=json&message=%7B%7D'],
  ])('%s is invalid_argument', async (_, query) => {
    const answer = await get(query, version);
    expect([answer.status, JSON.parse(answer.body.toString()).code]).toEqual([400, 'invalid_argument']);
  });

  test('an unknown encoding of the message is 415, one of the bytes is unimplemented', async () => {
    expect((await get('encoding=xml&message=1', version)).status).toBe(415);
    expect((await get('message=1', version)).status).toBe(415);
    const answer = await get('encoding=json&compression=snappy&message=%7B%7D', version);
    expect([answer.status, answer.headers['accept-encoding']]).toEqual([501, 'gzip,br']);
  });

  test('a deadline that is over, or none', async () => {
    const query = `encoding=json&message=${encodeURIComponent(json)}`;
    const send = (timeout: string) => {
      const all = { ...headers, 'connect-timeout-ms': timeout };
      return wire.send({
        version,
        verb: 'GET',
        path: `${method}?${query}`,
        headers: all,
        body: Buffer.alloc(0),
      });
    };
    expect((await send('0')).status).toBe(504);
    expect((await send('soon')).status).toBe(400);
    expect((await send('5000')).status).toBe(200);
  });

  test('what changes something is not got', async () => {
    const answer = await get(
      'encoding=json&message=%7B%7D',
      version,
      '/zitadel.user.v2.UserService/UnlockUser',
    );
    expect([answer.status, answer.headers.allow]).toEqual([405, 'POST']);
  });
});
