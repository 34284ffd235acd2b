import { type ErrorName, errors } from '../../src/domain/errors.ts';
import type { UserAction } from '../../src/domain/user-state.ts';
import { type Device, firstRules, type Rules, type Step } from './steps.ts';

/** What a step is answered with: `ok`, `wrong` and how many failures count, or an error's id. */
export type Outcome = string;

/** What every way to look at the user must agree on. */
export interface Seen {
  readonly state: 'active' | 'inactive' | 'locked' | 'deleted';
  readonly until: number | undefined;
}

const idOf = (name: ErrorName): Outcome => errors[name].id ?? name;

const unknownTo = {
  lock: 'lockUserNotFound',
  unlock: 'unlockUserNotFound',
  deactivate: 'deactivateUserNotFound',
  reactivate: 'reactivateUserNotFound',
  delete: 'deleteUserNotFound',
} as const satisfies Record<UserAction, ErrorName>;

/** One user as the words of the contract and of the policy have it: by hand, and without a look at the code. */
export class Reference {
  nowMs: number;
  rules: Rules = firstRules;
  #state: Seen['state'] = 'active';
  #lock: { readonly byPolicy: boolean; readonly until: number | undefined } | undefined;
  /** When strangers failed, and how many of them counted at the last. */
  #failures: number[] = [];
  #counted = 0;
  #ofDevice = new Map<Device, number[]>();
  #locksInARow = 0;
  /** Attempts that were given up, and were no failures. */
  #abandoned = 0;
  readonly #known = new Set<Device>();

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  look(): Seen {
    this.#settle();
    return { state: this.#state, until: this.#lock?.until };
  }

  apply(step: Step): Outcome {
    this.#settle();
    switch (step.kind) {
      case 'sign in':
        return this.#signIn(step.device, step.isRight);
      case 'abandon':
        return this.#abandon(step.device);
      case 'leave open':
        return this.#leaveOpen(step.device);
      case 'act':
        return this.#act(step.action);
      case 'lock for':
        return this.#act('lock', this.nowMs + step.ms);
      case 'create again':
        if (this.#state === 'deleted') this.#state = 'active';
        return 'ok';
      case 'new password':
        // No fresh attempts: every device becomes a stranger, and strangers have failed as often as before.
        if (this.#state !== 'locked') this.#ofDevice.clear();
        this.#known.clear();
        return 'ok';
      case 'policy':
        this.rules = step.rules;
        return 'ok';
      case 'wait':
        this.nowMs += step.ms;
        return 'ok';
      case 'wait for the end':
        this.nowMs = (this.#lock?.until ?? this.nowMs - step.ms) + step.ms;
        return 'ok';
      default:
        return step satisfies never;
    }
  }

  #settle(): void {
    if (this.#lock?.until === undefined || this.#lock.until > this.nowMs) return;
    this.#lock = undefined;
    this.#state = 'active';
    this.#failures = [];
    this.#counted = 0;
    this.#abandoned = 0;
  }

  // Nothing of locks and failures is left.
  #forget(): void {
    this.#lock = undefined;
    this.#failures = [];
    this.#counted = 0;
    this.#ofDevice.clear();
    this.#locksInARow = 0;
    this.#abandoned = 0;
  }

  #act(action: UserAction, until?: number): Outcome {
    if (this.#state === 'deleted') return idOf(unknownTo[action]);
    if (action === 'lock') {
      if (this.#state !== 'active') return idOf('userNotActiveOrInitial');
      this.#state = 'locked';
      this.#lock = { byPolicy: false, until };
      this.#failures = [];
      this.#abandoned = 0;
      return 'ok';
    }
    if (action === 'unlock' && this.#state !== 'locked') return idOf('userNotLocked');
    if (action === 'deactivate' && this.#state === 'inactive') return idOf('userAlreadyInactive');
    if (action === 'reactivate' && this.#state !== 'inactive') return idOf('userNotInactive');
    this.#forget();
    if (action === 'delete') this.#known.clear();
    const to = { unlock: 'active', deactivate: 'inactive', reactivate: 'active', delete: 'deleted' } as const;
    this.#state = to[action];
    return 'ok';
  }

  #inWindow(times: readonly number[]): number {
    const { windowSeconds } = this.rules;
    return times.filter((time) => windowSeconds === 0 || time > this.nowMs - windowSeconds * 1_000).length;
  }

  /** As which device it is tried, or why it is not. */
  #enter(device: Device | undefined): { readonly known: Device | undefined } | { readonly refused: Outcome } {
    if (this.#state === 'deleted') return { refused: idOf('userNotFound') };
    const { knownDevices, maxPasswordAttempts } = this.rules;
    const shown = device !== undefined && knownDevices && this.#known.has(device) ? device : undefined;
    const ofShown = shown === undefined ? [] : (this.#ofDevice.get(shown) ?? []);
    const isUsedUp = maxPasswordAttempts > 0 && this.#inWindow(ofShown) >= maxPasswordAttempts;
    const known = isUsedUp ? undefined : shown;
    const isOpen = this.#state === 'active' || (this.#lock?.byPolicy === true && known !== undefined);
    return isOpen ? { known } : { refused: idOf('signInNotActive') };
  }

  #fail(known: Device | undefined): Outcome {
    if (known === undefined) return this.#strangerFails();
    const before = this.#ofDevice.get(known) ?? [];
    this.#ofDevice.set(known, [...before, this.nowMs]);
    return `wrong ${this.#inWindow(before) + 1}`;
  }

  // As many as may fail are free.
  #abandon(device: Device | undefined): Outcome {
    const entered = this.#enter(device);
    if ('refused' in entered) return entered.refused;
    const { maxPasswordAttempts } = this.rules;
    if (maxPasswordAttempts === 0) return 'ok';
    if (this.#abandoned >= maxPasswordAttempts) return this.#fail(entered.known);
    this.#abandoned += 1;
    return 'ok';
  }

  // It fails at its end, as things stand then; nobody is told.
  #leaveOpen(device: Device | undefined): Outcome {
    const entered = this.#enter(device);
    if ('refused' in entered) return entered.refused;
    this.nowMs += 30_000;
    this.#settle();
    const later = this.#enter(entered.known);
    if (!('refused' in later)) this.#fail(later.known);
    return 'ok';
  }

  #signIn(device: Device | undefined, isRight: boolean): Outcome {
    const entered = this.#enter(device);
    if ('refused' in entered) return entered.refused;
    const { known } = entered;
    if (!isRight) return this.#fail(known);
    if (known !== undefined) {
      this.#ofDevice.delete(known);
      return 'ok';
    }
    this.#abandoned = 0;
    this.#failures = [];
    this.#counted = 0;
    this.#locksInARow = 0;
    if (device !== undefined && this.rules.knownDevices) this.#renew(device);
    return 'ok';
  }

  // The device is handed a new token: as that of a device which has not failed yet.
  #renew(device: Device): void {
    this.#known.add(device);
    this.#ofDevice.delete(device);
  }

  #strangerFails(): Outcome {
    const { windowSeconds, maxPasswordAttempts, lockSeconds, lockGrowth, lockSecondsMax } = this.rules;
    const before = windowSeconds === 0 ? this.#counted : this.#inWindow(this.#failures);
    this.#counted = before + 1;
    this.#failures.push(this.nowMs);
    if (maxPasswordAttempts > 0 && this.#counted >= maxPasswordAttempts) {
      const grown = lockSeconds * lockGrowth ** this.#locksInARow;
      const seconds = lockSecondsMax > 0 ? Math.min(grown, lockSecondsMax) : grown;
      this.#state = 'locked';
      this.#lock = { byPolicy: true, until: lockSeconds === 0 ? undefined : this.nowMs + seconds * 1_000 };
      this.#failures = [];
      this.#abandoned = 0;
      this.#locksInARow += 1;
    }
    return `wrong ${this.#counted}`;
  }
}
