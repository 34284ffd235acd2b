import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openApp } from '../../src/app/app.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import { type ChildServer, standBy } from '../support/child-server.ts';
import { createPeople } from '../support/people.ts';
import { seededRandom } from '../support/random.ts';
import { connectRaw, endHeaders, frame, frameType, postHeaders, preface } from './clients/clients.ts';
import { holdConnections } from './clients/hold-connections.ts';
import { makeKeyPair } from './doors/key-pair.ts';

const resources = new AsyncDisposableStack();
let server: ChildServer;
let port: number;
let token: string;
/** Each way into the port, and a user of its own to lock and unlock. */
let ways: readonly Way[];
let folder: string;

interface Way {
  readonly userId: string;
  post(path: string, body: string | Buffer): Promise<number>;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-port-'));
  resources.defer(() => rm(folder, { recursive: true }));
  const { certPath, keyPath } = resources.use(await makeKeyPair());
  const tls = ['--tls-cert', certPath, '--tls-key', keyPath, '--plaintext', 'allowed'];
  const standby = resources.use(standBy(['--data', folder, '--drain-timeout-ms', '500', ...tls]));
  server = await standby.start();
  port = Number(new URL(server.url).port);
  token = (await readFile(join(folder, 'admin-token'), 'utf8')).trim();
  const [plain, secure] = [`http://127.0.0.1:${port}`, `https://127.0.0.1:${port}`];
  ways = await createWays([
    overHttp1(plain, http.request, resources.adopt(new http.Agent({ keepAlive: true }), closeAgent)),
    overHttp1(secure, https.request, resources.adopt(new https.Agent({ keepAlive: true }), closeAgent)),
    overHttp2(resources.adopt(http2.connect(plain, roomy), closeSession)),
    overHttp2(resources.adopt(http2.connect(secure, { ...roomy, ...trustAnybody }), closeSession)),
  ]);
});
afterAll(() => resources.disposeAsync());

// Node's client resets every answer while it holds more than ten megabytes of its own body; the server is not to blame.
const roomy = { maxSessionMemory: 64 };
const trustAnybody = { rejectUnauthorized: false };
const closeAgent = (agent: http.Agent): void => agent.destroy();
const closeSession = (session: http2.ClientHttp2Session): void => session.destroy();
const headers = () => ({ authorization: `Bearer ${token}`, 'content-type': 'application/json' });

function overHttp1(url: string, request: typeof http.request, agent: http.Agent): Way['post'] {
  return async (path, body) => {
    const req = request(`${url}${path}`, { method: 'POST', headers: headers(), agent, ...trustAnybody });
    // A refused body ends the connection while the rest of it is still being sent.
    req.on('error', () => undefined);
    req.end(body);
    const [res] = (await once(req, 'response')) as [http.IncomingMessage];
    await text(res);
    return res.statusCode ?? 0;
  };
}

function overHttp2(session: http2.ClientHttp2Session): Way['post'] {
  return async (path, body) => {
    const stream = session.request({ ...headers(), ':method': 'POST', ':path': path });
    const answered = once(stream, 'response');
    stream.on('error', () => undefined);
    stream.end(body);
    // Read from the start: Node's client drops an answer that came whole before anybody asked for its body.
    const [[answer]] = (await Promise.all([answered, text(stream)])) as [[http2.IncomingHttpHeaders], string];
    return Number(answer[':status']);
  };
}

async function createWays(posts: readonly Way['post'][]): Promise<readonly Way[]> {
  await using app = await openApp({
    database: join(folder, 'latchkey.db'),
    passwordAttemptsMax: 5,
    logLevel: 'silent',
  });
  const people = createPeople(app);
  await people.organization('acme');
  return await Promise.all(
    posts.map(async (post) => ({
      post,
      userId: await people.user({ organization: 'acme', kind: 'machine' }),
    })),
  );
}

/** Locks and unlocks over each way at once, so many times; what each call was answered with. */
async function othersAreAnswered(times: number): Promise<void> {
  const answers = ways.map(async ({ post, userId }) => {
    const statuses: number[] = [];
    for (let turn = 0; turn < times; turn += 1) {
      for (const action of ['lock', 'unlock'])
        statuses.push(await post(`/v2/users/${userId}/${action}`, '{}'));
    }
    return statuses;
  });
  expect(await Promise.all(answers)).toEqual(ways.map(() => Array(2 * times).fill(200)));
}

