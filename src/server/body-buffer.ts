import { Code, ConnectError } from '@connectrpc/connect';

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

/** Gathers a body; one chunk, the usual case, is passed on without a copy. */
export class BodyBuffer {
  readonly #bytesMax: number;
  readonly #budget: BodyBudget;
  #bytes = 0;
  #first: Buffer | undefined;
  #rest: Buffer[] | undefined;

  constructor(bytesMax: number, budget: BodyBudget) {
    this.#bytesMax = bytesMax;
    this.#budget = budget;
  }

  /** Why the body is refused, where it is; what came of it is let go of then. */
  add(chunk: Buffer): ConnectError | undefined {
    this.#bytes += chunk.length;
    this.#budget.bytes += chunk.length;
    const refusal = this.#refusal();
    if (refusal !== undefined) this.release();
    else if (this.#first === undefined) this.#first = chunk;
    else if (this.#rest === undefined) this.#rest = [this.#first, chunk];
    else this.#rest.push(chunk);
    return refusal;
  }

  whole(): Buffer {
    if (this.#rest !== undefined) return Buffer.concat(this.#rest, this.#bytes);
    return this.#first ?? emptyBody;
  }

  /** Gives the bytes back to the budget, once the call is over. */
  release(): void {
    this.#budget.bytes -= this.#bytes;
    this.#bytes = 0;
    this.#first = undefined;
    this.#rest = undefined;
  }

  #refusal(): ConnectError | undefined {
    if (this.#bytes > this.#bytesMax) return bodyTooLarge(this.#bytesMax);
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
