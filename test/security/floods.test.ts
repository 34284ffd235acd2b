import { once } from 'node:events';
import http2 from 'node:http2';
import { create, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ServerReflectionRequestSchema } from '../../gen/es/grpc/reflection/v1/reflection_pb.js';
import type { Store } from '../../src/store/store.ts';
import { connectRaw } from '../server/clients/clients.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { longRun } from '../unlock-run/runs.ts';

let server: TestServer;
let token: string;
let runId: string;
const probes = { asked: 0, answered: Promise.resolve(true) };

function counting(store: Store): Store {
  return {
    ...store,
    isReady() {
      probes.asked += 1;
      return probes.answered;
    },
  };
}

beforeAll(async () => {
  server = await startServer({ wrapStore: counting });
  await server.people.organization('acme');
  token = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER_VIEWER'] });
  const owner = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
  runId = await longRun(server, owner);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

test('a flood of probes, which need no token, costs one look at the store at a time', async () => {
  const hold = Promise.withResolvers<boolean>();
  probes.answered = hold.promise;
  const { socket, done } = await connectRaw(server.port);
  const probe = 'GET /readyz HTTP/1.1\r\nhost: x\r\n';
  socket.write(`${`${probe}\r\n`.repeat(99)}${probe}connection: close\r\n\r\n`);
  hold.resolve(true);
  expect((await done).toString().match(/HTTP\/1.1 200 OK/g)).toHaveLength(100);
  expect(probes.asked).toBeLessThanOrEqual(2);
});

/** Opens that many streams of a method, each with one message and no end; tells of each what it was answered first. */
async function openStreams(path: string, count: number, message: Uint8Array, own = token) {
  const sessions: http2.ClientHttp2Session[] = [];
  const envelope = Buffer.concat([Buffer.alloc(5), message]);
  envelope.writeUInt32BE(message.length, 1);
  const answers: Promise<string>[] = [];
  for (let stream = 0; stream < count; stream += 1) {
    if (stream % 25 === 0) sessions.push(http2.connect(server.url));
    answers.push(beginStream(sessions.at(-1) as http2.ClientHttp2Session, path, envelope, own));
    // With its first answer a connection has shown its token; strangers have fewer streams.
    if (stream % 25 === 0) await answers.at(-1);
  }
  return {
    statuses: await Promise.all(answers),
    async close() {
      for (const session of sessions) session.destroy();
      await Promise.all(sessions.map((session) => session.closed || once(session, 'close')));
    },
  };
}

/** `open` where the first answer is a message, else the gRPC status. */
async function beginStream(
  session: http2.ClientHttp2Session,
  path: string,
  envelope: Buffer,
  own: string,
): Promise<string> {
  const headers = { 'content-type': 'application/grpc', authorization: `Bearer ${own}` };
  const stream = session.request({ ':method': 'POST', ':path': path, ...headers });
  stream.on('error', () => undefined);
  // Of a call with one message the server waits for the end.
  if (path.endsWith('Info')) stream.write(envelope);
  else stream.end(envelope);
  const [received] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
  const early = received['grpc-status'];
  if (early !== undefined) return String(early);
  return Promise.race([
    once(stream, 'data').then(() => 'open'),
    once(stream, 'trailers').then(([trailers]) =>
      String((trailers as http2.IncomingHttpHeaders)['grpc-status']),
    ),
  ]);
}

const resourceExhausted = '8';
const messageTo = (path: string): Uint8Array =>
  path.endsWith('WatchUnlockRun')
    ? Buffer.from([0x0a, runId.length, ...Buffer.from(runId)])
    : new Uint8Array();

test.each([
  ['reflection, which needs no token', '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', 100],
  ['followed events', '/latchkey.v1.AdminService/FollowEvents', 256],
  ['followed locks', '/latchkey.v1.LockService/FollowLocks', 256],
  ['watched runs', '/latchkey.v1.UnlockRunService/WatchUnlockRun', 256],
])('streams of %s are bounded; one that ends makes room', async (_, path, streamsMax) => {
  const listing = create(ServerReflectionRequestSchema, {
    messageRequest: { case: 'listServices', value: '' },
  });
  const message = path.includes('reflection')
    ? toBinary(ServerReflectionRequestSchema, listing)
    : messageTo(path);
  const { statuses, close } = await openStreams(path, streamsMax + 3, message);
  expect(statuses.filter((status) => status === 'open')).toHaveLength(streamsMax);
  expect(statuses.filter((status) => status === resourceExhausted)).toHaveLength(3);
  await close();
  let again = await openStreams(path, 1, message);
  // The server hears of the closed connections in its own time.
  for (let attempt = 0; attempt < 1_000 && again.statuses[0] !== 'open'; attempt += 1) {
    await again.close();
    again = await openStreams(path, 1, message);
  }
  expect(again.statuses).toEqual(['open']);
  await again.close();
});

test('a stream takes no message beyond what its questions need', async () => {
  const host = 'x'.repeat(65 * 1_024);
  const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
  const message = toBinary(ServerReflectionRequestSchema, create(ServerReflectionRequestSchema, { host }));
  const { statuses, close } = await openStreams(path, 1, message);
  expect(statuses).toEqual([resourceExhausted]);
  await close();
});

test.each([
  ['/latchkey.v1.AdminService/FollowEvents', 'IAM_OWNER_VIEWER'],
  ['/latchkey.v1.LockService/FollowLocks', 'IAM_OWNER_VIEWER'],
  ['/latchkey.v1.UnlockRunService/WatchUnlockRun', 'IAM_OWNER_VIEWER'],
] as const)('streams of one organization, however many of %s, shut out no other', async (path, role) => {
  await server.people.organization(`other-${path.length}`);
  const other = await server.people.caller({ organization: `other-${path.length}`, roles: [role] });
  const message = messageTo(path);
  const flood = await openStreams(path, 256, message);
  const one = await openStreams(path, 1, message, other);
  const more = await openStreams(path, 1, message);
  expect([...one.statuses, ...more.statuses]).toEqual(['open', resourceExhausted]);
  for (const streams of [flood, one, more]) await streams.close();
});
