import { createTurns, type TurnKeys } from '../domain/turns.ts';
import { type Caller, turnOf } from './caller.ts';

/** Does the work as soon as it is among those under way. */
export type Admit = <Result>(caller: Caller, work: () => Promise<Result>) => Promise<Result>;

/** So many at once of all callers together; who waits is let in, in turns by organization and, in it, by who asks. */
export function createUnderWay(max: number): Admit {
  const turns = createTurns<() => void>();
  let free = max;
  const enter = (keys: TurnKeys) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    turns.add(resolve, keys, 1);
    return promise;
  };
  return async (caller, work) => {
    if (free > 0) free -= 1;
    else await enter(turnOf(caller));
    try {
      return await work();
    } finally {
      // The place goes from hand to hand, so that nobody who comes just now is before who waits.
      const next = turns.take();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
