import { expect, test } from '@jest/globals';
import { createTurns } from '../../src/domain/turns.ts';

function order(waiting: readonly (readonly [item: string, keys: readonly string[], cost: number])[]): string {
  const turns = createTurns<string>();
  for (const [item, keys, cost] of waiting) turns.add(item, keys, cost);
  const taken: string[] = [];
  for (let item = turns.take(); item !== undefined; item = turns.take()) taken.push(item);
  expect(turns.size).toBe(0);
  return taken.join(' ');
}

test('turns go round between names, and among the names within one', () => {
  const of = (item: string, ...keys: string[]) => [item, keys, 1] as const;
  expect(order([of('a1', 'a'), of('a2', 'a'), of('a3', 'a'), of('b1', 'b')])).toBe('a1 b1 a2 a3');
  expect(order([of('ax1', 'a', 'x'), of('ax2', 'a', 'x'), of('ay1', 'a', 'y'), of('b1', 'b', 'x')])).toBe(
    'ax1 b1 ay1 ax2',
  );
});

test('what is dear counts for as many turns as it costs', () => {
  const dear = ['d1', 'd2'].map((item) => [item, ['dear'], 4] as const);
  const cheap = ['c1', 'c2', 'c3', 'c4', 'c5'].map((item) => [item, ['cheap'], 1] as const);
  expect(order([...dear, ...cheap])).toBe('d1 c1 c2 c3 c4 d2 c5');
});

test('who went ahead and comes back waits for the others; who is new starts at the present', () => {
  const turns = createTurns<string>();
  turns.add('a1', ['a'], 10);
  expect(turns.take()).toBe('a1');
  turns.add('a2', ['a'], 1);
  turns.add('b1', ['b'], 1);
  turns.add('b2', ['b'], 1);
  expect([turns.take(), turns.take(), turns.take()]).toEqual(['b1', 'b2', 'a2']);
});

test('who is barred is passed over, and who leaves is not taken', () => {
  const turns = createTurns<string>();
  turns.add('a1', ['a'], 1);
  turns.add('b1', ['b'], 1);
  turns.add('b2', ['b'], 1);
  expect(turns.take((name) => name === 'a')).toBe('b1');
  expect([turns.remove('b2'), turns.remove('b2'), turns.countOf('b'), turns.size]).toEqual([
    true,
    false,
    0,
    1,
  ]);
  expect(turns.take((name) => name === 'a')).toBeUndefined();
  expect(turns.take()).toBe('a1');
});

test('who comes anew is told how many have their turn before, and never too many', () => {
  const turns = createTurns<string>();
  const before = () => ['a', 'b', 'c'].map((name) => turns.turnsBefore(name));
  expect(before()).toEqual([0, 0, 0]);
  for (const item of ['a1', 'a2', 'a3']) turns.add(item, ['a'], 1);
  turns.add('b1', ['b'], 1);
  expect(before()).toEqual([4, 2, 2]);
  // The second of `a` has its turn after whoever comes now.
  expect([turns.take(), turns.take()]).toEqual(['a1', 'b1']);
  expect(before()).toEqual([2, 0, 0]);
});
