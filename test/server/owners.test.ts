import { once } from 'node:events';
import http2 from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { accountOf } from '../../src/server/http/admission.ts';
import { type ListenerOptions, startListener } from '../../src/server/port/listener.ts';
import { askBoth, bothAnswered, connectRaw, type RawConnection } from './clients/clients.ts';
import { EchoDoor } from './doors/echo-door.ts';

/** Takes a header for a valid token of that organization, `none` for one that is not valid. */
function doorOfOwners(): EchoDoor {
  const door = new EchoDoor();
  const { handleRequest } = door;
  door.handleRequest = (req, res) => {
    const { owner } = req.headers;
    if (owner === 'none') accountOf(req.socket)?.doubt();
    else if (typeof owner === 'string') accountOf(req.socket)?.prove(owner);
    handleRequest(req, res);
  };
  return door;
}

const kibibyte = 1_024;
const connectionBytes = 32 * kibibyte;

async function start(connections: number, options: Partial<ListenerOptions> = {}) {
  const door = doorOfOwners();
  const requestsBytesMax = connections * connectionBytes;
  const listener = await startListener(door, {
    port: 0,
    drainTimeoutMs: 100,
    log: () => undefined,
    requestsBytesMax,
    ...options,
  });
  return { door, listener, [Symbol.asyncDispose]: () => listener.drain() };
}

/** A connection that stays open after one call with a token of the organization was answered. */
async function connectAs(port: number, owner: string): Promise<RawConnection> {
  const raw = await connectRaw(port);
  raw.socket.write(`GET /known HTTP/1.1\r\nhost: x\r\nowner: ${owner}\r\n\r\n`);
  while (!raw.received().toString().includes('h1 /known') && raw.socket.readable) {
    await Promise.race([once(raw.socket, 'data'), raw.done]);
  }
  return raw;
}

const isOpen = ({ socket }: RawConnection): boolean => socket.readable;

async function until(isSo: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 5_000;
  while (!isSo()) {
    if (performance.now() > deadlineMs) throw new Error(`waited for ${isSo}`);
    await delay(5);
  }
}

test('one organization’s connections take no room that others need, however many it opens', async () => {
  await using server = await start(40);
  const { port } = server.listener;
  const other = await connectAs(port, 'other');
  const many: RawConnection[] = [];
  for (let nth = 0; nth < 60; nth += 1) many.push(await connectAs(port, 'greedy'));
  // Half of the budget; a request beside its connection counts as well.
  const open = many.filter(isOpen).length;
  expect(open).toBeGreaterThanOrEqual(15);
  expect(open).toBeLessThanOrEqual(20);
  expect(isOpen(other)).toBe(true);
  expect(isOpen(many.at(-1) as RawConnection)).toBe(true);
  expect(isOpen(await connectAs(port, 'third'))).toBe(true);
  expect(await askBoth(server.listener.url)).toEqual(bothAnswered);
  for (const { socket } of [other, ...many]) socket.destroy();
});

test('many organizations together leave room for who has shown no token yet', async () => {
  await using server = await start(40);
  const { port } = server.listener;
  const known: RawConnection[] = [];
  for (let nth = 0; nth < 60; nth += 1) known.push(await connectAs(port, `organization ${nth % 6}`));
  expect(known.filter(isOpen).length).toBeLessThanOrEqual(30);
  expect(known.filter(isOpen).length).toBeGreaterThanOrEqual(22);
  expect(await askBoth(server.listener.url)).toEqual(bothAnswered);
  for (const { socket } of known) socket.destroy();
});

