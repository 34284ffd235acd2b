import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import http2 from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from '../../gen/es/grpc/health/v1/health_pb.js';
import { type App, openApp } from '../../src/app/app.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import { type ChildServer, standBy } from '../support/child-server.ts';
import { dialects } from '../support/dialects/all.ts';
import { askBare } from '../support/dialects/bare.ts';
import { createPeople, type People } from '../support/people.ts';
import { pick, seededRandom } from '../support/random.ts';
import { historyOf } from '../support/replay.ts';
import { openWire } from '../support/wire.ts';

let resources: AsyncDisposableStack;
let server: ChildServer;
let app: App;
let people: People;
let token: string;

beforeEach(() => {
  resources = new AsyncDisposableStack();
});
afterEach(() => resources.disposeAsync());

/** A server in a process of its own, and the same database beside it. */
async function start(drainTimeoutMs: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-drain-'));
  resources.defer(() => rm(folder, { recursive: true }));
  const standby = resources.use(standBy(['--data', folder, '--drain-timeout-ms', String(drainTimeoutMs)]));
  server = await standby.start();
  token = (await readFile(join(folder, 'admin-token'), 'utf8')).trim();
  const database = join(folder, 'latchkey.db');
  app = resources.use(await openApp({ database, passwordAttemptsMax: 5, logLevel: 'silent' }));
  people = createPeople(app);
  await people.organization('acme');
}

const lockedUser = () => people.user({ organization: 'acme', kind: 'machine', state: 'locked' });
const typesOf = async (userId: string) => (await historyOf(app.store, userId)).map(({ type }) => type);

/** A call whose body is only begun: the server has it in flight until it is finished. */
interface BegunCall {
  /** Sends the rest; resolves to status and body. */
  finish(): Promise<{ readonly status: number; readonly body: string }>;
}

const path = (userId: string): string => `/v2/users/${userId}/unlock`;
const headers = () => ({ authorization: `Bearer ${token}`, 'content-type': 'application/json' });

async function beginHttp1(userId: string): Promise<BegunCall> {
  const expecting = { ...headers(), expect: '100-continue', 'content-length': 2 };
  const req = http.request(`${server.url}${path(userId)}`, {
    method: 'POST',
    headers: expecting,
    agent: false,
  });
  req.on('error', () => undefined);
  req.flushHeaders();
  // The server's own word that it has the request.
  await once(req, 'continue');
  return {
    async finish() {
      const [res] = (await once(req.end('{}'), 'response')) as [http.IncomingMessage];
      return { status: res.statusCode ?? 0, body: await text(res) };
    },
  };
}

async function beginHttp2(session: http2.ClientHttp2Session, userId: string): Promise<BegunCall> {
  const stream = session.request({ ...headers(), ':method': 'POST', ':path': path(userId) });
  stream.on('error', () => undefined);
  stream.write('{');
  // What is answered after it on the same session says that the server has it.
  const probe = session.request({ ':path': '/healthz' });
  await once(probe, 'response');
  probe.resume();
  return {
    async finish() {
      const [answer] = (await once(stream.end('}'), 'response')) as [http2.IncomingHttpHeaders];
      return { status: Number(answer[':status']), body: await text(stream) };
    },
  };
}

function connectHttp2(): http2.ClientHttp2Session {
  const session = http2.connect(server.url).on('error', () => undefined);
  resources.defer(() => session.destroy());
  return session;
}

/** What the watch of a service is told, in order, to its end. */
function watchHealth(): AsyncIterator<{ readonly status: Status }> {
  const sessionManager = new Http2SessionManager(server.url);
  resources.defer(() => sessionManager.abort());
  const transport = createGrpcTransport({ baseUrl: server.url, sessionManager });
  return createClient(Health, transport).watch({ service: '' })[Symbol.asyncIterator]();
}

/** How a new connection is met. */
async function meet(): Promise<string> {
  const req = http.get(`${server.url}/readyz`, { agent: false });
  const [met] = await Promise.race([once(req, 'response'), once(req, 'error')]).catch((error) => [error]);
  req.destroy();
  return met.code ?? `status ${met.statusCode}`;
}

