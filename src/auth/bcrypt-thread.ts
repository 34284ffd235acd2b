import { parentPort } from 'node:worker_threads';
import bcrypt from 'bcryptjs';

/** A question to the thread; it answers each with a boolean, in the order in which they came. */
export interface BcryptQuestion {
  readonly password: string;
  readonly hash: string;
}

parentPort?.on('message', ({ password, hash }: BcryptQuestion) => {
  parentPort?.postMessage(bcrypt.compareSync(password, hash));
});
