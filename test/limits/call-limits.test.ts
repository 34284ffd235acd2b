import http2 from 'node:http2';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseServeConfig } from '../../src/app/config.ts';
import type { Store } from '../../src/store/store.ts';
import { type Clients, type Dialect, dialects, openClients, restDialect } from '../support/dialects/all.ts';
import { type Ask, sendBare } from '../support/dialects/bare.ts';
import { startServer, type TestServer, type TestServerOptions } from '../support/start-server.ts';
import { openWire, type Wire, type WireAnswer } from '../support/wire.ts';

const resources = new AsyncDisposableStack();
afterAll(() => resources.disposeAsync());

interface Started {
  readonly server: TestServer;
  readonly clients: Clients;
  readonly wire: Wire;
}

async function start(flags: readonly string[], options: TestServerOptions = {}): Promise<Started> {
  const server = resources.use(await startServer({ ...options, flags }));
  await server.people.organization('acme');
  await server.people.user({ organization: 'acme', userId: 'ada' });
  return {
    server,
    clients: resources.use(openClients(server.url)),
    wire: resources.use(openWire(server.url)),
  };
}

const newToken = ({ server }: Started): Promise<string> =>
  server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });

const ask = (token: string | undefined, from?: string): Ask => ({
  method: 'ListUsers',
  message: {},
  token,
  ...(from !== undefined && { headers: { 'x-forwarded-for': from } }),
});

const refused = (limit: string, retryDelay: string) => ({
  ok: false,
  code: 'ResourceExhausted',
  message: 'Too many calls, please try again later (LATCH-t00fast1)',
  details: [
    {
      type: 'zitadel.v1.ErrorDetail',
      id: 'LATCH-t00fast1',
      message: 'Too many calls, please try again later',
    },
    { type: 'google.rpc.ErrorInfo', reason: 'TOO_MANY_CALLS', domain: 'latchkey', metadata: { limit } },
    { type: 'google.rpc.RetryInfo', retryDelay },
  ],
});

/** What `retry-after` says, wherever the dialect puts it. */
function retryAfter({ headers, trailers, body }: WireAnswer, { frame }: Dialect): string | undefined {
  if (!frame.startsWith('web')) return headers['retry-after'] ?? trailers['retry-after'];
  const text = frame === 'web' ? body.toString() : Buffer.from(body.toString(), 'base64').toString();
  return /^retry-after: (\d+)\r$/m.exec(text)?.[1];
}

describe('a token that may make two calls a second, ten at once', () => {
  let started: Started;
  beforeAll(async () => {
    started = await start(['--calls-per-second-per-token', '2']);
  });

  test.each(dialects)('is refused the eleventh: $name', async (dialect) => {
    const { clients, server, wire } = started;
    const token = await newToken(started);
    for (let call = 0; call < 10; call += 1) {
      expect((await clients.ask(dialect, ask(token))).code).toBe('OK');
    }
    const answer = await clients.ask(dialect, ask(token));
    const [errorDetail, errorInfo, retryInfo] = refused('token', '0.500s').details;
    expect(answer).toMatchObject({ code: 'ResourceExhausted', details: [errorDetail, errorInfo, {}] });
    expect(answer.details[2]?.type).toBe(retryInfo?.type);
    if (answer.httpStatus !== undefined) {
      const isHttp = dialect.frame === 'rest' || dialect.frame === 'connect';
      expect(answer.httpStatus).toBe(isHttp ? 429 : 200);
    }
    expect(retryAfter(await sendBare(wire, dialect, ask(token)), dialect)).toBe('1');
    server.clock.nowMs += 500;
    expect((await clients.ask(dialect, ask(token))).code).toBe('OK');
    expect((await clients.ask(dialect, ask(token))).code).toBe('ResourceExhausted');
  });

  test('is another for every token, and nothing to those who have none', async () => {
    const { clients } = started;
    const [one, other] = [await newToken(started), await newToken(started)];
    for (let call = 0; call < 11; call += 1) await clients.ask(rest, ask(one));
    expect(await clients.ask(rest, ask(one))).toMatchObject(refused('token', '0.500s'));
    expect((await clients.ask(rest, ask(other))).code).toBe('OK');
    expect((await clients.ask(rest, ask('1.x'))).code).toBe('Unauthenticated');
  });

  test('is refused a stream too', async () => {
    const { clients, server } = started;
    const token = await newToken(started);
    for (let call = 0; call < 10; call += 1) await clients.ask(rest, ask(token));
    const path = '/latchkey.v1.AdminService/FollowEvents';
    const trailers = await grpcTrailers(server.url, path, { authorization: `Bearer ${token}` });
    expect(trailers).toMatchObject({ 'grpc-status': '8', 'retry-after': '1' });
  });
});

