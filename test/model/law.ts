import { maySignIn } from '../../src/commands/sign-in-facts.ts';
import {
  type Attempt,
  decideAbandonment,
  decideFailure,
  failuresOf,
  isKnownDevice,
} from '../../src/domain/attempt.ts';
import { DomainError, errors } from '../../src/domain/errors.ts';
import type { UserEvent } from '../../src/domain/events.ts';
import { evolve } from '../../src/domain/evolve/evolve.ts';
import type { OrganizationId, UserId } from '../../src/domain/ids.ts';
import { endOfLock, isLockOver, locked, unlocked } from '../../src/domain/lock-events.ts';
import { defaultPolicy, type LockoutPolicy } from '../../src/domain/lockout-policy.ts';
import type { User } from '../../src/domain/user.ts';
import { decide, type UserAction } from '../../src/domain/user-state.ts';
import { human } from '../support/seed-users.ts';
import type { Outcome, Seen } from './reference.ts';
import { type Device, firstRules, type Rules, type Step } from './steps.ts';

/** What of the law a test may break, to see that it is noticed. */
export interface Law {
  readonly evolve: typeof evolve;
  readonly decideFailure: typeof decideFailure;
  readonly decideAbandonment: typeof decideAbandonment;
  readonly isLockOver: typeof isLockOver;
}

const law: Law = { evolve, decideFailure, decideAbandonment, isLockOver };

const userId = 'ada' as UserId;
const added: UserEvent = {
  type: 'user.human.added',
  payload: { organizationId: 'here' as OrganizationId, state: 'active', profile: human({ userName: 'ada' }) },
};

interface Logged {
  readonly event: UserEvent;
  readonly createdAt: number;
}

/** One user under the law alone: decisions and folds as the commands make them, without a store. */
export class Lawful {
  nowMs: number;
  readonly #law: Law;
  readonly #log: Logged[] = [];
  readonly #devices = new Map<Device, string>();
  #handed = 0;
  #policy = policyOf(firstRules);
  #user: User;

  constructor(nowMs: number, broken: Partial<Law> = {}) {
    this.nowMs = nowMs;
    this.#law = { ...law, ...broken };
    this.#user = this.#append([added]);
  }

  /** The row, and what the log makes of it from the beginning: the same, or it throws. */
  look(): Seen {
    this.#settle();
    const fold = this.#log.reduce<User | undefined>(
      (before, { event, createdAt }) => evolve(before, event, { userId, createdAt }),
      undefined,
    );
    if (JSON.stringify(fold) !== JSON.stringify(this.#user))
      throw new Error('row and log contradict one another');
    const { state, lockout } = this.#user;
    if (state === 'initial') throw new Error('nobody was left without a password');
    if ((lockout.lock !== undefined) !== (state === 'locked')) throw new Error('a lock without its state');
    return { state, until: lockout.lock?.until };
  }

  apply(step: Step): Outcome {
    this.#settle();
    try {
      return this.#applied(step);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      return errors[error.error].id ?? error.error;
    }
  }

  #applied(step: Step): Outcome {
    switch (step.kind) {
      case 'sign in':
        return this.#signIn(step.device, step.isRight);
      case 'abandon':
        return this.#abandon(step.device);
      case 'leave open':
        return this.#leaveOpen(step.device);
      case 'act':
        this.#append([this.#stateEvent(step.action)]);
        return 'ok';
      case 'lock for':
        this.#append([locked(this.#user, { cause: 'administrator', until: this.nowMs + step.ms })]);
        return 'ok';
      case 'create again':
        if (this.#user.state === 'deleted') this.#append([added]);
        return 'ok';
      case 'new password':
        if (this.#user.state !== 'deleted') {
          // Their tokens are signed over the old one's hash.
          this.#devices.clear();
          const payload = { changeRequired: false, failuresStay: true } as const;
          this.#append([{ type: 'user.human.password.changed', payload }]);
        }
        return 'ok';
      case 'policy':
        this.#policy = policyOf(step.rules);
        return 'ok';
      case 'wait':
        this.nowMs += step.ms;
        return 'ok';
      case 'wait for the end':
        this.nowMs = (this.#user.lockout.lock?.until ?? this.nowMs - step.ms) + step.ms;
        return 'ok';
      default:
        return step satisfies never;
    }
  }

  #append(events: readonly UserEvent[], createdAt = this.nowMs): User {
    for (const event of events) {
      const before = this.#log.length === 0 ? undefined : this.#user;
      this.#user = this.#law.evolve(before, event, { userId, createdAt });
      this.#log.push({ event, createdAt });
    }
    return this.#user;
  }

  #settle(): void {
    if (!this.#law.isLockOver(this.#user, this.nowMs)) return;
    this.#append([endOfLock(this.#user)], this.#user.lockout.lock?.until);
  }

  #stateEvent(action: UserAction): UserEvent {
    if (action === 'lock') return locked(this.#user, { cause: 'administrator' });
    if (action === 'unlock') return unlocked(this.#user, { cause: 'administrator' });
    const type = decide(this.#user, action);
    // Who comes after a deleted one is nobody's device's owner.
    if (action === 'delete') this.#devices.clear();
    return { type, payload: {} };
  }

  #enter(deviceId: string | undefined): Attempt {
    const user = this.#user;
    if (user.state === 'deleted') throw new DomainError('userNotFound');
    const isKnown = isKnownDevice(user, this.#policy, { nowMs: this.nowMs, deviceId });
    const attempt = { nowMs: this.nowMs, deviceId: isKnown ? deviceId : undefined };
    if (!maySignIn({ user, deviceId: attempt.deviceId })) throw new DomainError('signInNotActive');
    return attempt;
  }

  #shown(device: Device | undefined): string | undefined {
    return device === undefined ? undefined : this.#devices.get(device);
  }

  #fail(attempt: Attempt): Outcome {
    const count = failuresOf(this.#user, this.#policy, attempt) + 1;
    this.#append(this.#law.decideFailure(this.#user, this.#policy, attempt));
    return `wrong ${count}`;
  }

  #abandon(device: Device | undefined): Outcome {
    const attempt = this.#enter(this.#shown(device));
    const count = failuresOf(this.#user, this.#policy, attempt) + 1;
    const events = this.#law.decideAbandonment(this.#user, this.#policy, attempt);
    this.#append(events);
    return events[0]?.type === 'user.human.password.check.failed' ? `wrong ${count}` : 'ok';
  }

  #leaveOpen(device: Device | undefined): Outcome {
    const { deviceId } = this.#enter(this.#shown(device));
    this.nowMs += 30_000;
    this.#settle();
    try {
      this.#fail(this.#enter(deviceId));
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
    }
    return 'ok';
  }

  #signIn(device: Device | undefined, isRight: boolean): Outcome {
    const policy = this.#policy;
    const attempt = this.#enter(this.#shown(device));
    if (!isRight) return this.#fail(attempt);
    const payload = attempt.deviceId === undefined ? {} : { deviceId: attempt.deviceId };
    this.#append([{ type: 'user.human.password.check.succeeded', payload }]);
    if (device !== undefined && policy.knownDevices && attempt.deviceId === undefined) {
      this.#handed += 1;
      this.#devices.set(device, `${device} ${this.#handed}`);
    }
    return 'ok';
  }
}

/** The rules, and nothing that looks at addresses or at what a password was. */
export function policyOf(rules: Rules): LockoutPolicy {
  return { ...defaultPolicy, ...rules, repeatsCountOnce: false, addressFailuresMax: 0 };
}
