import {
  create,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonObject,
  toBinary,
} from '@bufbuild/protobuf';
import { TimestampSchema } from '@bufbuild/protobuf/wkt';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { encodeProto } from '../../src/server/messages/proto-encoder.ts';
import { probeMessage, scalarMembers } from './probe.ts';

function check(desc: DescMessage, json: JsonObject): void {
  const message = fromJson(desc, json);
  const expected = Buffer.from(toBinary(desc, message));
  expect(encodeProto(desc, message).toString('hex')).toBe(expected.toString('hex'));
}

const int = (min: number, max: number) => fc.oneof(fc.constantFrom(0, 127, 128), fc.integer({ min, max }));
const text = fc.oneof(
  fc.constantFrom('', 'x'.repeat(40), 'x'.repeat(127), 'x'.repeat(128), 'é'.repeat(64), '😀'),
  fc.string({ unit: 'binary', maxLength: 200 }).filter((value) => value.isWellFormed()),
);
const float = fc.oneof(fc.constantFrom<number | string>(-0, 0, 'NaN', '-Infinity'), fc.constant(0.5));
const edges = [0n, 127n, 128n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n];
const signed = fc.oneof(
  fc.constantFrom(...edges.flatMap((edge) => [String(edge), String(-edge)])),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
);
const unsigned = fc.oneof(
  fc.constantFrom(...edges.map(String), String(2n ** 64n - 1n)),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
);
const color = fc.oneof(fc.constantFrom<string | number>('COLOR_RED', 0), int(-5, 99));
const bytes = fc.uint8Array({ maxLength: 200 }).map((value) => Buffer.from(value).toString('base64'));

const { probe } = fc.letrec<{ probe: JsonObject }>((tie) => ({
  probe: fc
    .tuple(
      fc.record(
        {
          ...scalarMembers({ int, text, signed, unsigned, float, bytes }),
          color,
          colors: fc.array(color, { maxLength: 3 }),
          note: text,
          labels: fc.dictionary(text, signed, { maxKeys: 2 }),
          when: fc.constantFrom(
            '1970-01-01T00:00:00Z',
            '0001-01-01T00:00:00.000000001Z',
            '2026-07-01T12:00:00Z',
          ),
          child: fc.option(tie('probe'), { maxDepth: 2 }),
          children: fc.array(tie('probe'), { maxLength: 2, depthIdentifier: 'probe', size: 'xsmall' }),
        },
        { requiredKeys: [] },
      ),
      fc.constantFrom({}, { left: '' }, { left: 'x' }, { right: 0 }, { right: 5 }),
    )
    .map(([record, oneof]) => ({ ...record, ...oneof }) as JsonObject),
}));

describe('the compact protobuf writer', () => {
  test('writes the very bytes of the library', () => {
    fc.assert(
      fc.property(probe, (json) => check(probeMessage('Plain'), json)),
      { numRuns: 300 },
    );
  });

  test('writes the rarer well-known types as well', () => {
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

  test('a large message, and the small one after it', () => {
    check(probeMessage('Plain'), {
      oneString: 'ä'.repeat(2_000_000),
      children: [{ oneString: 'x'.repeat(9_000) }],
    });
    check(probeMessage('Plain'), { oneString: 'x' });
  });

  test('passes on the fields that it does not know', () => {
    const unknown = Buffer.from([0x08, 5, 0xfa, 0x01, 2, 7, 7, 0x9d, 0x06, 1, 2, 3, 4]);
    const message = fromBinary(TimestampSchema, unknown);
    expect(encodeProto(TimestampSchema, message)).toEqual(unknown);
  });

  test('answers are apart from one another', () => {
    const one = encodeProto(TimestampSchema, create(TimestampSchema, { seconds: 1n }));
    encodeProto(TimestampSchema, create(TimestampSchema, { seconds: 2n }));
    expect(one).toEqual(Buffer.from([0x08, 1]));
  });

  test('refuses a value that is not of the type', () => {
    const desc = probeMessage('Plain');
    for (const wrong of [{ oneString: 7 }, { oneBytes: 'text' }, { oneInt32: '7' }, { child: {} }]) {
      const message = Object.assign(fromJson(desc, {}), wrong);
      expect(() => encodeProto(desc, message)).toThrow('cannot encode to protobuf');
    }
  });
});
