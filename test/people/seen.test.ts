import { expect, test } from '@jest/globals';
import { createSeen } from '../../src/cli/people/seen.ts';

test('each text is known by the line that first had it, however many there are', () => {
  const seen = createSeen();
  const count = 50_000;
  const textsOf = (at: number) => [`id ${at}`, `name home person-${at}@mail.example`];
  const lines = Array.from({ length: count }, (_, at) => at + 1);
  expect(lines.filter((line) => seen.meet(textsOf(line), line) !== undefined)).toEqual([]);
  const later = 1_000_000;
  expect(lines.filter((line) => seen.meet(['new', ...textsOf(line)], later)?.line !== line)).toEqual([]);
  // Who was refused leaves nothing.
  expect(seen.meet(['new'], later)).toBeUndefined();
  expect(seen.meet(['other', 'new'], later + 1)).toEqual({ at: 1, line: later });
});

test('a text costs no more memory the longer it is', () => {
  const [long, count] = [10_000, 20_000];
  const seen = createSeen();
  const before = process.memoryUsage().arrayBuffers;
  for (let at = 0; at < count; at += 1) seen.meet([`${at}${'x'.repeat(long)}`], at + 1);
  // The table while it grows stands beside the one before; the texts would have been 200 MB.
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000);
  expect(seen.meet([`7${'x'.repeat(long)}`], count)).toEqual({ at: 0, line: 8 });
});
