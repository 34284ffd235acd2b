import { randomUUID } from 'node:crypto';
import { type AddressFailures, createAddressFailures } from './address-failures.ts';
import { type AnswerTimes, createAnswerTimes } from './answer-times.ts';
import { createOpenAttempts, type OpenAttempts } from './open-attempts.ts';
import { createRepeatedPasswords, type RepeatedPasswords } from './repeated-passwords.ts';
import { createUserQueue, type UserQueue } from './user-queue.ts';

/** What one server remembers of attempts to sign in, in bounded memory and on no disk; others have their own. */
export interface SignIns {
  /** Who this server is to the others, when it claims a check. */
  readonly serverId: string;
  readonly queue: UserQueue;
  readonly repeats: RepeatedPasswords;
  readonly addresses: AddressFailures;
  readonly answers: AnswerTimes;
  readonly open: OpenAttempts;
  /** A check has ended. */
  readonly tell: (check: EndedCheck) => void;
  /** Carries out a part of a check, under a name for whoever follows it. */
  readonly within: <Value>(name: string, work: () => Promise<Value>) => Promise<Value>;
}

/** How a check of a password ended. */
export interface EndedCheck {
  /** undefined: the password was right. */
  readonly error: unknown;
  readonly isKnownDevice: boolean;
  /** By performance.now(). */
  readonly startedMs: number;
}

/** Who hears of checks; default: nobody. */
export type SignInWatch = Partial<Pick<SignIns, 'tell' | 'within'>>;

export function createSignIns(watch: SignInWatch = {}): SignIns {
  return {
    tell: () => undefined,
    within: (_name, work) => work(),
    ...watch,
    serverId: randomUUID(),
    queue: createUserQueue(),
    repeats: createRepeatedPasswords(),
    addresses: createAddressFailures(),
    answers: createAnswerTimes(),
    open: createOpenAttempts(),
  };
}
