import { Allowance } from './allowance.ts';
import { ConnectionError, errorCode } from './frame.ts';

// CVE-2023-44487 and its kin: a client may cancel, or make this server cancel, in bursts but not for ever.
const faultsBurst = 500;
const faultsPerSecond = 100;
// Frames that ask for work and carry no call: so many in a burst, and some for each call.
const noiseBurst = 1_000;
const noisePerSecond = 200;
const noisePerCall = 2;
// A client opens its windows again after what it was sent: on the stream, on the connection, and some for each read.
const noisePerWindowUpdate = 0.5;
const noisePerDataSent = 2;

/** Bounds what a client may do that costs this server more than it costs the client. */
export class FloodGuard {
  /** The connection's clock: when it last read. */
  nowMs: number;
  readonly #faults: Allowance;
  readonly #noise: Allowance;
  #dataFramesPaid = 0;

  constructor(nowMs: number) {
    this.nowMs = nowMs;
    this.#faults = new Allowance(faultsBurst, faultsPerSecond, nowMs);
    this.#noise = new Allowance(noiseBurst, noisePerSecond, nowMs);
  }

  /** A call pays for the frames around it: clients measure the line with a PING for each burst of answers. */
  call(): void {
    this.#noise.give(noisePerCall);
  }

  /** A stream that ended before its time, whoever ended it. Throws ConnectionError. */
  fault(faults = 1): void {
    if (!this.#faults.take(this.nowMs, faults)) throw tooMuch('too many streams are cancelled');
  }

  /** A WINDOW_UPDATE, once this server has sent so many DATA frames in all. Throws ConnectionError. */
  windowUpdate(dataFrames: number): void {
    this.#noise.give((dataFrames - this.#dataFramesPaid) * noisePerDataSent);
    this.#dataFramesPaid = dataFrames;
    this.noise(noisePerWindowUpdate);
  }

  /** A frame without a call. Throws ConnectionError. */
  noise(frames = 1): void {
    if (!this.#noise.take(this.nowMs, frames)) throw tooMuch('too many frames without a call');
  }
}

function tooMuch(reason: string): ConnectionError {
  return new ConnectionError(errorCode.enhanceYourCalm, reason);
}
