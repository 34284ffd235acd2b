import { describe, expect, test } from '@jest/globals';
import { errors } from '../../src/domain/errors.ts';
import type { Call, CallAnswer, CallKind } from '../faults/call.ts';
import { findContradiction } from '../faults/linearizable.ts';
import { compareWithLog, type LoggedEvent } from '../faults/log-check.ts';

const ok = (sequence?: number, state?: 'locked' | 'active'): CallAnswer => ({
  outcome: 'ok',
  sequence,
  state,
});
const refused = (name: keyof typeof errors): CallAnswer => ({ outcome: 'refused', errorId: errors[name].id });
const unknown: CallAnswer = { outcome: 'unknown', why: 'the connection was cut' };

/** From, to, what, answer. */
type Line = readonly [number, number, CallKind, CallAnswer];

function history(...lines: readonly Line[]): readonly Call[] {
  return lines.map(([invokedAtMs, answeredAtMs, kind, answer], index) => {
    return { requestId: `call-${index}`, userId: 'ada', kind, invokedAtMs, answeredAtMs, answer };
  });
}

const created: Line = [0, 1, 'create', ok()];

const right: readonly (readonly [string, readonly Call[]])[] = [
  ['nothing', []],
  ['one after the other', history(created, [2, 3, 'lock', ok(2)], [4, 5, 'unlock', ok(3)])],
  ['a refusal by the table', history(created, [2, 3, 'unlock', refused('userNotLocked')])],
  [
    'two at once of which one wins',
    history(created, [2, 9, 'lock', refused('userNotActiveOrInitial')], [3, 8, 'lock', ok(2)]),
  ],
  [
    'answers in the other order than the changes',
    history(created, [2, 9, 'lock', ok(2)], [3, 4, 'unlock', ok(3)]),
  ],
  [
    'a refusal that was right for a moment in between',
    history(
      created,
      [2, 20, 'lock', ok(2)],
      [2, 20, 'unlock', refused('userNotLocked')],
      [3, 19, 'unlock', ok(3)],
      [4, 18, 'get', ok(2, 'locked')],
    ),
  ],
  ['an unknown outcome that happened', history(created, [2, 3, 'lock', unknown], [4, 5, 'unlock', ok(3)])],
  ['one that did not', history(created, [2, 3, 'lock', unknown], [4, 5, 'lock', ok(2)])],
  [
    'one that happened late',
    history(created, [2, 3, 'lock', unknown], [4, 5, 'get', ok(1, 'active')], [6, 7, 'get', ok(2, 'locked')]),
  ],
  [
    'a lost race that says so in any state',
    history(created, [2, 3, 'unlock', refused('conflict')], [4, 5, 'lock', ok(2)]),
  ],
  [
    'deleted and made again',
    history(created, [2, 3, 'delete', ok(2)], [4, 5, 'create', ok()], [6, 7, 'get', ok(3, 'active')]),
  ],
];

const wrong: readonly (readonly [string, number, readonly Call[]])[] = [
  ['two locks that both win', 2, history(created, [2, 9, 'lock', ok(2)], [3, 9, 'lock', ok(2)])],
  [
    'two locks that both win, each with a number of its own',
    2,
    history(created, [2, 8, 'lock', ok(2)], [3, 9, 'lock', ok(3)]),
  ],
  [
    'an acknowledged change that is lost',
    2,
    history(created, [2, 3, 'lock', ok(2)], [4, 5, 'get', ok(1, 'active')]),
  ],
  [
    'a lost one that the next change hides',
    2,
    history(created, [2, 3, 'lock', ok(2)], [4, 5, 'lock', ok(2)]),
  ],
  [
    'a refusal from a state that was over',
    2,
    history(created, [2, 3, 'lock', ok(2)], [4, 5, 'unlock', refused('userNotLocked')]),
  ],
  [
    'a refusal of a change that nobody else has made',
    1,
    history(created, [2, 3, 'lock', refused('userNotActiveOrInitial')]),
  ],
  ['a refusal by the wrong error', 1, history(created, [2, 3, 'unlock', refused('userNotInactive')])],
  [
    'an unknown outcome that happened twice',
    3,
    history(created, [2, 3, 'lock', unknown], [4, 5, 'unlock', ok(3)], [6, 7, 'unlock', ok(5)]),
  ],
  [
    'an unknown outcome that happened before it was asked for',
    1,
    history(created, [2, 3, 'get', ok(2, 'locked')], [4, 5, 'lock', unknown]),
  ],
  ['a sequence that jumps', 2, history(created, [2, 3, 'lock', ok(2)], [4, 5, 'unlock', ok(4)])],
  [
    'a user who is there before being made',
    0,
    history([0, 1, 'get', ok(1, 'active')], [2, 3, 'create', ok()]),
  ],
  [
    'a deleted user who is still seen',
    2,
    history(created, [2, 3, 'delete', ok(2)], [4, 5, 'get', ok(1, 'active')]),
  ],
];

describe('an order of the calls that explains every answer', () => {
  test.each(right)('there is one: %s', (_name, calls) => {
    expect(findContradiction(calls)).toBeUndefined();
  });

  test.each(wrong)('there is none: %s', (_name, index, calls) => {
    expect(findContradiction(calls)).toBeDefined();
    // And but for that one call there would be.
    expect(findContradiction(calls.toSpliced(index, 1))).toBeUndefined();
  });

  test('is found among hundreds of unknown outcomes, and missed where there is none', () => {
    const lines = Array.from({ length: 400 }, (_none, nth): Line[] => [
      [10 * nth + 10, 10 * nth + 11, nth % 2 === 0 ? 'lock' : 'unlock', unknown],
      [10 * nth + 12, 10 * nth + 13, nth % 2 === 0 ? 'lock' : 'unlock', ok(nth + 2)],
    ]).flat();
    expect(findContradiction(history(created, ...lines))).toBeUndefined();
    const jump: Line = [9_000, 9_001, 'delete', ok(900)];
    expect(findContradiction(history(created, ...lines, jump))).toBeDefined();
  });
});

describe('the calls and the log', () => {
  const calls = history(
    created,
    [2, 3, 'lock', ok(2)],
    [4, 5, 'lock', refused('userNotActiveOrInitial')],
    [6, 7, 'unlock', unknown],
  );
  const event = (sequence: number, type: string, requestId: string): LoggedEvent => {
    return { position: sequence, userId: 'ada', sequence, type, requestId };
  };
  const log = [event(1, 'user.machine.added', 'call-0'), event(2, 'user.locked', 'call-1')];

  test.each([
    ['what was acknowledged', log],
    ['and what may have happened', [...log, event(3, 'user.unlocked', 'call-3')]],
  ])('agree: %s', (_name, events) => {
    expect(compareWithLog(calls, events)).toEqual([]);
  });

  test.each([
    ['lost: call-1', log.slice(0, 1)],
    ['lost: call-0', log.slice(1)],
    [
      'done 2 times: call-3',
      [...log, event(3, 'user.unlocked', 'call-3'), event(4, 'user.unlocked', 'call-3')],
    ],
    ['logged under sequence 3', [...log.slice(0, 1), event(3, 'user.locked', 'call-1')]],
    ['without cause', [...log, event(3, 'user.unlocked', 'call-3'), event(4, 'user.locked', 'call-2')]],
    ['without cause', [...log, event(3, 'user.unlocked', 'nobody')]],
    ['without cause', [...log, event(3, 'user.removed', 'call-3')]],
  ])('differ: %s', (complaint, events) => {
    expect(compareWithLog(calls, events)).toEqual([expect.stringContaining(complaint)]);
  });
});