test('plain and TLS, HTTP/1.1 and HTTP/2 clients are answered at once', async () => {
  expect(server.url).toBe(`https://127.0.0.1:${port}`);
  await othersAreAnswered(25);
  await using app = await openApp({
    database: join(folder, 'latchkey.db'),
    passwordAttemptsMax: 5,
    logLevel: 'silent',
  });
  expect(await verify(app.store)).toMatchObject({ problems: [] });
});

describe('others are answered, and memory is bounded, amid', () => {
  let before: number;
  beforeAll(async () => {
    before = await server.residentKilobytes();
  });
  afterAll(async () => {
    const grown = (await server.residentKilobytes()) - before;
    process.stdout.write(`the server holds ${Math.round(grown / 1024)} MiB more than before\n`);
    expect(grown).toBeLessThan(300 * 1024);
  });

  test('ten thousand connections that say nothing', async () => {
    await using held = await holdConnections(port, 10_000);
    await othersAreAnswered(5);
    expect(held.count).toBeGreaterThanOrEqual(1_000);
  });

  test('clients that send their headers, bodies, prefaces and handshakes drop by drop', async () => {
    const beginnings = [
      'GET / HTTP/1.1\r\nhost: x\r\nx-slow: ',
      'POST /v2/users HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{',
      'PRI * HTTP/2.0\r\n\r\nSM',
      '\x16\x03\x01\x05',
    ];
    const slow = await Promise.all(Array.from({ length: 400 }, () => connectRaw(port)));
    for (const [nth, { socket }] of slow.entries()) socket.write(beginnings[nth % 4] ?? '', 'latin1');
    for (let drop = 0; drop < 3; drop += 1) {
      for (const { socket } of slow) if (socket.writable) socket.write('x');
      await othersAreAnswered(2);
    }
    for (const { socket, done } of slow) {
      socket.destroy();
      await done;
    }
  });

  test('bodies of ten megabytes, which are refused', async () => {
    const body = Buffer.alloc(10 * 1024 * 1024, '{"userId":"');
    const [big] = await Promise.all([
      Promise.allSettled(ways.map(({ post }) => post('/v2/users', body))),
      othersAreAnswered(5),
    ]);
    for (const outcome of big) if (outcome.status === 'fulfilled') expect(outcome.value).toBe(429);
    expect(big.some(({ status }) => status === 'fulfilled')).toBe(true);
  });

  test('streams that are opened and cancelled as fast as they go', async () => {
    const cancel = Buffer.from([0, 0, 0, http2.constants.NGHTTP2_CANCEL]);
    const reset = async () => {
      const { socket, done } = await connectRaw(port);
      socket.write(preface);
      for (let stream = 1; stream < 40_000 && socket.writable; ) {
        const batch: Buffer[] = [];
        for (const end = stream + 400; stream < end; stream += 2) {
          batch.push(frame({ type: frameType.headers, flags: endHeaders, stream, payload: postHeaders }));
          batch.push(frame({ type: frameType.reset, stream, payload: cancel }));
        }
        await new Promise((resolve) => socket.write(Buffer.concat(batch), resolve));
      }
      // Cut off by the server, long before the last of them.
      await done;
    };
    await Promise.all([...Array.from({ length: 4 }, reset), othersAreAnswered(5)]);
  });

  test('bytes that mean nothing', async () => {
    const random = seededRandom(8);
    const garbage = async (nth: number) => {
      const { socket, done } = await connectRaw(port);
      const bytes = Buffer.from(Array.from({ length: 4_096 }, () => Math.floor(random() * 256)));
      // Of each kind of beginning a share: HTTP/1.1, HTTP/2, TLS.
      socket.end(Buffer.concat([[Buffer.alloc(0), preface, Buffer.of(0x16, 3, 1)][nth % 3] ?? bytes, bytes]));
      return (await done).toString('latin1');
    };
    const [ends] = await Promise.all([
      Promise.all(Array.from({ length: 150 }, (_none, nth) => garbage(nth))),
      othersAreAnswered(5),
    ]);
    expect(ends.filter((end) => /^HTTP\/1.1 (?!4)/.test(end))).toEqual([]);
  });
});

test('after all that, the server ends cleanly', async () => {
  server.kill('SIGTERM');
  expect(await server.exited).toBe('exit 0');
});
