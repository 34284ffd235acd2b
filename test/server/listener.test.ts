import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { type Listener, type ListenerOptions, startListener } from '../../src/server/port/listener.ts';
import {
  askBoth,
  askHttp1,
  askHttp2,
  bothAnswered,
  connectRaw,
  framesOf,
  frameType,
  preface,
} from './clients/clients.ts';
import { bigAnswer, EchoDoor } from './doors/echo-door.ts';

type Logged = [event: string, fields: Readonly<Record<string, unknown>>];

async function start(options: Partial<ListenerOptions> = {}) {
  const door = new EchoDoor();
  const logged: Logged[] = [];
  const listener = await startListener(door, {
    port: 0,
    log: (event, fields) => logged.push([event, fields]),
    ...options,
  });
  return { door, logged, listener, [Symbol.asyncDispose]: () => listener.drain() };
}

function connectHttp2(listener: Listener): http2.ClientHttp2Session {
  return http2.connect(listener.url).on('error', () => undefined);
}

describe('one port', () => {
  test('answers HTTP/1.1 and HTTP/2 clients at once', async () => {
    await using server = await start();
    const { url } = server.listener;
    expect(url).toBe(`http://127.0.0.1:${server.listener.port}`);
    const answers = await Promise.all(Array.from({ length: 50 }, () => askBoth(url)));
    expect(answers).toEqual(Array.from({ length: 50 }, () => bothAnswered));
  });

  test('takes bodies on both', async () => {
    await using server = await start();
    const body = 'b'.repeat(300_000);
    const session = connectHttp2(server.listener);
    expect((await askHttp1(`${server.listener.url}/a`, { body })).body).toBe('h1 /a 300000');
    expect((await askHttp2(session, '/a', body)).body).toBe('h2 /a 300000');
    session.close();
  });

  test.each([
    ['POST', 'POST /a HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi', 'h1 /a 2'],
    ['PUT', 'PUT /a HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n', 'h1 /a 0'],
    ['GET', 'GET /a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', 'h1 /a 0'],
  ])('knows %s from the HTTP/2 preface, sent byte by byte', async (_method, request, answer) => {
    await using server = await start();
    const { socket, done } = await connectRaw(server.listener.port);
    for (const byte of request) await new Promise((resolve) => socket.write(byte, resolve));
    expect((await done).toString()).toContain(answer);
  });

  test('knows the HTTP/2 preface, sent byte by byte', async () => {
    await using server = await start();
    const { socket, received } = await connectRaw(server.listener.port);
    for (const byte of preface) await new Promise((resolve) => socket.write(Buffer.of(byte), resolve));
    while (!framesOf(received()).some(({ type }) => type === frameType.settings)) await once(socket, 'data');
    socket.destroy();
  });

  test('answers an HTTP/1.1 client that has closed its half, and drops an HTTP/2 one', async () => {
    await using server = await start();
    const one = await connectRaw(server.listener.port);
    one.socket.end('GET /a HTTP/1.1\r\nhost: x\r\n\r\n');
    expect((await one.done).toString()).toContain('h1 /a 0');
    const two = await connectRaw(server.listener.port);
    two.socket.end(preface);
    await two.done;
  });

  test('rejects where the port is taken', async () => {
    await using server = await start();
    await expect(start({ port: server.listener.port })).rejects.toThrow('EADDRINUSE');
  });

  test('closes idle connections of both kinds, and neither with a call at work', async () => {
    await using server = await start({ idleTimeoutMs: 200 });
    const { url } = server.listener;
    const busySession = connectHttp2(server.listener);
    const busy = [askHttp1(`${url}/held`), askHttp2(busySession, '/held')];
    await server.door.seenAtLeast(2);

    const agent = new http.Agent({ keepAlive: true });
    await askHttp1(`${url}/a`, { agent });
    const [idleSocket] = Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? []);
    const idleSession = connectHttp2(server.listener);
    await askHttp2(idleSession, '/a');
    await Promise.all([idleSocket && once(idleSocket, 'close'), once(idleSession, 'close')]);

    server.door.release();
    expect((await Promise.all(busy)).map(({ body }) => body)).toEqual(['h1 /held 0', 'h2 /held 0']);
    busySession.close();
  });
});

