/** What is done for a caller before they have shown a token: nothing of their body is looked at, nor waited for. */
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { dialects } from '../support/dialects/all.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { openWire, type Wire, type WireAnswer } from '../support/wire.ts';

const resources = new AsyncDisposableStack();
let server: TestServer;
let wire: Wire;

beforeAll(async () => {
  server = resources.use(await startServer());
  wire = resources.use(openWire(server.url));
  await server.people.organization('home');
});
afterAll(() => resources.disposeAsync());

const unlock = '/zitadel.user.v2.UserService/UnlockUser';
const restUnlock = '/v2/users/u1/unlock';

/** The HTTP status, or the status of gRPC. */
function codeOf({ status, headers, trailers, body }: WireAnswer): string {
  const inBody = /grpc-status: (\d+)/.exec(body.toString())?.[1];
  const asText = /grpc-status: (\d+)/.exec(Buffer.from(body.toString(), 'base64').toString())?.[1];
  return headers['grpc-status'] ?? trailers['grpc-status'] ?? inBody ?? asText ?? String(status);
}

const bodies: Readonly<Record<string, Buffer>> = {
  malformed: Buffer.from('{"userId":'),
  'no envelope, no base64': Buffer.from([0xff, 0xff, 0xff]),
  'far too large': Buffer.alloc(300 * 1_024, 'x'),
  empty: Buffer.alloc(0),
};

describe.each(dialects.filter(({ client }) => client === 'bare'))('$name', ({
  http: version,
  url,
  contentType,
}) => {
  test.each(Object.keys(bodies))('a stranger with a body that is %s is asked for a token', async (kind) => {
    const path = url === 'rest' ? restUnlock : unlock;
    const headers = { 'content-type': contentType };
    const answer = await wire.send({
      version,
      verb: 'POST',
      path,
      headers,
      body: bodies[kind] ?? Buffer.alloc(0),
    });
    expect(codeOf(answer)).toMatch(/^(401|16)$/);
  });

  test.each([
    ['an unknown encoding', { 'content-encoding': 'snappy', 'grpc-encoding': 'snappy' }],
    ['a deadline that is none', { 'connect-timeout-ms': 'soon', 'grpc-timeout': 'soon' }],
    ['a compressed body', { 'content-encoding': 'gzip', 'grpc-encoding': 'gzip' }],
  ])('so is one with %s', async (_, extra) => {
    const path = url === 'rest' ? restUnlock : unlock;
    const headers = { 'content-type': contentType, ...(extra as Record<string, string>) };
    const body = gzipSync(Buffer.alloc(1_048_576));
    expect(codeOf(await wire.send({ version, verb: 'POST', path, headers, body }))).toMatch(/^(401|16)$/);
  });
});

describe('a body that has not come', () => {
  const headers = { 'content-type': 'application/json' };

  test.each([unlock, restUnlock])('HTTP/1.1, %s: the answer does not wait for it', async (path) => {
    for (const framing of [{ 'content-length': '1048576' }, { 'transfer-encoding': 'chunked' }]) {
      const req = http.request(`${server.url}${path}`, {
        method: 'POST',
        headers: { ...headers, ...framing },
      });
      req.on('error', () => undefined);
      req.flushHeaders();
      const [res] = (await once(req, 'response')) as [http.IncomingMessage];
      expect(res.statusCode).toBe(401);
      req.destroy();
    }
  });

  test.each([unlock, restUnlock])('HTTP/2, %s: the answer does not wait for it', async (path) => {
    const session = http2.connect(server.url);
    const stream = session.request({ ':method': 'POST', ':path': path, ...headers }, { endStream: false });
    const [answer] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
    expect(answer[':status']).toBe(401);
    session.destroy();
  });
});

describe('a token that ends while the body is on its way', () => {
  const roles = [{ role: 'ORG_OWNER', organization: 'home' }];
  const body = '{"reason":"late"}';

  async function callerAndTarget() {
    const { people } = server;
    const callerId = await people.user({ organization: 'home', kind: 'machine' });
    for (const role of roles) await people.grant(callerId, role);
    const token = await people.token(callerId);
    const userId = await people.user({ organization: 'home', state: 'locked' });
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    return { callerId, headers, path: `/v2/users/${userId}/unlock` };
  }

  test('HTTP/1.1: the call is refused', async () => {
    const { callerId, headers, path } = await callerAndTarget();
    const req = http.request(`${server.url}${path}`, { method: 'POST', headers });
    req.write(body.slice(0, 5));
    await answerOfAnother();
    await server.people.act(callerId, 'lock');
    req.end(body.slice(5));
    const [res] = (await once(req, 'response')) as [http.IncomingMessage];
    res.resume();
    expect(res.statusCode).toBe(401);
  });

  test('HTTP/2: the call is refused', async () => {
    const { callerId, headers, path } = await callerAndTarget();
    const session = http2.connect(server.url);
    const stream = session.request({ ':method': 'POST', ':path': path, ...headers }, { endStream: false });
    stream.write(body.slice(0, 5));
    await answerOfAnother();
    await server.people.act(callerId, 'lock');
    stream.end(body.slice(5));
    const [answer] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
    expect(answer[':status']).toBe(401);
    session.destroy();
  });

  // By then the server has seen what was sent before.
  async function answerOfAnother() {
    const headers = { 'content-type': 'application/json', authorization: 'Bearer 1.nobody' };
    for (let i = 0; i < 5; i += 1) {
      await wire.send({ version: 1, verb: 'POST', path: unlock, headers, body: Buffer.from('{}') });
    }
  }
});
