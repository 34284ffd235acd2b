/** As many streams as connections may open at once, none of them finished: what the server holds of them. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { costBytes } from '../../src/server/http/admission.ts';
import { memoryShares } from '../../src/server/http/memory.ts';
import { askHttp1, endHeaders, frame, framesOf, frameType, preface } from '../server/clients/clients.ts';
import { standBy } from '../support/child-server.ts';
import { openDoor } from '../support/door.ts';
import { repetitions } from '../support/repetitions.ts';

const smallHeap = '--max-old-space-size=256';
const residentKilobytesMax = 400 * 1_024;
const connections = repetitions({ few: 300, many: 900 });
const streams = 256;

const text = (value: string) => Buffer.concat([Buffer.of(value.length), Buffer.from(value)]);
// HPACK: :method POST, :scheme http; :path, :authority and content-type as literals.
const payload = Buffer.concat([
  Buffer.from([0x83, 0x86, 0x44]),
  text('/grpc.health.v1.Health/Check'),
  Buffer.from([0x41, 1, 0x78, 0x5f]),
  text('application/grpc'),
]);
const ping = frame({ type: frameType.ping, payload: Buffer.alloc(8) });
const burst = Buffer.concat([
  preface,
  ...Array.from({ length: streams }, (_none, nth) => {
    const stream = 2 * nth + 1;
    const opens = frame({ type: frameType.headers, flags: endHeaders, stream, payload });
    return Buffer.concat([opens, frame({ type: frameType.data, stream, payload: Buffer.of(1) })]);
  }),
  ping,
]);

/** The heap's limit is more than its old space. */
function heapLimitBytes(): number {
  const asked = ['-p', 'v8.getHeapStatistics().heap_size_limit'];
  return Number(execFileSync(process.execPath, [smallHeap, ...asked], { encoding: 'utf8' }));
}

/** Streams that are open on a connection that sent all of it: none where it was ended. */
async function openOn(port: number, localAddress: string, sockets: net.Socket[]): Promise<() => number> {
  const socket = net.connect({ port, host: '127.0.0.1', localAddress }).on('error', () => undefined);
  sockets.push(socket);
  const chunks: Buffer[] = [];
  let acked = false;
  await new Promise<void>((resolve) => {
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      acked ||= framesOf(Buffer.concat(chunks)).some(
        ({ type, flags }) => type === frameType.ping && flags === 1,
      );
      if (acked) resolve();
    });
    socket.on('close', () => resolve());
    socket.write(burst);
  });
  return () => {
    if (!socket.readable) return 0;
    const ended = framesOf(Buffer.concat(chunks)).filter(({ type }) => type === frameType.reset);
    return streams - ended.length;
  };
}

test(`${connections} connections of ${streams} streams with a byte each: no more are held than there is room for`, async () => {
  await using cleanup = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-burst-'));
  cleanup.defer(() => rm(folder, { recursive: true }));
  const standby = cleanup.use(standBy(['--data', folder], [smallHeap]));
  const server = await standby.start();
  const token = (await readFile(join(folder, 'admin-token'), 'utf8')).trim();
  const port = Number(new URL(server.url).port);
  const sockets: net.Socket[] = [];
  cleanup.defer(() => sockets.forEach((socket) => void socket.destroy()));
  const open = await Promise.all(
    Array.from({ length: connections }, (_none, nth) => openOn(port, `127.0.0.${2 + (nth % 8)}`, sockets)),
  );
  const held = () => open.reduce((sum, streamsOf) => sum + streamsOf(), 0);
  const heldMax = memoryShares(heapLimitBytes()).requestsBytes / 2 / costBytes.stream;
  // Strangers have half of the budget. Connections that made room hear of it in their own time.
  while (held() > heldMax) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(held()).toBeGreaterThan(0);
  expect(await server.residentKilobytes()).toBeLessThanOrEqual(residentKilobytesMax);
  expect((await askHttp1(`${server.url}/healthz`)).status).toBe(200);
  await using door = openDoor(server.url, token);
  expect((await door.ask('ListUsers', {})).code).toBe('OK');
}, 60_000);
