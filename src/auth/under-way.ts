import { createTurns } from '../domain/turns.ts';
import { type Caller, turnOf } from './caller.ts';

/** Does the work as soon as it is among those under way. */
export type Admit = <Result>(caller: Caller, work: () => Promise<Result>) => Promise<Result>;

export interface UnderWayOptions {
  /** At once, of all callers together, where nobody asks for anything else. */
  readonly max: number;
  /** At once, beside other calls: a share, after which as much time is theirs as it took. */
  readonly besideMax: number;
  readonly others: OtherCalls;
}

/** Calls so far, of all kinds but those whose work is let in so. */
export interface OtherCalls {
  count: number;
}

/** Who has asked so lately will ask again. */
const momentMs = 1_000;
/** A share that took longer was kept waiting itself. */
const restMsMax = 50;

/** So many at once; who waits is let in, in turns by organization and, in it, by who asks. */
export function createUnderWay({ max, besideMax, others }: UnderWayOptions): Admit {
  const turns = createTurns<() => void>();
  const isBeside = noticing(others);
  let underWay = 0;
  let startedMs = 0;
  let isResting = false;
  const letIn = () => {
    if (isResting) return;
    const isShare = isBeside();
    // A share is not filled up while it goes on: it would never end.
    if (isShare && underWay > 0) return;
    for (const placesMax = isShare ? besideMax : max; underWay < placesMax; underWay += 1) {
      const next = turns.take();
      if (next === undefined) return;
      if (underWay === 0) startedMs = performance.now();
      next();
    }
  };
  const rest = () => {
    isResting = true;
    const end = () => {
      isResting = false;
      letIn();
    };
    setTimeout(end, Math.min(restMsMax, performance.now() - startedMs));
  };
  const leave = () => {
    underWay -= 1;
    if (!isBeside()) letIn();
    else if (underWay === 0) rest();
  };
  return async (caller, work) => {
    const entered = Promise.withResolvers<void>();
    turns.add(entered.resolve, turnOf(caller), 1);
    letIn();
    await entered.promise;
    try {
      return await work();
    } finally {
      leave();
    }
  };
}

/** Whether others have called in the last moment, as far as it is asked often. */
function noticing(others: OtherCalls): () => boolean {
  let known = others.count;
  let noticedMs = Number.NEGATIVE_INFINITY;
  return () => {
    const nowMs = performance.now();
    if (others.count !== known) noticedMs = nowMs;
    known = others.count;
    return nowMs - noticedMs < momentMs;
  };
}

/** Stores through which a server looks at another one of its own. */
const ofTheSame = new WeakMap<object, object>();

/** What is asked of `view` is asked of the store that it shows: neither has places of its own. */
export function shareUnderWay(view: object, store: object): void {
  ofTheSame.set(view, store);
}

const callsOf = new WeakMap<object, OtherCalls>();

/** The calls to the server on this store. */
export function otherCallsOf(store: object): OtherCalls {
  return heldFor(callsOf, store, () => ({ count: 0 }));
}

/** The same for each store's server. */
export function underWayOf(limits: Omit<UnderWayOptions, 'others'>): (store: object) => Admit {
  const admits = new WeakMap<object, Admit>();
  return (store) => heldFor(admits, store, () => createUnderWay({ ...limits, others: otherCallsOf(store) }));
}

function heldFor<Held>(all: WeakMap<object, Held>, store: object, make: () => Held): Held {
  const key = ofTheSame.get(store) ?? store;
  const held = all.get(key) ?? make();
  all.set(key, held);
  return held;
}
