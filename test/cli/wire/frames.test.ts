import { describe, expect, test } from '@jest/globals';
import {
  frame,
  frameReader,
  messageBytesMax,
  messageOf,
  type Trailers,
  trailerBytesMax,
} from '../../../src/cli/remote/frames.ts';
import { CallFailed } from '../../../src/cli/remote/status.ts';

const hello = Buffer.from('hello');
const ok = 'grpc-status: 0\r\n';

function withFlags(flags: number, content: string | Buffer, length = Buffer.from(content).length): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, Buffer.from(content)]);
}

const data = (content: string | Buffer = hello) => withFlags(0, content);
const trailers = (content: string) => withFlags(0x80, content);

/** What a call comes to whose answer has this body: its message, or code and text of its failure. */
function outcomeOf(pieces: readonly Buffer[], headers: Trailers = {}): string {
  try {
    const reader = frameReader();
    for (const piece of pieces) reader.take(piece);
    return messageOf(reader.end(), headers).toString();
  } catch (error) {
    if (error instanceof CallFailed) return `${error.code} ${error.details}`;
    throw error;
  }
}

const bytewise = (body: Buffer): readonly Buffer[] => Array.from(body, (byte) => Buffer.from([byte]));

describe('an answer, in one piece and byte by byte', () => {
  const table: readonly (readonly [what: string, body: Buffer, outcome: string, headers?: Trailers])[] = [
    ['a message and its trailers', Buffer.concat([data(), trailers(ok)]), 'hello'],
    ['an empty message', Buffer.concat([data(''), trailers(ok)]), ''],
    [
      'trailers before the message',
      Buffer.concat([trailers(ok), data()]),
      '14 Protocol error: more after the trailers',
    ],
    ['two messages', Buffer.concat([data(), data(), trailers(ok)]), '14 Protocol error: a second message'],
    [
      'trailers twice',
      Buffer.concat([data(), trailers(ok), trailers(ok)]),
      '14 Protocol error: more after the trailers',
    ],
    ['no trailers', data(), '14 Protocol error: no trailers'],
    ['no message', trailers(ok), '14 Protocol error: no message'],
    ['nothing', Buffer.alloc(0), '14 Protocol error: no grpc-status'],
    [
      'nothing, but a refusal in the headers',
      Buffer.alloc(0),
      '5 gone',
      { 'grpc-status': '5', 'grpc-message': 'gone' },
    ],
    ['trailers, and others in the headers', trailers('grpc-status: 5\r\n'), '5 ', { 'grpc-status': '0' }],
    ['a cut head', Buffer.from([0, 0, 0]), '14 Connection closed too early'],
    ['a cut message', data().subarray(0, 8), '14 Connection closed too early'],
    ['cut trailers', Buffer.concat([data(), trailers(ok).subarray(0, 9)]), '14 Connection closed too early'],
    ['HTML', Buffer.from('<!doctype html>'), '14 Protocol error: frame with flags 60, nobody asked for'],
    ['a compressed message', withFlags(1, 'x'), '14 Protocol error: frame with flags 1, nobody asked for'],
    [
      'compressed trailers',
      withFlags(0x81, 'x'),
      '14 Protocol error: frame with flags 129, nobody asked for',
    ],
    [
      'a refusal',
      trailers('grpc-status:9\r\ngrpc-message:not%20locked%2C \u00fcber\r\n'),
      '9 not locked, über',
    ],
    ['a refusal behind a message', Buffer.concat([data(), trailers('grpc-status: 9\r\n')]), '9 '],
    ['names in capitals', trailers('GRPC-Status: 9\r\nGrpc-Message: no\r\n'), '9 no'],
    ['a status twice: the first', trailers(`grpc-status: 9\r\n${ok}`), '9 '],
    ['a status that is no number', trailers('grpc-status: ok\r\n'), '14 Protocol error: no grpc-status'],
    ['a status as an inherited name', trailers('__proto__: 0\r\n'), '14 Protocol error: no grpc-status'],
    ['a text that is wrongly encoded', trailers('grpc-status: 9\r\ngrpc-message: 100%\r\n'), '9 100%'],
    ['lines without a name', trailers(`\r\n:0\r\nnothing\r\n${ok}`), '14 Protocol error: no message'],
  ];

  // With a default, lest Jest take it for a callback where a row has none.
  test.each(table)('%s', (_, body, outcome, headers = {}) => {
    expect(outcomeOf([body], headers)).toBe(outcome);
    expect(outcomeOf(bytewise(body), headers)).toBe(outcome);
  });

  test('what is sent is read back', () => {
    expect(outcomeOf([frame(hello), trailers(ok)])).toBe('hello');
  });
});

describe('bounds', () => {
  test('a message of the largest size is taken, one of a byte more is refused by its head', () => {
    const largest = Buffer.alloc(messageBytesMax, 'a');
    const [head, rest] = [frame(largest).subarray(0, 5), frame(largest).subarray(5)];
    expect(outcomeOf([head, rest, trailers(ok)])).toHaveLength(messageBytesMax);
    expect(outcomeOf([withFlags(0, '', messageBytesMax + 1)])).toMatch(/^14 .*larger than max/);
  });

  test('trailers of the largest size are taken, those of a byte more are refused by their head', () => {
    const padding = 'x: '.padEnd(trailerBytesMax - ok.length - 2, 'a');
    expect(outcomeOf([data(), trailers(`${padding}\r\n${ok}`)])).toBe('hello');
    expect(outcomeOf([data(), withFlags(0x80, '', trailerBytesMax + 1)])).toMatch(/^14 .*larger than max/);
  });
});
