import fc from 'fast-check';
import type { UserAction } from '../../src/domain/user-state.ts';

export type Device = 'phone' | 'laptop';

/** What a policy of these tests says; the rest of it is switched off. */
export interface Rules {
  readonly maxPasswordAttempts: number;
  readonly windowSeconds: number;
  readonly lockSeconds: number;
  readonly lockGrowth: number;
  readonly lockSecondsMax: number;
  readonly knownDevices: boolean;
}

/** One thing that happens to one user. */
export type Step =
  | { readonly kind: 'sign in'; readonly device: Device | undefined; readonly isRight: boolean }
  /** An attempt of an application's that is begun and not checked. */
  | { readonly kind: 'abandon'; readonly device: Device | undefined }
  /** One that nobody ends: half a minute later. */
  | { readonly kind: 'leave open'; readonly device: Device | undefined }
  | { readonly kind: 'act'; readonly action: UserAction }
  | { readonly kind: 'create again' }
  | { readonly kind: 'lock for'; readonly ms: number }
  | { readonly kind: 'new password' }
  | { readonly kind: 'policy'; readonly rules: Rules }
  /** Clocks jump, back as well. */
  | { readonly kind: 'wait'; readonly ms: number }
  /** To so many milliseconds from the end of the lock, where it has one. */
  | { readonly kind: 'wait for the end'; readonly ms: number };

export const firstRules: Rules = {
  maxPasswordAttempts: 3,
  windowSeconds: 0,
  lockSeconds: 60,
  lockGrowth: 2,
  lockSecondsMax: 150,
  knownDevices: true,
};

const rules = fc.record({
  maxPasswordAttempts: fc.constantFrom(0, 1, 2, 3, 4),
  windowSeconds: fc.constantFrom(0, 30, 100),
  lockSeconds: fc.constantFrom(0, 20, 60),
  lockGrowth: fc.constantFrom(1, 2, 3),
  lockSecondsMax: fc.constantFrom(0, 45, 100),
  knownDevices: fc.boolean(),
});

const signIn = fc.record({
  kind: fc.constant('sign in' as const),
  device: fc.constantFrom(undefined, undefined, 'phone' as const, 'laptop' as const),
  isRight: fc.constantFrom(false, false, true),
});
const act = fc.record({
  kind: fc.constant('act' as const),
  action: fc.constantFrom<UserAction>('lock', 'unlock', 'unlock', 'deactivate', 'reactivate', 'delete'),
});
const lockFor = fc.record({
  kind: fc.constant('lock for' as const),
  ms: fc.constantFrom(1, 20_000, 60_000),
});
const wait = fc.record({
  kind: fc.constant('wait' as const),
  ms: fc.constantFrom(0, 1, 5_000, 20_000, 30_000, 59_999, 100_000),
});
const jumpBack = fc.record({
  kind: fc.constant('wait' as const),
  ms: fc.constantFrom(-1, -3_000, -60_000),
});
const toEnd = fc.record({
  kind: fc.constant('wait for the end' as const),
  ms: fc.constantFrom(-1, 0, 1),
});
const step = fc.oneof(
  { weight: 10, arbitrary: signIn },
  { weight: 4, arbitrary: act },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('create again' as const) }) },
  { weight: 2, arbitrary: lockFor },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('policy' as const), rules }) },
  { weight: 3, arbitrary: wait },
  { weight: 2, arbitrary: toEnd },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('new password' as const) }) },
  { weight: 1, arbitrary: jumpBack },
);

const devices = fc.constantFrom(undefined, 'phone' as const, 'laptop' as const);
const attempted = fc.oneof(
  { weight: 24, arbitrary: step },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('abandon' as const), device: devices }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('leave open' as const), device: devices }),
  },
);

/** A life: under the law alone, and at the door of a real server, where each step takes a while. */
export const steps: fc.Arbitrary<readonly Step[]> = fc.array(step, { maxLength: 40 });
export const servedSteps: fc.Arbitrary<readonly Step[]> = fc.array(step, { maxLength: 20 });
/** Lives of users whose password an application checks. */
export const attemptSteps: fc.Arbitrary<readonly Step[]> = fc.array(attempted, { maxLength: 40 });
export const servedAttemptSteps: fc.Arbitrary<readonly Step[]> = fc.array(attempted, { maxLength: 20 });
