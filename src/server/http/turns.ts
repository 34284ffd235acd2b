import { performance } from 'node:perf_hooks';

// So much of one turn of the event loop is for strangers; then everybody else has a word.
const strangersMs = 2;
// As much of what is new is read together, for most of what comes of it runs later.
const newAtOnceMax = 8;
// So many who knock may keep strangers who are in waiting; no time, which would be short where the machine is busy.
const knocksMax = 64;

// Addresses compared for one piece of work.
const lookedAtMax = 64;
// So many of one address may wait before those that are over are looked for.
const uncleared = 32;

/** Work for a stranger that waits, or is of no use any more. */
export interface StrangerWork {
  /** Whose it is: each address has its turn. */
  readonly address: string;
  /** What is left of something of which a part was done before: it comes after all that is new. */
  readonly isRest: boolean;
  readonly isOver: boolean;
  /** Whether there is room for it until its turn comes. */
  wait(): boolean;
  run(): void;
}

/**
 * Shares the event loop: what strangers' connections have sent is read for a few milliseconds in each turn, with all that
 * comes of it, and the rest in turns to come. First goes the address that was served least in this second, and of one address
 * who came last or first: those who flood wait behind their own flood, and one who has just come does not.
 */
export class Turns {
  /** Milliseconds by address, in this second. */
  readonly #served = new Map<string, number>();
  readonly #new = new Line(this.#served);
  readonly #rest = new Line(this.#served);
  #servedSinceMs = 0;
  /** When strangers' time in this turn began; no turn is under way where undefined. */
  #startedMs: number | undefined;
  #hasKnocked = false;
  #knocks = 0;

  /**
   * A connection was accepted. Node accepts one in a turn of the event loop and no more (libuv, `uv__server_io`), so others
   * may wait at the port, those with a token among them: turns are kept short until nobody knocks.
   */
  knocked(): void {
    this.#hasKnocked = true;
    if (this.#startedMs !== undefined) return;
    this.#startedMs = performance.now();
    setImmediate(this.#next);
  }

  /** Whether there is time now; if not, the work waits for its turn. */
  take(work: StrangerWork): boolean {
    if (this.#startedMs === undefined) {
      this.#startedMs = performance.now();
      setImmediate(this.#next);
      return true;
    }
    const isFree = !this.#hasKnocked && this.#new.isEmpty && this.#rest.isEmpty;
    if (isFree && performance.now() - this.#startedMs < strangersMs) return true;
    this.put(work);
    return false;
  }

  /** Has it wait for its turn, whatever time there is. */
  put(work: StrangerWork): void {
    if (!work.wait()) return;
    if (work.isRest) this.#rest.push(work);
    else this.#new.push(work);
    if (this.#startedMs !== undefined) return;
    this.#startedMs = performance.now();
    setImmediate(this.#next);
  }

  readonly #next = (): void => {
    const nowMs = performance.now();
    const isKnocking = this.#hasKnocked && this.#knocks < knocksMax;
    this.#hasKnocked = false;
    this.#knocks = isKnocking ? this.#knocks + 1 : 0;
    if (isKnocking) {
      this.#startedMs = nowMs;
      setImmediate(this.#next);
      return;
    }
    this.#startedMs = undefined;
    if (this.#new.isEmpty && this.#rest.isEmpty) return;
    this.#startedMs = nowMs;
    setImmediate(this.#next);
    if (nowMs - this.#servedSinceMs > 1_000) {
      this.#servedSinceMs = nowMs;
      this.#served.clear();
    }
    // Of what is left one at a time: most of what comes of it runs once this returns.
    if (this.#new.isEmpty) this.#run(this.#rest.next(), nowMs);
    let atMs = nowMs;
    for (let done = 0; done < newAtOnceMax && atMs - nowMs < strangersMs && !this.#new.isEmpty; done++) {
      atMs = this.#run(this.#new.next(), atMs);
    }
  };

  /** Answers when it was done. */
  #run(work: StrangerWork | undefined, startedMs: number): number {
    if (work === undefined) return startedMs;
    work.run();
    const endedMs = performance.now();
    const servedMs = (this.#served.get(work.address) ?? 0) + endedMs - startedMs;
    this.#served.set(work.address, servedMs);
    return endedMs;
  }
}

/** What waits, by address. */
class Line {
  readonly #waiting = new Map<string, { works: StrangerWork[]; worksMax: number }>();
  readonly #served: ReadonlyMap<string, number>;
  #takesOldest = false;

  constructor(served: ReadonlyMap<string, number>) {
    this.#served = served;
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  push(work: StrangerWork): void {
    const own = this.#waiting.get(work.address);
    if (own === undefined) this.#waiting.set(work.address, { works: [work], worksMax: uncleared });
    else {
      own.works.push(work);
      if (own.works.length < own.worksMax) return;
      // What is over would be kept, with its bytes, until its turn, which may never come.
      own.works = own.works.filter(({ isOver }) => !isOver);
      own.worksMax = Math.max(uncleared, 2 * own.works.length);
    }
  }

  /** The newest of the address whose turn it is, or its oldest: else one of an address that sends without end would wait as long. */
  next(): StrangerWork | undefined {
    for (let address = this.#nextAddress(); address !== undefined; address = this.#nextAddress()) {
      const own = this.#waiting.get(address);
      this.#waiting.delete(address);
      if (own === undefined) continue;
      const { works } = own;
      this.#takesOldest = !this.#takesOldest;
      let work = this.#takesOldest ? works.shift() : works.pop();
      while (work?.isOver === true) work = works.pop();
      // Behind all others, where it has more.
      if (works.length > 0) this.#waiting.set(address, own);
      if (work !== undefined) return work;
    }
    return undefined;
  }

  /** The one served least, of those that have waited longest. */
  #nextAddress(): string | undefined {
    let next: string | undefined;
    let least = Number.POSITIVE_INFINITY;
    let looked = 0;
    for (const address of this.#waiting.keys()) {
      const served = this.#served.get(address) ?? 0;
      if (served < least) {
        next = address;
        least = served;
      }
      if (++looked === lookedAtMax) break;
    }
    return next;
  }
}