const rest: Dialect = { name: 'REST', client: 'bare', ...restDialect };

/** Of a gRPC call that is refused before any message. */
async function grpcTrailers(
  url: string,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<http2.IncomingHttpHeaders> {
  const session = http2.connect(url);
  const stream = session.request({
    ...headers,
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
  });
  stream.end(Buffer.alloc(5));
  stream.resume();
  const all = await new Promise<http2.IncomingHttpHeaders>((resolve, reject) => {
    let received: http2.IncomingHttpHeaders = {};
    stream.on('response', (head) => {
      received = head;
    });
    stream.on('trailers', (trailers) => {
      received = { ...received, ...trailers };
    });
    stream.on('close', () => resolve(received));
    stream.on('error', reject);
  });
  session.close();
  return all;
}

describe('an address that may make one call a second, five at once', () => {
  let started: Started;
  beforeAll(async () => {
    started = await start(['--calls-per-second-per-address', '1', '--trusted-proxies', '127.0.0.1']);
  });

  test.each(
    dialects.map((dialect, index) => ({ ...dialect, from: `198.51.100.${index}` })),
  )('is refused the sixth, whatever its tokens: $name', async ({ from, ...dialect }) => {
    const { clients } = started;
    for (let call = 0; call < 5; call += 1) {
      expect((await clients.ask(dialect, ask(await newToken(started), from))).code).toBe('OK');
    }
    const answer = await clients.ask(dialect, ask(await newToken(started), from));
    expect(answer).toMatchObject({
      code: 'ResourceExhausted',
      details: [{}, { metadata: { limit: 'address' } }, {}],
    });
  });

  test('stands, in IPv6, for its network of 64 bits', async () => {
    const { clients } = started;
    const token = await newToken(started);
    for (let host = 1; host <= 5; host += 1) await clients.ask(rest, ask(token, `2001:db8:1:2::${host}`));
    const neighbour = ask(token, '2001:db8:1:2:ffff::1');
    expect(await clients.ask(rest, neighbour)).toMatchObject(refused('address', '1s'));
    expect((await clients.ask(rest, ask(token, '2001:db8:1:3::1'))).code).toBe('OK');
  });

  test('counts health and reflection, which take no token', async () => {
    const { server } = started;
    const from = { 'x-forwarded-for': '203.0.113.1' };
    for (let call = 0; call < 4; call += 1) {
      expect(await grpcTrailers(server.url, '/grpc.health.v1.Health/Check', from)).toMatchObject({
        'grpc-status': '0',
      });
    }
    await grpcTrailers(server.url, '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', from);
    for (const path of [
      '/grpc.health.v1.Health/Check',
      '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
    ]) {
      expect(await grpcTrailers(server.url, path, from)).toMatchObject({
        'grpc-status': '8',
        'retry-after': '1',
      });
    }
  });
});

test('x-forwarded-for from a peer that is no proxy gives nobody another address', async () => {
  const started = await start(['--calls-per-second-per-address', '1', '--trusted-proxies', '192.0.2.1']);
  const token = await newToken(started);
  for (let call = 1; call <= 5; call += 1) {
    expect((await started.clients.ask(rest, ask(token, `198.51.100.${call}`))).code).toBe('OK');
  }
  expect((await started.clients.ask(rest, ask(token, '198.51.100.6'))).code).toBe('ResourceExhausted');
});

test('without flags nothing is limited but calls without a valid token', () => {
  expect(parseServeConfig([])).toMatchObject({
    callsPerSecondPerToken: 0,
    callsPerSecondPerAddress: 0,
    refusedPerSecondPerAddress: 20,
  });
});

describe('an address that shows no valid token', () => {
  let started: Started;
  let looks = 0;
  const counting = (store: Store): Store => ({
    ...store,
    loadToken(tokenId) {
      looks += 1;
      return store.loadToken(tokenId);
    },
  });
  beforeAll(async () => {
    const flags = ['--refused-per-second-per-address', '20', '--trusted-proxies', '127.0.0.1'];
    started = await start(flags, { wrapStore: counting });
  });

  test.each([
    ['wrong tokens', '1.x'],
    ['tokens of no form', 'x'],
    ['no token at all', undefined],
  ])('is heard a hundred times at once, then not, not even with a good one: %s', async (kind, token) => {
    const { clients, server } = started;
    const valid = await newToken(started);
    const from = `198.51.100.${kind.length}`;
    for (let call = 0; call < 100; call += 1) {
      expect((await clients.ask(rest, ask(token, from))).code).toBe('Unauthenticated');
    }
    const before = looks;
    expect(await clients.ask(rest, ask(token, from))).toMatchObject(refused('refused', '0.050s'));
    expect(await clients.ask(rest, ask(valid, from))).toMatchObject(refused('refused', '0.050s'));
    expect(looks).toBe(before);
    expect((await clients.ask(rest, ask(valid, '203.0.113.77'))).code).toBe('OK');
    server.clock.nowMs += 50;
    expect((await clients.ask(rest, ask(valid, from))).code).toBe('OK');
    expect((await clients.ask(rest, ask(token, from))).code).toBe('Unauthenticated');
    expect((await clients.ask(rest, ask(token, from))).code).toBe('ResourceExhausted');
  });

  test('is heard with a token that has worked before, until that very token fails', async () => {
    const { clients } = started;
    const worked = await newToken(started);
    const from = '198.51.100.202';
    expect((await clients.ask(rest, ask(worked, '203.0.113.78'))).code).toBe('OK');
    for (let call = 0; call < 101; call += 1) await clients.ask(rest, ask('1.x', from));
    for (let call = 0; call < 200; call += 1) {
      expect((await clients.ask(rest, ask(worked, from))).code).toBe('OK');
    }
    expect((await clients.ask(rest, ask('1.x', from))).code).toBe('ResourceExhausted');
    // Who knows no more than the id of a token, which is no secret, neither has it forgotten nor is heard for it.
    const guessed = `${worked.split('.')[0]}.${'x'.repeat(43)}`;
    expect((await clients.ask(rest, ask(guessed, from))).code).toBe('ResourceExhausted');
    expect((await clients.ask(rest, ask(guessed, '203.0.113.79'))).code).toBe('Unauthenticated');
    expect((await clients.ask(rest, ask(worked, from))).code).toBe('OK');
    expect((await clients.ask(rest, ask(`${worked}x`, from))).code).toBe('Unauthenticated');
    for (const token of [`${worked}x`, worked]) {
      expect((await clients.ask(rest, ask(token, from))).code).toBe('ResourceExhausted');
    }
    expect((await clients.ask(rest, ask(worked, '203.0.113.78'))).code).toBe('OK');
    expect((await clients.ask(rest, ask(worked, from))).code).toBe('OK');
  });

  test('is charged for every one of many calls at once', async () => {
    const { clients, server } = started;
    const from = '198.51.100.200';
    const http2Rest = { ...rest, http: 2 } as const;
    await Promise.all(Array.from({ length: 200 }, () => clients.ask(http2Rest, ask('1.x', from))));
    server.clock.nowMs += 40;
    expect((await clients.ask(rest, ask('1.x', from))).code).toBe('ResourceExhausted');
  });

  test('a call that fails for another reason is not counted', async () => {
    const { clients } = started;
    const nobody = await started.server.people.caller({ organization: 'acme', roles: [] });
    const from = '198.51.100.201';
    for (let call = 0; call < 110; call += 1) {
      expect((await clients.ask(rest, ask(nobody, from))).code).toBe('PermissionDenied');
    }
  });
});