describe('with as many connections as there may be', () => {
  test('a newcomer takes the place of a stranger, and nobody who is known loses theirs', async () => {
    await using server = await start(1_000, { connectionsMax: 12 });
    const { port } = server.listener;
    const known = [await connectAs(port, 'one'), await connectAs(port, 'two')];
    // Strangers hold the port: each says nothing, and opens another where one is cut.
    const strangers: RawConnection[] = [];
    for (let nth = 0; nth < 30; nth += 1) strangers.push(await connectRaw(port));
    const newcomer = await connectAs(port, 'three');
    expect(isOpen(newcomer)).toBe(true);
    expect(known.every(isOpen)).toBe(true);
    await until(() => strangers.filter(isOpen).length === 9);
    // The oldest went, and the newest are there.
    expect(strangers.slice(-9).every(isOpen)).toBe(true);
    for (const { socket } of [...known, ...strangers, newcomer]) socket.destroy();
  });

  test('one organization has half of them, all have three quarters', async () => {
    await using server = await start(1_000, { connectionsMax: 20 });
    const { port } = server.listener;
    const known: RawConnection[] = [];
    for (let nth = 0; nth < 15; nth += 1) known.push(await connectAs(port, 'one'));
    await until(() => known.filter(isOpen).length === 10);
    for (let nth = 0; nth < 15; nth += 1) known.push(await connectAs(port, `organization ${nth}`));
    await until(() => known.filter(isOpen).length === 15);
    expect(await askBoth(server.listener.url)).toEqual(bothAnswered);
    for (const { socket } of known) socket.destroy();
  });

  test('proxies that are trusted are cut for nobody', async () => {
    await using server = await start(1_000, { connectionsMax: 3, trustedProxies: ['127.0.0.1'] });
    const { port } = server.listener;
    const held = [await connectAs(port, 'one'), await connectRaw(port), await connectRaw(port)];
    const refused = await connectRaw(port);
    expect((await refused.done).length).toBe(0);
    expect(held.every(isOpen)).toBe(true);
    for (const { socket } of held) socket.destroy();
  });
});

describe('a connection on which a valid token was seen', () => {
  /** Whether it is taken for somebody's: strangers of its address are few, and the oldest of them makes room. */
  async function isKnown(port: number, raw: RawConnection): Promise<boolean> {
    const newcomers = [await connectRaw(port), await connectRaw(port)];
    await askBoth(`http://127.0.0.1:${port}`);
    for (const { socket } of newcomers) socket.destroy();
    return isOpen(raw);
  }
  const options = { strangersPerAddressMax: 2, idleTimeoutMs: 60_000 };

  test('is a stranger’s again some time after the last one', async () => {
    await using server = await start(1_000, { ...options, knownTimeoutMs: 400 });
    const { port } = server.listener;
    const [resting, busy] = [await connectAs(port, 'one'), await connectAs(port, 'one')];
    expect(await isKnown(port, resting)).toBe(true);
    const endMs = performance.now() + 1_500;
    while (performance.now() < endMs) {
      busy.socket.write('GET /again HTTP/1.1\r\nhost: x\r\nowner: one\r\n\r\n');
      await delay(20);
    }
    expect(await isKnown(port, resting)).toBe(false);
    expect(isOpen(busy)).toBe(true);
    busy.socket.destroy();
  });

  test('has the streams that it was told of, though nothing was seen on it for long', async () => {
    await using server = await start(1_000, { ...options, knownTimeoutMs: 200 });
    const { handleStream } = server.door;
    server.door.handleStream = (stream) => {
      if (stream.head.path === '/known') stream.prove('one');
      handleStream(stream);
    };
    const session = http2.connect(server.listener.url);
    const ask = async (path: string): Promise<unknown> => {
      const stream = session.request({ ':path': path });
      const [head] = await once(stream.resume(), 'response');
      return head[':status'];
    };
    expect(await ask('/known')).toBe(200);
    await new Promise<void>((resolve) => void session.ping(() => resolve()));
    await delay(500);
    // All of them at once, none answered before the last has come.
    const burst = Promise.all(Array.from({ length: 100 }, () => ask('/held')));
    await Promise.race([server.door.seenAtLeast(101), burst]);
    server.door.release();
    expect(new Set(await burst)).toEqual(new Set([200]));
    session.close();
  });

  test('is at once where the next one is not valid any more, but for a moment after one that is', async () => {
    await using server = await start(1_000, { ...options, knownTimeoutMs: 4_000 });
    const { port } = server.listener;
    const [one, other] = [await connectAs(port, 'one'), await connectAs(port, 'one')];
    const refused = 'GET /refused HTTP/1.1\r\nhost: x\r\nowner: none\r\n\r\n';
    const isAnswered = ({ received }: RawConnection) => received().toString().includes('h1 /refused');
    one.socket.write(refused);
    await until(() => isAnswered(one));
    expect(await isKnown(port, one)).toBe(true);
    await delay(700);
    other.socket.write(refused);
    await until(() => isAnswered(other));
    expect(await isKnown(port, other)).toBe(false);
    expect(isOpen(one)).toBe(true);
    one.socket.destroy();
  });
});
