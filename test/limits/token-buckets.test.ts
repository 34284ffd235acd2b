import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createTokenBuckets } from '../../src/rpc/limits/token-buckets.ts';

const startMs = Date.UTC(2026, 0, 31);
const limits = { perSecond: 10, burst: 3, bucketsMax: 4 };

test('a burst is taken whole, one more waits for as long as it says', () => {
  const buckets = createTokenBuckets(limits, startMs);
  expect([1, 2, 3].map(() => buckets.take('a', startMs))).toEqual([0, 0, 0]);
  expect(buckets.take('a', startMs)).toBe(100);
  expect(buckets.take('a', startMs + 99)).toBe(1);
  expect(buckets.take('a', startMs + 100)).toBe(0);
  expect(buckets.take('a', startMs + 100)).toBe(100);
});

test('whatever the rate, a burst is exact, and no more than the rate comes after it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 400 }), (perSecond, burst) => {
      const buckets = createTokenBuckets({ perSecond, burst, bucketsMax: 1 }, startMs);
      const takeAll = (nowMs: number): number => {
        let taken = 0;
        while (buckets.take('a', nowMs) === 0) taken += 1;
        return taken;
      };
      expect(takeAll(startMs)).toBe(burst);
      let after = 0;
      for (let ms = 1; ms <= 1_000; ms += 1) after += takeAll(startMs + ms);
      expect(after).toBeLessThanOrEqual(perSecond);
      // Asked every millisecond, a bucket of one loses what is left of the one that it was refilled in.
      expect(after).toBeGreaterThanOrEqual(Math.floor(1_000 / Math.ceil(1_000 / perSecond)));
    }),
    { numRuns: 100 },
  );
});

test('looking takes nothing', () => {
  const buckets = createTokenBuckets(limits, startMs);
  for (let look = 0; look < 10; look += 1) expect(buckets.wait('a', startMs)).toBe(0);
  expect(buckets.size).toBe(0);
  expect(buckets.take('a', startMs)).toBe(0);
});

test('who is charged beyond the bucket waits longer, but no longer than a minute and the bucket', () => {
  const buckets = createTokenBuckets(limits, startMs);
  for (let call = 0; call < 13; call += 1) buckets.charge('a', startMs);
  expect(buckets.wait('a', startMs)).toBe(1_100);
  for (let call = 0; call < 10_000; call += 1) buckets.charge('a', startMs);
  expect(buckets.wait('a', startMs)).toBe(60_100);
  expect(buckets.wait('a', startMs + 60_100)).toBe(0);
});

test('a clock that is set back makes nobody wait longer than a debt does', () => {
  const buckets = createTokenBuckets(limits, startMs);
  buckets.take('a', startMs + 86_400_000);
  expect(buckets.wait('a', startMs)).toBeLessThanOrEqual(60_100);
});

test('a busy bucket is never forgotten; the keys without a place share one', () => {
  const buckets = createTokenBuckets(limits, startMs);
  for (let call = 0; call < 3; call += 1) buckets.take('victim', startMs);
  for (const key of ['b', 'c', 'd']) buckets.take(key, startMs);
  const strangers = Array.from({ length: 1_000 }, (_, index) => buckets.take(`stranger ${index}`, startMs));
  expect(strangers.filter((waitMs) => waitMs === 0)).toHaveLength(3);
  expect(buckets.take('victim', startMs)).toBe(100);
  expect([1, 2, 3].map(() => buckets.take('b', startMs))).toEqual([0, 0, 100]);
  expect(buckets.size).toBe(4);
});

test('a full bucket makes room for another', () => {
  const buckets = createTokenBuckets(limits, startMs);
  for (const key of ['a', 'b', 'c', 'd']) buckets.take(key, startMs);
  for (let key = 0; key < 1_000; key += 1) expect(buckets.take(`${key}`, startMs + (key + 1) * 100)).toBe(0);
  expect(buckets.size).toBe(4);
});
