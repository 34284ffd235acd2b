import { type DescMessage, fromJson, type JsonObject, toJson } from '@bufbuild/protobuf';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { encodeJson } from '../../src/server/messages/json-encoder.ts';
import { timestampText } from '../../src/server/messages/timestamp-text.ts';
import { probeMessage, scalarMembers } from './probe.ts';

function check(desc: DescMessage, json: JsonObject): void {
  const message = fromJson(desc, json);
  expect(encodeJson(desc, message)).toBe(JSON.stringify(toJson(desc, message)));
}

const int = (min: number, max: number) => fc.oneof(fc.constant(0), fc.integer({ min, max }));
const text = fc.oneof(
  fc.constant(''),
  fc.string({ unit: 'binary' }).filter((value) => value.isWellFormed()),
  fc.constantFrom('"\\\u0000\u2028', '😀'),
);
const float = fc.oneof(
  fc.constantFrom<number | string>(-0, 'NaN', 'Infinity', '-Infinity'),
  fc.float({ noDefaultInfinity: true, noNaN: true }),
);
const bytes = fc.uint8Array().map((value) => Buffer.from(value).toString('base64'));
const signed = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);
const unsigned = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
const color = fc.oneof(fc.constantFrom<string | number>('COLOR_RED', 'COLOR_BLUE', 0), int(-5, 99));
const stamp = fc
  .tuple(
    fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
    fc.constantFrom('', '.1', '.12', '.123456', '.123456789', '.000000001'),
  )
  .map(([date, fraction]) => `${date.toISOString().slice(0, 19)}${fraction}Z`);

const parseObject = (value: object): JsonObject => value as JsonObject;

const { probe } = fc.letrec<{ probe: JsonObject }>((tie) => ({
  probe: fc
    .tuple(
      fc.record(
        {
          ...scalarMembers({ int, text, signed, unsigned, float, bytes }),
          color,
          colors: fc.array(color, { maxLength: 3 }),
          note: text,
          labels: fc.dictionary(fc.oneof(text, fc.constantFrom('__proto__', '7', 'toString')), signed, {
            maxKeys: 3,
          }),
          when: stamp,
          stamps: fc.array(stamp, { maxLength: 3 }),
          child: fc.option(tie('probe'), { maxDepth: 2 }),
          children: fc.array(tie('probe'), { maxLength: 2, depthIdentifier: 'probe', size: 'xsmall' }),
        },
        { requiredKeys: [] },
      ),
      fc.constantFrom({}, { left: '' }, { left: 'x' }, { right: 0 }, { right: 5 }, { middle: {} }),
    )
    .map(([record, oneof]) => parseObject({ ...record, ...oneof })),
}));

describe('the compact JSON writer', () => {
  test('writes the very text of the library', () => {
    fc.assert(
      fc.property(probe, (json) => check(probeMessage('Plain'), json)),
      { numRuns: 300 },
    );
  });

  test('leaves the rarer well-known types to the library', () => {
    check(probeMessage('Probe'), {
      userId: '7',
      wait: '1.5s',
      mask: 'a,b',
      flag: false,
      maybe: '',
      thing: { a: [1, null] },
      child: { flag: true },
    });
  });

  test('refuses a value that is not of the type', () => {
    const desc = probeMessage('Plain');
    const message = Object.assign(fromJson(desc, {}), { oneBytes: 'text', stamps: [{}] });
    expect(() => encodeJson(desc, message)).toThrow('cannot encode to JSON');
  });
});

describe('a timestamp', () => {
  test.each([
    [0n, 0, '1970-01-01T00:00:00Z'],
    [-1n, 999_999_999, '1969-12-31T23:59:59.999999999Z'],
    [-62_135_596_800n, 0, '0001-01-01T00:00:00Z'],
    [253_402_300_799n, 120_000_000, '9999-12-31T23:59:59.120Z'],
    [1_709_164_800n, 1000, '2024-02-29T00:00:00.000001Z'],
  ])('%d s and %d ns', (seconds, nanos, expected) => expect(timestampText(seconds, nanos)).toBe(expected));

  test.each([
    [-62_135_596_801n, 0],
    [253_402_300_800n, 0],
    [0n, -1],
    [0n, 1_000_000_000],
  ])('%d s and %d ns is out of range', (seconds, nanos) => {
    expect(() => timestampText(seconds, nanos)).toThrow(RangeError);
  });
});