test('SIGTERM: readiness ends, what is in flight is answered, what is new is refused, and the exit is clean', async () => {
  await start(20_000);
  const [first, second] = [await lockedUser(), await lockedUser()];
  const session = connectHttp2();
  const calls = [await beginHttp1(first), await beginHttp2(session, second)];
  const statuses = watchHealth();
  expect((await statuses.next()).value?.status).toBe(Status.SERVING);
  expect(await meet()).toBe('status 200');

  const goaway = once(session, 'goaway');
  server.kill('SIGTERM');
  expect((await statuses.next()).value?.status).toBe(Status.NOT_SERVING);
  expect((await goaway)[0]).toBe(http2.constants.NGHTTP2_NO_ERROR);
  expect(await meet()).toBe('ECONNREFUSED');
  const [refused] = await once(session.request({ ':path': '/readyz' }), 'error');
  expect(refused.code).toBe('ERR_HTTP2_GOAWAY_SESSION');

  for (const call of calls) {
    const { status, body } = await call.finish();
    expect([status, JSON.parse(body)]).toEqual([
      200,
      { details: expect.objectContaining({ sequence: '3' }) },
    ]);
  }
  expect(await server.exited).toBe('exit 0');
  expect(await Promise.all([first, second].map(typesOf))).toEqual([unlocked, unlocked]);
});

const unlocked = ['user.machine.added', 'user.locked', 'user.unlocked'];

test.each([
  'SIGTERM',
  'SIGINT',
] as const)('%s: what hangs is cut, and the exit is clean all the same', async (signal) => {
  await start(300);
  const [first, second] = [await lockedUser(), await lockedUser()];
  const session = connectHttp2();
  await beginHttp1(first);
  await beginHttp2(session, second);
  const closed = once(session, 'close');
  server.kill(signal);
  expect(await server.exited).toBe('exit 0');
  await closed;
  expect(await Promise.all([first, second].map(typesOf))).toEqual([
    unlocked.slice(0, 2),
    unlocked.slice(0, 2),
  ]);
});

test('SIGTERM under load: every change was acknowledged, and every acknowledged change is there', async () => {
  await start(20_000);
  const userIds = await Promise.all(Array.from({ length: 4 }, lockedUser));
  const acknowledged: string[] = [];
  let isTold = false;
  const speakers = dialects.filter(({ client }) => client === 'bare');
  const talk = async (nth: number): Promise<string> => {
    const random = seededRandom(nth);
    const wire = resources.use(openWire(server.url));
    for (let turn = 0; turn < 10_000; turn += 1) {
      const [userId, method] = [pick(random, userIds), pick(random, ['LockUser', 'UnlockUser'] as const)];
      const speaker = speakers[nth % speakers.length] ?? never();
      const sent = askBare(wire, speaker, { method, message: { userId }, token });
      const answer = await sent.catch((error: unknown) => String(error));
      if (acknowledged.length >= 100 && !isTold) server.kill('SIGTERM');
      isTold ||= acknowledged.length >= 100;
      if (typeof answer === 'string') return answer;
      if (!answer.ok) expect(['FailedPrecondition', 'Aborted']).toContain(answer.code);
      else acknowledged.push(`${userId} ${(answer.response.details as { sequence: string }).sequence}`);
    }
    return 'never refused';
  };
  const ends = await Promise.all(Array.from({ length: 24 }, (_none, nth) => talk(nth)));
  expect(await server.exited).toBe('exit 0');
  // In words that let a client send the call again elsewhere: it was not begun.
  const refusals = /REFUSED_STREAM|GOAWAY|ECONNREFUSED|ECONNRESET|EPIPE|socket hang up/;
  expect(ends.filter((end) => !refusals.test(end))).toEqual([]);

  const recorded: string[] = [];
  for (const userId of userIds) {
    const events = (await historyOf(app.store, userId)).slice(2);
    recorded.push(...events.map(({ sequence }) => `${userId} ${sequence}`));
  }
  expect(recorded.toSorted()).toEqual(acknowledged.toSorted());
  expect(acknowledged.length).toBeGreaterThanOrEqual(100);
  expect(await verify(app.store)).toMatchObject({ problems: [] });
});

function never(): never {
  throw new Error('no such dialect');
}
