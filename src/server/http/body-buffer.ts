import { Code, ConnectError } from '@connectrpc/connect';
import { GrowingBytes } from './growing-bytes.ts';

/**
 * What the bodies of all calls of one door hold together, from the first byte on. Without a bound a few connections
 * would fill the memory.
 */
export class BodyBudget {
  readonly bytesMax: number;
  bytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** Whether a call whose body is `whole` bytes by now may hold so many more; only then they count. */
  take(bytes: number, whole: number): boolean {
    // The last fifth is for small ones alone: an unlock is not refused for what others send.
    const most = whole <= smallBytesMax ? this.bytesMax * 1.25 : this.bytesMax;
    if (this.bytes + bytes > most) return false;
    this.bytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.bytes -= bytes;
  }
}

/** What counts as small: no call that changes one user needs more. */
export const smallBytesMax: number = 16 * 1_024;

/** Gathers a body that comes in several parts. */
export class BodyBuffer {
  readonly #budget: BodyBudget;
  #bytes = 0;
  #parts: GrowingBytes | undefined = new GrowingBytes();

  constructor(budget: BodyBudget) {
    this.#budget = budget;
  }

  get length(): number {
    return this.#bytes;
  }

  /** Why the body is refused, where it is: all of it may be `bytesMax`. What came of it is let go of then. */
  add(chunk: Buffer, bytesMax: number): ConnectError | undefined {
    const refusal = this.#refusal(chunk.length, bytesMax);
    if (refusal !== undefined) this.release();
    else this.#parts?.add(chunk);
    return refusal;
  }

  whole(): Buffer {
    return this.#parts?.take() ?? emptyBody;
  }

  /** Gives the bytes back to the budget, once the call is over. */
  release(): void {
    this.#budget.give(this.#bytes);
    this.#bytes = 0;
    this.#parts = undefined;
  }

  #refusal(bytes: number, bytesMax: number): ConnectError | undefined {
    const whole = this.#bytes + bytes;
    if (whole > bytesMax) return bodyTooLarge(bytesMax);
    if (!this.#budget.take(bytes, whole)) return tooManyBodies();
    this.#bytes = whole;
    return undefined;
  }
}

/** A body of no bytes. */
export const emptyBody: Buffer = Buffer.alloc(0);

/** The answer to a body for which there is no room now. */
export function tooManyBodies(): ConnectError {
  return new ConnectError('too many large messages at once, please try again', Code.ResourceExhausted);
}

/** The answer to a body beyond its limit. */
export function bodyTooLarge(bytesMax: number): ConnectError {
  return new ConnectError(`message is larger than ${bytesMax} bytes`, Code.ResourceExhausted);
}
