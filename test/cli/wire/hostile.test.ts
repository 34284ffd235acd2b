import { writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { ListEventsResponse } from '../../../gen/grpc-js/latchkey/v1/admin.ts';
import { frame } from '../../../src/cli/remote/frames.ts';
import { listen } from '../../support/listen.ts';
import { type Ended, openFolder, runHere, spawnCli } from '../run-cli.ts';

const cleanup = new AsyncDisposableStack();
afterAll(() => cleanup.disposeAsync());

/** Answers each request by what `say` writes. */
async function hostile(say: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => say(socket));
  });
  cleanup.defer(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${await listen(server)}`;
}

/** Writes the piece again and again, as fast as it is taken, until the other side hangs up. */
function endless(socket: Socket, piece: string | Buffer): void {
  const write = () => {
    while (!socket.destroyed && socket.write(piece));
    if (!socket.destroyed) socket.once('drain', write);
  };
  write();
}

/** A piece now and then, of what never ends. */
function drip(socket: Socket, piece: string | Buffer): void {
  const timer = setInterval(() => socket.write(piece), 20);
  socket.on('close', () => clearInterval(timer));
}

const ok = 'HTTP/1.1 200 OK\r\ncontent-type: application/grpc-web+proto\r\n';
const trailers = (text: string): Buffer => {
  const framed = frame(Buffer.from(text));
  framed.writeUInt8(0x80);
  return framed;
};
const whole = (body: Buffer, more = ''): Buffer =>
  Buffer.concat([Buffer.from(`${ok}${more}content-length: ${body.length}\r\n\r\n`), body]);

const asked = (url: string, timeoutSeconds = 1): readonly string[] => [
  ...['user', 'list', '--url', url, '--token', 'x'],
  ...['--timeout', String(timeoutSeconds)],
];
const ask = (url: string, timeoutSeconds?: number): Promise<Ended> => runHere(asked(url, timeoutSeconds));

const tooLate = /did not answer in time \(--timeout\)/;
const noLatchkey = /what answers there is no Latchkey/;

/** ListEventsResponse with an event, whose payload is a list of one list of one list, and so on: from the innermost out. */
function nested(depth: number): Buffer {
  const inAndOut = Array.from({ length: depth }, () => [0x0a, 0x32]).flat();
  const heads: Buffer[] = [];
  let bytes = 0;
  for (const tag of [...inAndOut, 0x12, 0x0a, 0x3a, 0x0a]) {
    const head = Buffer.from([tag, ...varint(bytes)]);
    heads.push(head);
    bytes += head.length;
  }
  return Buffer.concat(heads.reverse());
}

const varint = (number: number): readonly number[] =>
  number < 128 ? [number] : [(number % 128) + 128, ...varint(Math.floor(number / 128))];

describe('whatever a server says, a command ends within its time, in a sentence', () => {
  test.each<[what: string, sentence: RegExp, say: (socket: Socket) => void]>([
    ['nothing', tooLate, () => undefined],
    [
      'headers without end',
      noLatchkey,
      (socket) => {
        socket.write(ok);
        endless(socket, 'x: aaaaaaaa\r\n');
      },
    ],
    ['headers, one by one', tooLate, (socket) => drip(socket, `${ok}x: `)],
    ['that it goes on, without end', tooLate, (socket) => endless(socket, 'HTTP/1.1 100 Continue\r\n\r\n')],
    [
      'that it speaks another protocol',
      noLatchkey,
      (socket) =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
    ],
    [
      'a message without end, byte by byte',
      tooLate,
      (socket) => {
        socket.write(`${ok}\r\n`);
        socket.write(Buffer.from([0, 0, 3, 0, 0]));
        drip(socket, 'a');
      },
    ],
    [
      'messages without end',
      noLatchkey,
      (socket) => {
        socket.write(`${ok}\r\n`);
        endless(socket, frame(Buffer.alloc(1_000)));
      },
    ],
    [
      'trailers without end',
      noLatchkey,
      (socket) => {
        socket.write(`${ok}\r\n`);
        endless(socket, trailers('grpc-status: 0\r\n'));
      },
    ],
    [
      'a body that does not end behind its trailers',
      tooLate,
      (socket) =>
        socket.write(
          Buffer.concat([Buffer.from(`${ok}content-length: 1000\r\n\r\n`), trailers('grpc-status: 0\r\n')]),
        ),
    ],
    [
      'a frame that is larger than all',
      noLatchkey,
      (socket) => {
        socket.write(`${ok}\r\n`);
        socket.write(Buffer.from([0, 255, 255, 255, 255]));
      },
    ],
    [
      'what is packed',
      noLatchkey,
      (socket) => socket.write(whole(Buffer.from([1, 0, 0, 0, 0]), 'grpc-encoding: gzip\r\n')),
    ],
    [
      'what is packed as a whole',
      noLatchkey,
      (socket) => socket.write(whole(Buffer.from([0, 0, 0, 0, 0]), 'content-encoding: gzip\r\n')),
    ],
    [
      'a message that is none',
      noLatchkey,
      (socket) =>
        socket.write(whole(Buffer.concat([frame(Buffer.from([0xff])), trailers('grpc-status: 0\r\n')]))),
    ],
    [
      'a refusal that does not come',
      tooLate,
      (socket) => socket.write('HTTP/1.1 400 Bad\r\ncontent-length: 9\r\n\r\n'),
    ],
    [
      'chunks that are none',
      noLatchkey,
      (socket) => socket.write(`${ok}transfer-encoding: chunked\r\n\r\nxyz\r\n`),
    ],
  ])('%s', async (_, sentence, say) => {
    // What is seen to be none needs no end of the time, which on a busy machine would come first.
    const { code, stdout, stderr } = await ask(await hostile(say), sentence === tooLate ? 1 : 20);
    expect({ code, stdout }).toEqual({ code: 6, stdout: '' });
    expect(stderr).toMatch(sentence);
    expect(stderr.split('\n')).toHaveLength(2);
  });

  test('what steers a terminal is shown, and does not', async () => {
    const text = '\u001b]0;owned\u0007\u009b2J\u202e\r';
    const refused = trailers(`grpc-status: 9\r\ngrpc-message: ${encodeURIComponent(text)}\r\n`);
    const raw = trailers(`grpc-status: 9\r\ngrpc-message: ${text}\r\n`);
    for (const body of [refused, raw]) {
      const { code, stderr } = await ask(await hostile((socket) => void socket.write(whole(body))));
      expect(code).toBe(5);
      expect(stderr).toContain('\\u001b]0;owned\\u0007\\u009b2J\\u202e');
      expect(stderr.trimEnd()).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }
  });

  test('a refusal whose details nobody can read is still that refusal', async () => {
    for (const details of ['////', '%%%', 'CAU', '']) {
      const text = `grpc-status: 5\r\ngrpc-message: gone\r\ngrpc-status-details-bin: ${details}\r\n`;
      const ended = await ask(await hostile((socket) => void socket.write(whole(trailers(text)))));
      expect(ended).toMatchObject({ code: 3, stderr: 'latchkey: gone\n' });
    }
  });

  test('what is nested deeper than anybody can follow is no answer', async () => {
    const message = nested(20_000);
    expect(() => ListEventsResponse.decode(message)).toThrow();
    const url = await hostile((socket) =>
      socket.write(whole(Buffer.concat([frame(message), trailers('grpc-status: 0\r\n')]))),
    );
    const ended = await runHere(['events', '--url', url, '--token', 'x', '--timeout', '5']);
    expect(ended).toMatchObject({ code: 6, stderr: expect.stringMatching(noLatchkey) });
  });
});

// On Linux ru_maxrss begins with that of whoever started the process; VmHWM of proc(5), in KiB too, does not.
const tellsMost = `process.on('exit', () => {
  const status = process.platform === 'linux' ? require('fs').readFileSync('/proc/self/status', 'utf8') : '';
  console.log(/VmHWM:\\s+(\\d+)/.exec(status)?.[1] ?? process.resourceUsage().maxRSS);
});`;

describe('what a server says takes no more memory than its bounds', () => {
  test.each<[what: string, say: (socket: Socket) => void]>([
    [
      'a body without end',
      (socket) => {
        socket.write(`${ok}\r\n`);
        endless(socket, frame(Buffer.alloc(100_000)));
      },
    ],
    [
      'a refusal without end',
      (socket) => {
        socket.write('HTTP/1.1 400 Bad\r\n\r\n');
        endless(socket, Buffer.alloc(100_000, 'a'));
      },
    ],
    [
      'a message in chunks of a byte',
      (socket) => {
        socket.write(`${ok}transfer-encoding: chunked\r\n\r\n`);
        for (const byte of [0, 0, 0x40, 0, 0])
          socket.write(Buffer.from(`1\r\n${String.fromCharCode(byte)}\r\n`));
        endless(socket, '1\r\na\r\n'.repeat(10_000));
      },
    ],
  ])('%s', async (_, say) => {
    const folder = cleanup.use(await openFolder()).path;
    const told = join(folder, 'told.cjs');
    await writeFile(told, tellsMost);
    const { code, stdout } = await spawnCli(asked(await hostile(say)), { nodeOptions: ['--require', told] });
    expect(code).toBe(6);
    expect(Number(stdout) / 1024).toBeLessThan(250);
  });
});
