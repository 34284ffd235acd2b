/**
 * Strangers on eight addresses of the loopback who hold whatever costs them least and the server most. Run as
 * `node siege.ts PORT SECONDS`; ends by itself.
 */
import net from 'node:net';
import { endHeaders, endStream, frame, frameType, preface } from '../server/clients/clients.ts';

const socketsMax = 3_000;
const everyMs = 50;
const streams = 256;

const text = (value: string): Buffer => Buffer.concat([Buffer.of(value.length), Buffer.from(value)]);
const envelopeOf = (bytes: number, sent: number): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes, 1);
  return Buffer.concat([head, Buffer.alloc(sent, 10)]);
};

/** Streams of one method; the first puts its fields into the table, the others name them in a byte each. */
function posts(path: string, data: Buffer | undefined): Buffer {
  const first = Buffer.concat([
    Buffer.from([0x83, 0x86, 0x44]),
    text(path),
    Buffer.from([0x41, 1, 0x78, 0x5f]),
    text('application/grpc'),
  ]);
  const next = Buffer.from([0x83, 0x86, 0xc0, 0xbf, 0xbe]);
  const frames = Array.from({ length: streams }, (_none, nth) => {
    const stream = 2 * nth + 1;
    const flags = endHeaders | (data === undefined ? endStream : 0);
    const head = frame({ type: frameType.headers, flags, stream, payload: nth === 0 ? first : next });
    return data === undefined
      ? head
      : Buffer.concat([head, frame({ type: frameType.data, stream, payload: data })]);
  });
  return Buffer.concat([preface, ...frames]);
}

const watch = '/grpc.health.v1.Health/Watch';
const check = '/grpc.health.v1.Health/Check';
const reflect = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
const unlock = '/zitadel.user.v2.UserService/UnlockUser';
const noWindow = frame({ type: frameType.settings, payload: Buffer.from([0, 4, 0, 0, 0, 0]) });
const listServices = Buffer.concat([Buffer.from([0, 0, 0, 0, 2]), Buffer.from([0x3a, 0])]);
const held = frame({ type: frameType.headers, flags: 0, stream: 1, payload: Buffer.alloc(16_000, 0x82) });
const head1 = `POST ${check} HTTP/1.1\r\nhost: x\r\ncontent-type: application/proto\r\n`;

/** What a connection sends at once; whether it then reads. */
const ways: readonly { readonly bytes: Buffer; readonly reads: boolean }[] = [
  { bytes: posts(unlock, Buffer.from('x')), reads: true },
  { bytes: posts(check, envelopeOf(1_000, 900)), reads: true },
  { bytes: posts(watch, envelopeOf(1_000, 900)), reads: true },
  { bytes: Buffer.concat([posts(reflect, listServices), noWindow]), reads: true },
  {
    bytes: Buffer.concat([preface, noWindow, posts(check, undefined).subarray(preface.length)]),
    reads: false,
  },
  { bytes: Buffer.concat([preface, held]), reads: false },
  { bytes: Buffer.from(`${head1}content-length: 16384\r\n\r\n${'x'.repeat(16_000)}`), reads: true },
  { bytes: Buffer.from(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(15_000)}`), reads: true },
  { bytes: Buffer.from('GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(250)), reads: false },
  { bytes: Buffer.alloc(0), reads: false },
];

const [port = 0, seconds = 0, openedAtOnce = 5] = process.argv.slice(2).map(Number);
const sockets = new Set<net.Socket>();
let opened = 0;

function open(): void {
  const { bytes, reads } = ways[opened % ways.length] ?? { bytes: Buffer.alloc(0), reads: true };
  const socket = net.connect({ port, host: '127.0.0.1', localAddress: `127.0.0.${2 + (opened % 8)}` });
  opened += 1;
  sockets.add(socket);
  socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  if (reads) socket.resume();
  else socket.pause();
  if (bytes.length > 0) socket.write(bytes);
}

setInterval(() => {
  for (let nth = 0; nth < openedAtOnce; nth += 1) {
    if (sockets.size < socketsMax) open();
    // The oldest makes room, so that the siege never rests.
    else
      for (const oldest of sockets) {
        oldest.destroy();
        break;
      }
  }
}, everyMs);
setTimeout(() => {
  process.stdout.write(`${opened}\n`);
  process.exit(0);
}, seconds * 1_000);
