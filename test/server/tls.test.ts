import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import http2 from 'node:http2';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ListenerOptions, startListener } from '../../src/server/port/listener.ts';
import { askHttp2, connectRaw } from './clients/clients.ts';
import { EchoDoor } from './doors/echo-door.ts';

let folder: string;
const file = (name: string): string => join(folder, name);

function makePair(name: string): void {
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const out = ['-keyout', file(`${name}.key`), '-out', file(`${name}.crt`)];
  execFileSync('openssl', ['req', '-x509', ...key, ...subject, ...out], { stdio: 'ignore' });
}

async function install(cert: string, key: string): Promise<void> {
  await copyFile(file(`${cert}.crt`), file('live.crt'));
  await copyFile(file(`${key}.key`), file('live.key'));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-tls-'));
  for (const name of ['first', 'second']) makePair(name);
});

afterAll(() => rm(folder, { recursive: true }));

async function start(options: Partial<ListenerOptions> = {}) {
  await install('first', 'first');
  const door = new EchoDoor();
  const logged: string[] = [];
  const listener = await startListener(door, {
    port: 0,
    tls: { certPath: file('live.crt'), keyPath: file('live.key') },
    log: (event) => logged.push(event),
    ...options,
  });
  return { door, logged, listener, [Symbol.asyncDispose]: () => listener.drain() };
}

const trustNobody = { rejectUnauthorized: false };

async function askHttps(url: string): Promise<string> {
  const [res] = await once(https.get(url, { ...trustNobody, agent: false }), 'response');
  return text(res);
}

/** The common name on the certificate that a new connection is shown. */
async function nameShown(port: number, options: tls.ConnectionOptions = {}): Promise<string | undefined> {
  const socket = tls.connect({ port, host: '127.0.0.1', ...trustNobody, ...options });
  await once(socket, 'secureConnect');
  const name = socket.getPeerCertificate().subject.CN;
  socket.destroy();
  return String(name);
}

