import { expect, test } from '@jest/globals';
import { DomainError } from '../../src/domain/errors.ts';
import { createSharedPlaces, type SharedPlace } from '../../src/sign-in/shared-places.ts';

const address = (network: number, host: number): string => `10.0.${network}.${host}`;
const kept = (places: readonly SharedPlace[]): number =>
  places.filter(({ signal }) => !signal.aborted).length;

test('two addresses that took all places give half of them to a third, one after the other, newest first', () => {
  const { enter } = createSharedPlaces(12);
  const [one, two] = [1, 2].map((network) => Array.from({ length: 6 }, () => enter(address(network, 1))));
  if (one === undefined || two === undefined) throw new Error('no places');
  const third = Array.from({ length: 4 }, () => enter(address(3, 1)));
  expect([kept(one), kept(two), kept(third)]).toEqual([4, 4, 4]);
  expect(one.slice(0, 4).some(({ signal }) => signal.aborted)).toBe(false);
  // All have the same now: one more would only take from others what it takes from them.
  expect(() => enter(address(3, 1))).toThrow(new DomainError('overloaded'));
  expect(() => enter(address(1, 1))).toThrow(new DomainError('overloaded'));
});

test('a network shares as one, however many of its addresses come', () => {
  const { enter } = createSharedPlaces(200);
  const crowd = Array.from({ length: 200 }, (_none, host) => enter(address(1, host)));
  const others = Array.from({ length: 100 }, (_none, nth) => enter(address(2, nth)));
  expect([kept(crowd), kept(others)]).toEqual([100, 100]);
});

test('of IPv6 it is the first three groups', () => {
  const { enter } = createSharedPlaces(4);
  const crowd = ['a', 'b', 'c', 'd'].map((host) => enter(`2001:db8:1:${host}`));
  expect(kept([enter('2001:db8:2:a'), ...crowd])).toBe(4);
  expect(kept(crowd)).toBe(3);
});

test('within a network those of the address that has most go', () => {
  const { enter } = createSharedPlaces(6);
  const many = Array.from({ length: 5 }, () => enter(address(1, 1)));
  const few = [enter(address(1, 2)), enter(address(1, 3)), enter(address(1, 2))];
  expect([kept(many), kept(few)]).toEqual([3, 3]);
});

test('a place that was given up is free once, and not twice', () => {
  const { enter } = createSharedPlaces(2);
  const [one, two] = [enter(address(1, 1)), enter(address(1, 1))];
  const newcomer = enter(address(2, 1));
  expect([one, two].map(({ signal }) => signal.aborted)).toEqual([false, true]);
  two[Symbol.dispose]();
  expect(() => enter(address(2, 1))).toThrow(new DomainError('overloaded'));
  one[Symbol.dispose]();
  expect(kept([newcomer, enter(address(2, 1))])).toBe(2);
});

test('who comes from nowhere that is known shares as one', () => {
  const { enter } = createSharedPlaces(2);
  const unknown = [enter(undefined), enter(undefined)];
  enter(address(1, 1));
  expect(kept(unknown)).toBe(1);
});
