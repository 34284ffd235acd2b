import { expect, test } from '@jest/globals';
import { createKnownTokens } from '../../src/rpc/limits/known-tokens.ts';

const token = (nth: number) => `Bearer ${nth}.${String(nth).padStart(43, 'x')}`;

test('of more tokens than are kept, the one that has not worked for the longest is forgotten', () => {
  const known = createKnownTokens();
  for (let nth = 0; nth < 10_000; nth += 1) known.add(token(nth));
  known.add(token(0));
  known.add(token(10_000));
  expect([0, 1, 2, 9_999, 10_000].map((nth) => known.has(token(nth)))).toEqual([
    true,
    false,
    true,
    true,
    true,
  ]);
});

test('a token is known by more than its id, and a JWT by its signature', () => {
  const known = createKnownTokens();
  known.add(token(1));
  known.add('Bearer head.body.signature');
  expect(known.has(`Bearer 1.${'y'.repeat(43)}`)).toBe(false);
  known.delete(`Bearer 1.${'y'.repeat(43)}`);
  expect(known.has(token(1))).toBe(true);
  expect(known.has('Bearer head.body.other')).toBe(false);
  expect(known.has('Bearer head.body.signature')).toBe(true);
  expect(known.has(undefined)).toBe(false);
  known.delete(token(1));
  expect(known.has(token(1))).toBe(false);
});
