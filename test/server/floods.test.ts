import { once } from 'node:events';
import http2 from 'node:http2';
import { describe, expect, test } from '@jest/globals';
import { startListener } from '../../src/server/port/listener.ts';
import { askBoth, askHttp1, bothAnswered, connectRaw } from './clients/clients.ts';
import { EchoDoor } from './doors/echo-door.ts';
import { openLane } from './doors/open-lane.ts';

const kibibyte = 1_024;
const path = '/zitadel.user.v2.UserService/UnlockUser';
const headers = { 'content-type': 'application/json' };

/** Begins a call on HTTP/2, sends that much of its body and never ends it; resolves once it is refused. */
async function beginOnHttp2(session: http2.ClientHttp2Session, bytes: number): Promise<string> {
  const stream = session.request({ ':method': 'POST', ':path': path, ...headers });
  stream.write(Buffer.alloc(bytes, ' '));
  const [received] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
  return String(received[':status']);
}

/** The same on a connection of HTTP/1.1. */
async function beginOnHttp1(port: number, bytes: number): Promise<string> {
  const { socket } = await connectRaw(port);
  socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n`);
  socket.write(`content-length: ${bytes + 1}\r\n\r\n`);
  socket.write(Buffer.alloc(bytes, ' '));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return answer.toString('latin1').split(' ')[1] ?? '';
}

describe.each(['HTTP/1.1', 'HTTP/2'])('large bodies that never end, over %s', (version) => {
  test('are bounded all together; small calls go on, and room comes back', async () => {
    await using lane = await openLane({ bodyBytesMax: 100 * kibibyte, bodiesBytesMax: 1_024 * kibibyte });
    const session = http2.connect(lane.url);
    const begin = (bytes: number) =>
      version === 'HTTP/2'
        ? beginOnHttp2(session, bytes)
        : beginOnHttp1(Number(new URL(lane.url).port), bytes);
    let refused = 0;
    await new Promise<void>((resolve) => {
      for (let call = 0; call < 64; call += 1) {
        // Those that are taken wait for the rest of their body until the session ends.
        void begin(64 * kibibyte)
          .catch(() => 'ended')
          .then((status) => {
            if (status === '429') refused += 1;
            if (refused === 48) resolve();
          });
      }
    });
    const small = await askHttp1(lane.url + path, { headers, body: '{"userId":"small"}' });
    expect([small.status, small.body]).toEqual([200, expect.stringContaining('small')]);
    session.close();
  });
});

describe.each(['HTTP/1.1', 'HTTP/2'])('small bodies that never end, over %s', (version) => {
  test('are bounded too, by a quarter more', async () => {
    await using lane = await openLane({ bodyBytesMax: 64 * kibibyte, bodiesBytesMax: 128 * kibibyte });
    const session = http2.connect(lane.url);
    const begin = (bytes: number) =>
      version === 'HTTP/2'
        ? beginOnHttp2(session, bytes)
        : beginOnHttp1(Number(new URL(lane.url).port), bytes);
    let refused = 0;
    await new Promise<void>((resolve) => {
      // Ten of sixteen kibibytes fill it.
      for (let call = 0; call < 16; call += 1) {
        void begin(16 * kibibyte)
          .catch(() => 'ended')
          .then((status) => {
            if (status === '429') refused += 1;
            if (refused === 6) resolve();
          });
      }
    });
    const body = '{"userId":"small"}';
    expect((await askHttp1(lane.url + path, { headers, body })).status).toBe(429);
    session.destroy();
    if (version === 'HTTP/1.1') return;
    let status = 429;
    // The server hears of the closed connection in its own time.
    while (status === 429) status = (await askHttp1(lane.url + path, { headers, body })).status;
    expect(status).toBe(200);
  });
});

test('what large bodies held is free again once they are answered', async () => {
  await using lane = await openLane({ bodyBytesMax: 100 * kibibyte, bodiesBytesMax: 128 * kibibyte });
  const body = `{"userId":"large","ignored":"${' '.repeat(90 * kibibyte)}"}`;
  for (let call = 0; call < 5; call += 1) {
    expect((await askHttp1(lane.url + path, { headers, body })).status).toBe(200);
    expect(
      (await lane.wire.send({ version: 2, verb: 'POST', path, headers, body: Buffer.from(body) })).status,
    ).toBe(200);
  }
  const tooLarge = await askHttp1(lane.url + path, { headers, body: ' '.repeat(101 * kibibyte) });
  expect(tooLarge.status).toBe(429);
  expect((await askHttp1(lane.url + path, { headers, body })).status).toBe(200);
});

test('a client that pipelines without end loses its connection; one within the limit is answered', async () => {
  const door = new EchoDoor();
  await using listener = await startListener(door, { port: 0, streamsMax: 16, log: () => undefined });
  const request = 'GET /held HTTP/1.1\r\nhost: x\r\n\r\n';
  const flood = await connectRaw(listener.port);
  flood.socket.write(request.repeat(1_000));
  expect((await flood.done).length).toBe(0);
  expect(door.seen).toBeLessThanOrEqual(16);

  const patient = await connectRaw(listener.port);
  const seenBefore = door.seen;
  patient.socket.write(request.repeat(16));
  await door.seenAtLeast(seenBefore + 16);
  door.release();
  while (patient.received().toString().split('h1 /held 0').length < 17) await once(patient.socket, 'data');
  patient.socket.write('GET /next HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
  expect((await patient.done).toString()).toContain('h1 /next 0');
  expect(await askBoth(listener.url)).toEqual(bothAnswered);
});
