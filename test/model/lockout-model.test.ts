import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decideAbandonment, decideFailure } from '../../src/domain/attempt.ts';
import { evolve } from '../../src/domain/evolve/evolve.ts';
import { isLockOver } from '../../src/domain/lock-events.ts';
import { startMs } from '../support/start-server.ts';
import { type Law, Lawful } from './law.ts';
import { Reference } from './reference.ts';
import { attemptSteps, steps } from './steps.ts';

/** After every step the row, the fold of the log, and what the words of the contract make of it are the same. */
const property = (broken: Partial<Law> = {}, lives = steps) =>
  fc.property(lives, (life) => {
    const real = new Lawful(startMs, broken);
    const reference = new Reference(startMs);
    for (const step of life) {
      const expected = reference.apply(step);
      const answered = real.apply(step);
      if (answered !== expected) throw new Error(`${JSON.stringify(step)}: ${answered}, not ${expected}`);
      const [seen, wanted] = [JSON.stringify(real.look()), JSON.stringify(reference.look())];
      if (seen !== wanted) throw new Error(`after ${JSON.stringify(step)}: ${seen}, not ${wanted}`);
    }
  });

test('ten thousand lives under the law go as the reference says', () => {
  fc.assert(property(), { numRuns: 10_000 });
});

test('and so do ten thousand whose password an application checks', () => {
  fc.assert(property({}, attemptSteps), { numRuns: 10_000 });
});

const abandonments: Readonly<Record<string, Partial<Law>>> = {
  'one abandoned attempt too many that is free': {
    decideAbandonment: (user, policy, attempt) =>
      decideAbandonment(user, { ...policy, maxPasswordAttempts: policy.maxPasswordAttempts + 1 }, attempt),
  },
  'abandoned attempts that are always free': {
    decideAbandonment: (user, policy, attempt) =>
      decideAbandonment({ ...user, lockout: { ...user.lockout, abandoned: 0 } }, policy, attempt),
  },
  'a tally that outlives a success': {
    evolve: (before, event, at) => {
      const after = evolve(before, event, at);
      const abandoned = before?.lockout.abandoned;
      if (event.type !== 'user.human.password.check.succeeded' || abandoned === undefined) return after;
      return { ...after, lockout: { ...after.lockout, abandoned } };
    },
  },
};

test.each(Object.entries(abandonments))('%s is noticed', (_bug, broken) => {
  const checked = fc.check(property(broken, attemptSteps), { numRuns: 10_000, seed: 20_260_101 });
  expect(checked.failed).toBe(true);
});

const bugs: Readonly<Record<string, Partial<Law>>> = {
  'one attempt too many': {
    decideFailure: (user, policy, attempt) =>
      decideFailure(user, { ...policy, maxPasswordAttempts: policy.maxPasswordAttempts + 1 }, attempt),
  },
  'a failure and its lock that are parted': {
    decideFailure: (...facts) => decideFailure(...facts).slice(0, 1),
  },
  'a counter that survives deactivation': {
    evolve: (before, event, at) => {
      const after = evolve(before, event, at);
      if (event.type !== 'user.deactivated' || before === undefined) return after;
      return { ...after, failedPasswordAttempts: before.failedPasswordAttempts };
    },
  },
  'a right password that ends a lock': {
    evolve: (before, event, at) => {
      const after = evolve(before, event, at);
      return event.type === 'user.human.password.check.succeeded' && after.state === 'locked'
        ? { ...after, state: 'active' }
        : after;
    },
  },
  'a lock that lasts a millisecond too long': { isLockOver: (user, nowMs) => isLockOver(user, nowMs - 1) },
  'a lock that ends a millisecond too soon': { isLockOver: (user, nowMs) => isLockOver(user, nowMs + 1) },
  'a first lock that is no shorter than the second': {
    decideFailure: (user, policy, attempt) =>
      decideFailure({ ...user, lockout: { ...user.lockout, policyLocks: 1 } }, policy, attempt),
  },
};

test.each(Object.entries(bugs))('%s is noticed', (_bug, broken) => {
  expect(fc.check(property(broken), { numRuns: 10_000, seed: 20_260_101 }).failed).toBe(true);
});
