/** Requests that one connection without a valid token sends at once, and answers that nobody takes. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
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

test('answers that nobody takes count: so many are held as there is room for, the next is refused', async () => {
  const thirdAsked = Promise.withResolvers<void>();
  let asked = 0;
  const page: Page = {
    template: '/big',
    answer: async () => {
      asked += 1;
      if (asked === 3) thirdAsked.resolve();
      return { status: 200, headers: [], body: bigAnswer, trailers: undefined };
    },
  };
  // A quarter is for one address: three of these answers.
  await using lane = await openLane(
    { pages: { find: (path) => (path === '/big' ? page : undefined) } },
    { requestsBytesMax: 4 * 104 * mebibyte },
  );
  const ask = 'GET /big HTTP/1.1\r\nhost: x\r\n\r\n';
  const { socket, done } = await connectRaw(Number(new URL(lane.url).port));
  socket.pause();
  socket.write(ask.repeat(5));
  await thirdAsked.promise;
  // All five came in one read; until the last is dealt with nothing of an answer is taken, or there would be room for it.
  await delay(200);
  socket.resume();
  expect(
    (await done)
      .toString('latin1')
      .match(/HTTP\/1.1 \d+/g)
      ?.at(-1),
  ).toBe('HTTP/1.1 503');
});
