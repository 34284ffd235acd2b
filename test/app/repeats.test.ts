import { expect, test } from '@jest/globals';
import { createRepeats } from '../../src/app/log/repeats.ts';

test('failures that differ in a number alone are one kind, and are counted under the first of them as it was', () => {
  const told: unknown[] = [];
  const repeats = createRepeats((fields, message) => told.push({ ...fields, message }));
  const failing = (at: number) => [{ err: new Error(`/data7/latchkey.db: page ${at}`) }, 'unexpected error'];
  expect([1, 2, 3].map((at) => repeats.take(failing(at)))).toEqual([false, true, true]);
  expect(repeats.take([{ err: new Error('another') }, 'unexpected error'])).toBe(false);
  repeats.close();
  expect(told).toEqual([
    { failure: 'Error: /data7/latchkey.db: page 1', times: 2, message: 'unexpected error, again' },
  ]);
});

test('what has the form of a secret is not repeated', () => {
  const told: object[] = [];
  const repeats = createRepeats((fields) => told.push(fields));
  const failing = [{ err: new Error('postgres://latchkey:sesame@db.example: refused') }, 'unexpected error'];
  repeats.take(failing);
  repeats.take(failing);
  repeats.close();
  expect(JSON.stringify(told)).toContain('db.example');
  expect(JSON.stringify(told)).not.toContain('sesame');
});
