import { Code, ConnectError } from '@connectrpc/connect';
import { GrowingBytes } from './growing-bytes.ts';

/**
 * What the bodies of all calls of one door hold together. They are read before anybody has shown a token, so without a
 * bound a few connections of strangers would fill the memory.
 */
export class BodyBudget {
  readonly bytesMax: number;
  bytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }
}

/** A body up to this size is taken even beyond the budget: an unlock is not refused for what others send. */
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
    this.#bytes += chunk.length;
    this.#budget.bytes += chunk.length;
    const refusal = this.#refusal(bytesMax);
    if (refusal !== undefined) this.release();
    else this.#parts?.add(chunk);
    return refusal;
  }

  whole(): Buffer {
    return this.#parts?.take() ?? emptyBody;
  }

  /** Gives the bytes back to the budget, once the call is over. */
  release(): void {
    this.#budget.bytes -= this.#bytes;
    this.#bytes = 0;
    this.#parts = undefined;
  }

  #refusal(bytesMax: number): ConnectError | undefined {
    if (this.#bytes > bytesMax) return bodyTooLarge(bytesMax);
    if (this.#budget.bytes <= this.#budget.bytesMax || this.#bytes <= smallBytesMax) return undefined;
    return new ConnectError('too many large messages at once, please try again', Code.ResourceExhausted);
  }
}

/** A body of no bytes. */
export const emptyBody: Buffer = Buffer.alloc(0);

/** The answer to a body beyond its limit. */
export function bodyTooLarge(bytesMax: number): ConnectError {
  return new ConnectError(`message is larger than ${bytesMax} bytes`, Code.ResourceExhausted);
}