describe('drain', () => {
  test('finishes calls in flight, closes the idle, refuses the new', async () => {
    await using server = await start();
    const { listener, door } = server;
    const agent = new http.Agent({ keepAlive: true });
    const idleAgent = new http.Agent({ keepAlive: true });
    await askHttp1(`${listener.url}/idle`, { agent: idleAgent });
    const idleSession = connectHttp2(listener);
    await askHttp2(idleSession, '/idle');
    const silent = await connectRaw(listener.port);
    const session = connectHttp2(listener);
    const held = askHttp1(`${listener.url}/held`, { agent });
    const heldStream = askHttp2(session, '/held');
    await door.seenAtLeast(4);

    expect(listener.isDraining()).toBe(false);
    const drained = listener.drain();
    expect(listener.isDraining()).toBe(true);
    expect(listener.drain()).toBe(drained);
    await Promise.all([once(idleSession, 'close'), silent.done, once(session, 'goaway')]);
    await expect(once(net.connect(listener.port, '127.0.0.1'), 'connect')).rejects.toThrow('ECONNREFUSED');

    door.release();
    const { body, headers } = await held;
    expect([body, headers.connection]).toEqual(['h1 /held 0', 'close']);
    expect((await heldStream).body).toBe('h2 /held 0');
    await drained;
    expect(server.logged.at(-1)).toEqual(['listener.closed', { connectionsCut: 0 }]);
    for (const each of [agent, idleAgent]) each.destroy();
  });

  test('delivers an answer that was written but not yet taken', async () => {
    await using server = await start();
    const { listener, door } = server;
    const req = http.get(`${listener.url}/big`);
    const session = connectHttp2(listener);
    const stream = session.request({ ':path': '/big' });
    const [[res]] = await Promise.all([once(req, 'response'), once(stream, 'response')]);
    await door.seenAtLeast(2);
    const drained = listener.drain();
    const sizes = [res, stream].map(async (body) => {
      let bytes = 0;
      for await (const chunk of body) bytes += chunk.length;
      return bytes;
    });
    expect(await Promise.all(sizes)).toEqual([bigAnswer.length, bigAnswer.length]);
    await drained;
  });

  test('cuts what outlasts drainTimeoutMs', async () => {
    await using server = await start({ drainTimeoutMs: 100 });
    const session = connectHttp2(server.listener);
    const held = [askHttp1(`${server.listener.url}/held`), askHttp2(session, '/held')];
    const failures = Promise.allSettled(held);
    await server.door.seenAtLeast(2);
    await server.listener.drain();
    expect(server.logged.at(-1)).toEqual(['listener.closed', { connectionsCut: 2 }]);
    expect((await failures).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});

describe('a server that stood still', () => {
  const limits = { stallTimeoutMs: 1_200, firstBytesTimeoutMs: 1_200, headersTimeoutMs: 1_200 };
  const standStill = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_000);

  test('holds nobody to the time that it lost', async () => {
    await using server = await start(limits);
    const { listener } = server;
    const session = connectHttp2(listener);
    const stream = session.request({ ':path': '/big' }).pause();
    const slow = http.get(`${listener.url}/big`);
    const [[res]] = await Promise.all([once(slow, 'response'), once(stream, 'response')]);
    await new Promise((resolve) => setTimeout(resolve, 700));
    const late = await connectRaw(listener.port);
    const half = await connectRaw(listener.port);
    half.socket.write('GET /a HTTP/1.1\r\n');
    await new Promise((resolve) => setTimeout(resolve, 50));
    late.socket.write('GET /a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    half.socket.write('host: x\r\nconnection: close\r\n\r\n');
    const sizes = [res, stream].map(async (body) => {
      let bytes = 0;
      for await (const chunk of body) bytes += chunk.length;
      return bytes;
    });
    standStill();
    expect(await Promise.all(sizes)).toEqual([bigAnswer.length, bigAnswer.length]);
    for (const { done } of [late, half])
      expect((await done).toString()).toMatch(/^HTTP\/1\.1 200 .*h1 \/a 0$/s);
    session.close();
  });
});