describe('TLS', () => {
  test('serves HTTP/2 and HTTP/1.1 by ALPN, and HTTP/1.1 to a client that offers neither', async () => {
    await using server = await start();
    const { url, port } = server.listener;
    expect(url).toBe(`https://127.0.0.1:${port}`);
    const session = http2.connect(url, trustNobody);
    const plain = tls.connect({ port, host: '127.0.0.1', ...trustNobody });
    plain.end('GET /c HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    const [one, two, three] = await Promise.all([
      askHttps(`${url}/a`),
      askHttp2(session, '/b', 'four'),
      text(plain),
    ]);
    expect([one, two.body]).toEqual(['h1 /a 0', 'h2 /b 4']);
    expect(three).toContain('h1 /c 0');
    session.close();
  });

  test('refuses TLS 1.1', async () => {
    await using server = await start();
    const { port } = server.listener;
    const old = { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await expect(nameShown(port, old)).rejects.toThrow(/protocol version|unsupported/);
    expect(await nameShown(port)).toBe('first');
  });

  test('makes one handshake on a connection, after a reload too', async () => {
    await using server = await start({ drainTimeoutMs: 100 });
    const { port, url } = server.listener;
    const options = { maxVersion: 'TLSv1.2', ...trustNobody } as const;
    for (const round of ['at first', 'after a reload']) {
      const socket = tls.connect({ port, host: '127.0.0.1', ...options });
      socket.resume();
      await once(socket, 'secureConnect');
      const refused = new Promise((resolve) => {
        for (const event of ['error', 'close']) socket.on(event, () => resolve('refused'));
      });
      const another = new Promise((resolve) => {
        socket.renegotiate({}, (error) => resolve(error === null ? 'another handshake' : 'refused'));
      });
      expect([round, await Promise.race([refused, another])]).toEqual([round, 'refused']);
      socket.destroy();
      await server.listener.reloadTls();
    }
    expect(await askHttps(`${url}/a`)).toBe('h1 /a 0');
  });

  test('shows a changed pair to new connections after a reload, and keeps the open ones', async () => {
    await using server = await start();
    const { listener } = server;
    const session = http2.connect(listener.url, trustNobody);
    await askHttp2(session, '/before');
    await install('second', 'second');
    expect(await nameShown(listener.port)).toBe('first');
    await listener.reloadTls();
    expect(await nameShown(listener.port)).toBe('second');
    expect((await askHttp2(session, '/after')).body).toBe('h2 /after 0');
    expect(server.logged).toEqual(['tls.reloaded']);
    session.close();
  });

  test.each([
    ['does not match its key', () => install('second', 'first')],
    ['is no certificate', () => writeFile(file('live.crt'), 'not a certificate')],
    ['is gone', () => rm(file('live.key'))],
  ])('keeps the old pair where the new one %s', async (_what, damage) => {
    await using server = await start();
    await damage();
    await server.listener.reloadTls();
    expect(server.logged).toEqual(['tls.reload.failed']);
    expect(await nameShown(server.listener.port)).toBe('first');
    await install('second', 'second');
    await server.listener.reloadTls();
    expect(await nameShown(server.listener.port)).toBe('second');
  });

  test('tells of a certificate that ends soon or is not valid, once a day, until there is another', async () => {
    const hourMs = 3_600_000;
    let laterMs = 0;
    await using server = await start({ now: () => Date.now() + laterMs });
    const tellsAt = async (hours: number) => {
      laterMs = hours * hourMs;
      await server.listener.reloadTls();
      return server.logged.splice(0);
    };
    // It is good for two days, so a third of that before its end is soon.
    expect(await tellsAt(0)).toEqual(['tls.reloaded']);
    expect(await tellsAt(31)).toEqual(['tls.reloaded']);
    expect(await tellsAt(33)).toEqual(['tls.reloaded', 'tls.ends-soon']);
    expect(await tellsAt(47)).toEqual(['tls.reloaded']);
    expect(await tellsAt(49)).toEqual(['tls.reloaded', 'tls.not-valid']);
    expect(await tellsAt(72)).toEqual(['tls.reloaded']);
    expect(await tellsAt(74)).toEqual(['tls.reloaded', 'tls.not-valid']);
    await install('second', 'second');
    expect(await tellsAt(-1)).toEqual(['tls.reloaded', 'tls.not-valid']);
    expect(await tellsAt(1)).toEqual(['tls.reloaded']);
  });

  test('tells of it at the start, and without a reload', async () => {
    const told = Promise.withResolvers<object>();
    let laterMs = 50 * 3_600_000;
    const now = () => Date.now() + laterMs;
    const starts: object[] = [];
    await using first = await start({ now, log: (event, fields) => starts.push({ event, ...fields }) });
    expect(starts).toEqual([
      { event: 'tls.not-valid', validFrom: expect.any(String), validTo: expect.any(String) },
    ]);
    expect(await nameShown(first.listener.port)).toBe('first');
    laterMs = 0;
    const log = (event: string) => told.resolve({ event });
    await using _second = await start({ now, log, firstBytesTimeoutMs: 100 });
    laterMs = 40 * 3_600_000;
    expect(await told.promise).toEqual({ event: 'tls.ends-soon' });
  });

  test('does not start on a pair that does not match', async () => {
    const bad = { certPath: file('second.crt'), keyPath: file('first.key') };
    await expect(start({ tls: bad })).rejects.toThrow('key values mismatch');
  });

  test('closes a connection that never finishes its handshake', async () => {
    await using server = await start({ firstBytesTimeoutMs: 100 });
    const silent = await connectRaw(server.listener.port);
    const halting = await connectRaw(server.listener.port);
    halting.socket.write(Buffer.from([0x16, 0x03, 0x01]));
    await Promise.all([silent.done, halting.done]);
    expect(await nameShown(server.listener.port)).toBe('first');
  });

  test('drains: a call in flight finishes, a silent connection is closed at once', async () => {
    await using server = await start();
    const { listener, door } = server;
    const silent = await connectRaw(listener.port);
    const session = http2.connect(listener.url, trustNobody);
    const held = [askHttps(`${listener.url}/held`), askHttp2(session, '/held').then(({ body }) => body)];
    await door.seenAtLeast(2);
    const drained = listener.drain();
    await silent.done;
    door.release();
    expect(await Promise.all(held)).toEqual(['h1 /held 0', 'h2 /held 0']);
    await drained;
  });
});
