import { randomUUID } from 'node:crypto';
import { type AddressFailures, createAddressFailures } from './address-failures.ts';
import { type AnswerTimes, createAnswerTimes } from './answer-times.ts';
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
  /** A check has ended. */
  readonly tell: (check: EndedCheck) => void;
}

/** How a check of a password ended. */
export interface EndedCheck {
  /** undefined: the password was right. */
  readonly error: unknown;
  readonly isKnownDevice: boolean;
  /** By performance.now(). */
  readonly startedMs: number;
}

/** `tell` hears of every check. */
export function createSignIns(tell: SignIns['tell'] = () => undefined): SignIns {
  return {
    tell,
    serverId: randomUUID(),
    queue: createUserQueue(),
    repeats: createRepeatedPasswords(),
    addresses: createAddressFailures(),
    answers: createAnswerTimes(),
  };
}
