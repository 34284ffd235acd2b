import { once } from 'node:events';
import { expect, test } from '@jest/globals';
import { accountOf } from '../../src/server/http/admission.ts';
import { startListener } from '../../src/server/port/listener.ts';
import { askBoth, bothAnswered, connectRaw, type RawConnection } from './clients/clients.ts';
import { EchoDoor } from './doors/echo-door.ts';

/** Takes a header for a valid token of that organization. */
function doorOfOwners(): EchoDoor {
  const door = new EchoDoor();
  const { handleRequest } = door;
  door.handleRequest = (req, res) => {
    const { owner } = req.headers;
    if (typeof owner === 'string') accountOf(req.socket)?.prove(owner);
    handleRequest(req, res);
  };
  return door;
}

const kibibyte = 1_024;
const connectionBytes = 32 * kibibyte;

async function start(connections: number) {
  const door = doorOfOwners();
  const requestsBytesMax = connections * connectionBytes;
  const listener = await startListener(door, {
    port: 0,
    drainTimeoutMs: 100,
    log: () => undefined,
    requestsBytesMax,
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
