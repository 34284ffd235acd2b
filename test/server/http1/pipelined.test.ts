/** Requests that one connection without a valid token sends at once, and answers that nobody takes. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { Page } from '../../../src/server/pages/page.ts';
import { startListener } from '../../../src/server/port/listener.ts';
import { connectRaw } from '../clients/clients.ts';
import { bigAnswer, EchoDoor } from '../doors/echo-door.ts';
import { openLane } from '../doors/open-lane.ts';

const mebibyte = 1_048_576;

async function start() {
  const door = new EchoDoor();
  const listener = await startListener(door, { port: 0, drainTimeoutMs: 100, log: () => undefined });
  return { door, listener, [Symbol.asyncDispose]: () => listener.drain() };
}

test('what is read of a connection beyond its places becomes no request, however much it is', async () => {
  await using server = await start();
  let made = 0;
  const onRequest = () => {
    made += 1;
  };
  subscribe('http.server.request.start', onRequest);
  const { socket, done } = await connectRaw(server.listener.port);
  // As much as one read takes.
  socket.write('GET / HTTP/1.1\r\nhost:x\r\n\r\n'.repeat(2_500));
  const answers = (await done).toString();
  unsubscribe('http.server.request.start', onRequest);
  expect([answers.match(/h1 \/ 0/g), answers.match(/HTTP\/1.1 503 /g)].map((all) => all?.length)).toEqual([
    100, 1,
  ]);
  expect(made).toBeLessThanOrEqual(101);
});

test('those that come in one write are handled in several turns of the event loop, and answered in order', async () => {
  await using server = await start();
  const { socket, received } = await connectRaw(server.listener.port);
  const paths = Array.from({ length: 100 }, (_none, nth) => `/${nth}`);
  socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`).join(''));
  await server.door.seenAtLeast(1);
  expect(server.door.seen).toBeLessThanOrEqual(8);
  await server.door.seenAtLeast(100);
  while (!received().toString().includes('h1 /99 0')) await once(socket, 'data');
  expect(
    [
      ...received()
        .toString()
        .matchAll(/h1 (\S+) 0/g),
    ].map(([, path]) => path),
  ).toEqual(paths);
  socket.destroy();
});

test('answers that nobody takes count: so many are held as there is room for, and the oldest makes room', async () => {
  const page: Page = {
    template: '/big',
    answer: async () => ({ status: 200, headers: [], body: bigAnswer, trailers: undefined }),
  };
  // A quarter is for one address: three of these answers.
  await using lane = await openLane(
    { pages: { find: (path) => (path === '/big' ? page : undefined) } },
    { requestsBytesMax: 4 * 104 * mebibyte },
  );
  const ask = 'GET /big HTTP/1.1\r\nhost: x\r\n\r\n';
  const sockets: net.Socket[] = [];
  for (let nth = 0; nth < 6; nth += 1) {
    const socket = net.connect(Number(new URL(lane.url).port), '127.0.0.1').on('error', () => undefined);
    sockets.push(socket);
    socket.write(ask);
    await once(socket, 'readable');
  }
  const left = () => sockets.filter((socket) => !socket.closed);
  while (left().length > 3) {
    // Who was cut is told once what had come is read.
    for (const socket of sockets.slice(0, 3)) socket.resume();
    await delay(5);
  }
  expect(left()).toEqual(sockets.slice(3));
  for (const socket of sockets) socket.destroy();

  const { socket, done } = await connectRaw(Number(new URL(lane.url).port));
  socket.pause();
  socket.write(ask.repeat(5));
  socket.resume();
  expect(
    (await done)
      .toString('latin1')
      .match(/HTTP\/1.1 \d+/g)
      ?.at(-1),
  ).toBe('HTTP/1.1 503');
});
