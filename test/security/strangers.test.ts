import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import { create, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { HealthCheckRequestSchema } from '../../gen/es/grpc/health/v1/health_pb.js';
import { ServerReflectionRequestSchema } from '../../gen/es/grpc/reflection/v1/reflection_pb.js';
import { startServer, type TestServer } from '../support/start-server.ts';

let server: TestServer;
let token: string;

beforeAll(async () => {
  server = await startServer();
  await server.people.organization('acme');
  token = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER_VIEWER'] });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const watch = '/grpc.health.v1.Health/Watch';
const reflect = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';

function connect(localAddress = '127.0.0.1', { port, url } = server): http2.ClientHttp2Session {
  const createConnection = () => net.connect({ port, host: '127.0.0.1', localAddress });
  return http2.connect(url, { createConnection }).on('error', () => undefined);
}

function envelope(message: Uint8Array): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(5), message]);
  bytes.writeUInt32BE(message.length, 1);
  return bytes;
}

function begin(session: http2.ClientHttp2Session, path: string): http2.ClientHttp2Stream {
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
  return stream.on('error', () => undefined);
}

/** The gRPC status in headers or trailers; `open` where a message comes first. */
async function statusOf(stream: http2.ClientHttp2Stream): Promise<string> {
  const message = once(stream, 'data').then(() => 'open');
  const trailers = once(stream, 'trailers').then(([fields]) => String(fields['grpc-status']));
  const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
  const early = headers['grpc-status'];
  return early === undefined ? Promise.race([message, trailers]) : String(early);
}

test.each([
  ['REST', { ':path': '/v2/users/me', ':method': 'GET' }],
  [
    'gRPC',
    {
      ':path': '/zitadel.user.v2.UserService/GetUserByID',
      ':method': 'POST',
      'content-type': 'application/grpc',
    },
  ],
])('after the first valid token a connection has all its streams, and not before: %s', async (_what, call) => {
  const session = connect();
  await once(session, 'remoteSettings');
  const ask = async (authorization: string) => {
    const stream = session.request({ ...call, authorization });
    if (call[':method'] === 'POST') stream.end(envelope(new Uint8Array()));
    await once(stream.resume(), 'close');
    await new Promise<void>((resolve) => session.ping(() => resolve()));
    return session.remoteSettings.maxConcurrentStreams;
  };
  expect(await ask('Bearer nobody.knows')).toBe(32);
  expect(await ask(`Bearer ${token}`)).toBe(256);
  session.close();
});

describe('a watch of health', () => {
  const message = (bytes: number) => {
    const service = 'x'.repeat(bytes - 3);
    return envelope(toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema, { service })));
  };

  test.each([
    [1_024, 'open'],
    [1_025, '8'],
  ])('takes a message of %d bytes: %s', async (bytes, status) => {
    const session = connect();
    const stream = begin(session, watch);
    stream.end(message(bytes));
    expect(await statusOf(stream)).toBe(status);
    session.destroy();
  });
});

describe('places for reflection', () => {
  const listing = envelope(
    toBinary(
      ServerReflectionRequestSchema,
      create(ServerReflectionRequestSchema, { messageRequest: { case: 'listServices', value: '' } }),
    ),
  );
  async function hold(address: string, count: number, at = server) {
    const sessions = Array.from({ length: Math.ceil(count / 25) }, () => connect(address, at));
    const streams = Array.from({ length: count }, (_none, nth) => {
      const session = sessions[nth % sessions.length];
      if (session === undefined) throw new Error('no session');
      const stream = begin(session, reflect);
      stream.write(listing);
      return stream;
    });
    return { sessions, streams, statuses: await Promise.all(streams.map(statusOf)) };
  }

  test('are shared by address: who holds all of them gives one up for each newcomer', async () => {
    const greedy = await hold('127.0.0.2', 100);
    expect(new Set(greedy.statuses)).toEqual(new Set(['open']));
    const newcomer = await hold('127.0.0.3', 10);
    expect(new Set(newcomer.statuses)).toEqual(new Set(['open']));
    while (greedy.streams.filter(({ closed }) => closed).length < 10) await new Promise(setImmediate);
    // Its own places are its own: one more of them is refused.
    expect((await hold('127.0.0.2', 1)).statuses).toEqual(['8']);
    expect(newcomer.streams.filter(({ closed }) => closed)).toEqual([]);
    expect(greedy.streams.filter(({ closed }) => closed)).toHaveLength(10);
    for (const { sessions } of [greedy, newcomer]) for (const session of sessions) session.destroy();
  });

  test('come back from whoever takes nothing and only sends PINGs', async () => {
    await using hasty = await startServer({ flags: ['--idle-timeout-ms', '800'] });
    const sessions = Array.from({ length: 4 }, () =>
      http2.connect(hasty.url, { settings: { initialWindowSize: 0 } }).on('error', () => undefined),
    );
    const pings = setInterval(() => {
      for (const session of sessions) if (!session.closed) session.ping(() => undefined);
    }, 50);
    const ended = sessions.flatMap((session) =>
      Array.from({ length: 25 }, async () => {
        const stream = begin(session, reflect);
        stream.write(listing);
        const closed = once(stream, 'close');
        const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
        await closed;
        return [headers['grpc-status'], stream.rstCode];
      }),
    );
    // Each had a place, until it was taken away.
    expect(new Set((await Promise.all(ended)).map(String))).toEqual(
      new Set([String([undefined, http2.constants.NGHTTP2_CANCEL])]),
    );
    clearInterval(pings);
    for (const session of sessions) session.destroy();

    const next = await hold('127.0.0.2', 100, hasty);
    expect(new Set(next.statuses)).toEqual(new Set(['open']));
    for (const session of next.sessions) session.destroy();
  });
});

describe('streaming calls of an address without a token', () => {
  /** How it begins: `open`, or `refused`. */
  function outcomeOf(stream: http2.ClientHttp2Stream): Promise<string> {
    return new Promise((resolve) => {
      stream.once('response', () => resolve('open'));
      stream.once('close', () => resolve(`closed with ${stream.rstCode}`));
    });
  }
  const watchOn = (session: http2.ClientHttp2Session): http2.ClientHttp2Stream =>
    begin(session, watch).end(envelope(new Uint8Array()));

  test('are 512, and 20 more a second; the next is refused, but not with a token or from elsewhere', async () => {
    const startedMs = performance.now();
    const sessions = Array.from({ length: 30 }, () => connect('127.0.0.4'));
    const outcomes = await Promise.all(
      sessions.flatMap((session) => Array.from({ length: 30 }, () => outcomeOf(watchOn(session)))),
    );
    const seconds = (performance.now() - startedMs) / 1_000;
    const open = outcomes.filter((outcome) => outcome === 'open').length;
    expect(open).toBeGreaterThanOrEqual(512);
    expect(open).toBeLessThanOrEqual(Math.ceil(512 + 20 * seconds));
    expect(new Set(outcomes)).toEqual(
      new Set(['open', `closed with ${http2.constants.NGHTTP2_REFUSED_STREAM}`]),
    );

    const known = connect('127.0.0.4');
    const headers = { ':path': '/v2/users/me', ':method': 'GET', authorization: `Bearer ${token}` };
    await once(known.request(headers).resume(), 'close');
    expect(await outcomeOf(watchOn(known))).toBe('open');
    const elsewhere = connect('127.0.0.6');
    expect(await outcomeOf(watchOn(elsewhere))).toBe('open');
    for (const session of [...sessions, known, elsewhere]) session.destroy();
  });
});
