import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { HeaderField } from '../../../src/server/http2/header-field.ts';
import { HpackDecoder } from '../../../src/server/http2/hpack/decoder.ts';
import { HpackEncoder } from '../../../src/server/http2/hpack/encoder.ts';

function decode(decoder: HpackDecoder, block: Buffer): string[] {
  const fields: string[] = [];
  const sink = { add: ({ name, value }: HeaderField) => fields.push(`${name}: ${value}`) };
  decoder.decode(block, 0, block.length, sink);
  return fields;
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const request = (...more: string[]): string[] => [':authority: www.example.com', ...more];
const date = (seconds: number): string => `date: Mon, 21 Oct 2013 20:13:${seconds} GMT`;
const cookie = 'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1';
const site = 'location: https://www.example.com';
const get = [':method: GET', ':scheme: http', ':path: /'];
const requests = [
  [...get, ...request()],
  [...get, ...request('cache-control: no-cache')],
  [':method: GET', ':scheme: https', ':path: /index.html', ...request('custom-key: custom-value')],
];
const responses = [
  [':status: 302', 'cache-control: private', date(21), site],
  [':status: 307', 'cache-control: private', date(21), site],
  [':status: 200', 'cache-control: private', date(22), site, 'content-encoding: gzip', cookie],
];
// RFC 7541 §6.3: the examples of responses have a table of 256 bytes.
const tableOf256 = '3fe101';

describe('the examples of RFC 7541, appendix C', () => {
  test.each([
    ['400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572', 'custom-key: custom-header'],
    ['040c 2f73 616d 706c 652f 7061 7468', ':path: /sample/path'],
    ['1008 7061 7373 776f 7264 0673 6563 7265 74', 'password: secret'],
    ['82', ':method: GET'],
  ])('%s', (block, field) => {
    expect(decode(new HpackDecoder(), hex(block))).toEqual([field]);
  });

  test.each([
    [
      'requests',
      requests,
      [
        '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '8286 84be 5808 6e6f 2d63 6163 6865',
        '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
      ],
    ],
    [
      'requests with Huffman codes',
      requests,
      [
        '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
        '8286 84be 5886 a8eb 1064 9cbf',
        '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
      ],
    ],
    [
      'responses, with eviction',
      responses,
      [
        `${tableOf256} 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
        '4803 3330 37c1 c0bf',
        '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31',
      ],
    ],
    [
      'responses with Huffman codes, with eviction',
      responses,
      [
        `${tableOf256} 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
        '4883 640e ffc1 c0bf',
        '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
      ],
    ],
  ])('%s', (_what, fields, blocks) => {
    const decoder = new HpackDecoder();
    expect(blocks.map((block) => decode(decoder, hex(block)))).toEqual(fields);
  });
});

test.each([
  ['an index of nothing', 'be'],
  ['index zero', '80'],
  ['a number that never ends', 'ffffffffffffffff'],
  ['a string beyond the block', '0005 61'],
  ['a block that ends within a field', '40'],
  ['EOS within a string', '0084 ffffffff 0161'],
  ['a Huffman code that is cut', '0081 fe 0161'],
  ['a table larger than was offered', '3fe21f'],
  ['a table resized within the block', '8220'],
  ['a table resized three times', '202020'],
])('%s is refused', (_what, block) => {
  expect(() => decode(new HpackDecoder(), hex(block))).toThrow();
});

test('bytes of any kind end in fields or in an error of the connection, and soon', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      try {
        decode(new HpackDecoder(), Buffer.from(bytes));
      } catch (error) {
        expect(error).toMatchObject({ code: 9 });
      }
    }),
    { numRuns: 2_000 },
  );
});

test('what the encoder writes, the decoder reads, whatever sizes the table takes', () => {
  const name = fc.constantFrom('content-type', 'grpc-status', 'vary', 'x-request-id', 'date', 'x-other');
  const value = fc.string({ maxLength: 300 }).map((text) => text.replace(/[^ -~]|^ | $/g, '-'));
  const block = fc.record({
    status: fc.constantFrom(200, 404, 418, 503),
    pairs: fc.array(fc.tuple(name, value), { maxLength: 8 }).map((pairs) => Object.freeze(pairs.flat())),
    resize: fc.option(fc.constantFrom(0, 64, 4_096, 65_536)),
    times: fc.integer({ min: 1, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(block, { maxLength: 20 }), (blocks) => {
      const [encoder, decoder, to] = [new HpackEncoder(), new HpackDecoder(), Buffer.alloc(8_192)];
      for (const { status, pairs, resize, times } of blocks) {
        if (resize !== null) encoder.resize(resize);
        const expected = [`:status: ${status}`];
        for (let at = 0; at < pairs.length; at += 2) expected.push(`${pairs[at]}: ${pairs[at + 1]}`);
        for (let time = 0; time < times; time++) {
          const end = encoder.pairs(to, encoder.status(to, encoder.begin(to, 0), status), pairs);
          expect(decode(decoder, to.subarray(0, end))).toEqual(expected);
        }
      }
    }),
  );
});
