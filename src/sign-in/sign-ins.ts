import { randomUUID } from 'node:crypto';
import { type AddressFailures, createAddressFailures } from './address-failures.ts';
import { createRepeatedPasswords, type RepeatedPasswords } from './repeated-passwords.ts';
import { createUserQueue, type UserQueue } from './user-queue.ts';

/** What one server remembers of attempts to sign in, in bounded memory and on no disk; others have their own. */
export interface SignIns {
  /** Who this server is to the others, when it claims a check. */
  readonly serverId: string;
  readonly queue: UserQueue;
  readonly repeats: RepeatedPasswords;
  readonly addresses: AddressFailures;
}

export function createSignIns(): SignIns {
  return {
    serverId: randomUUID(),
    queue: createUserQueue(),
    repeats: createRepeatedPasswords(),
    addresses: createAddressFailures(),
  };
}
