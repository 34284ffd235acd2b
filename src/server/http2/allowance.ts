/** What somebody may do in bursts, but not for ever: tokens that come back with time. */
export class Allowance {
  readonly #burst: number;
  readonly #perSecond: number;
  #tokens: number;
  #countedAtMs: number;

  constructor(burst: number, perSecond: number, nowMs: number) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#tokens = burst;
    this.#countedAtMs = nowMs;
  }

  /** Whether there was one left to take. */
  take(nowMs: number, tokens = 1): boolean {
    this.#tokens -= tokens;
    if (this.#tokens >= 0) return true;
    this.give(((nowMs - this.#countedAtMs) * this.#perSecond) / 1_000);
    this.#countedAtMs = nowMs;
    return this.#tokens >= 0;
  }

  give(tokens: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + tokens);
  }
}
