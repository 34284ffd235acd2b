import { DomainError } from '../../domain/errors.ts';
import { createTurns, type Turns } from '../../domain/turns.ts';
import type { Asker } from '../records.ts';
import type { ListUsers } from '../store.ts';

/** For one list that looks at everybody, and for its wait. */
export const listTimeoutMs = 30_000;
/** Of all who ask; half of them of one. */
export const listsWaitingMax = 100;
const idsQuickMax = 1_000;

/** Found by an index, whoever is there; all other filters look at every user in scope. */
export function isQuick({ filters }: Pick<ListUsers, 'filters'>): boolean {
  return filters.every(
    (filter) =>
      filter.kind === 'organization' || (filter.kind === 'ids' && filter.userIds.length <= idsQuickMax),
  );
}

/** Who may look at everybody now. */
export interface ListGate {
  /**
   * A place until it is disposed, in turns by who asks. Throws storeUnavailable where too many wait, where the wait takes
   * too long, and to who is gone.
   */
  enter(asker: Asker | undefined): Promise<Disposable>;
  /** Who waits is told so; nobody else is let in. */
  close(): void;
}

export interface ListGateOptions {
  /** Lists at once. Of one asker (the first of the names) there is one: the other places stay for others. */
  readonly placesMax: number;
  readonly waitingMax: number;
  readonly timeoutMs: number;
}

/** Whoever asks at once for what takes less leaves as much time to all else that the server does. */
const restMsMax = 4;

interface Waiting {
  readonly first: string;
  readonly enter: () => void;
}

/** Lists that look at everybody in scope take seconds: no one caller, and no one organization, keeps the others waiting for theirs. */
export function createListGate({ placesMax, waitingMax, timeoutMs }: ListGateOptions): ListGate {
  const turns = createTurns<Waiting>();
  const rejects = new Map<Waiting, (error: unknown) => void>();
  const places = createPlaces(turns, placesMax);
  let isClosed = false;
  return {
    enter({ by, signal } = { by: [] }) {
      const first = by[0] ?? '';
      return new Promise((resolve, reject) => {
        const isFull = first !== '' && turns.countOf(first) >= Math.ceil(waitingMax / 2);
        if (isClosed) return reject(gaveUp('the store is closing'));
        if (signal?.aborted) return reject(gaveUp('nobody waits for the list'));
        if (isFull || turns.size >= waitingMax + placesMax)
          return reject(gaveUp('too many lists are waiting'));
        const leave = (reason: string) => {
          if (turns.remove(waiting)) reject(gaveUp(reason));
          settle();
        };
        const onAbort = () => leave('nobody waits for the list');
        const timer = setTimeout(() => leave('the list waited too long'), timeoutMs);
        const settle = () => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', onAbort);
          rejects.delete(waiting);
        };
        const waiting: Waiting = {
          first,
          enter() {
            settle();
            resolve(places.take(first));
          },
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        rejects.set(waiting, () => leave('the store is closing'));
        turns.add(waiting, [first, ...by.slice(1)], 1);
        places.letIn();
        if (rejects.has(waiting) && turns.size > waitingMax) leave('too many lists are waiting');
      });
    },
    close() {
      isClosed = true;
      for (const reject of [...rejects.values()]) reject(undefined);
    },
  };
}

/** Whoever of those that wait may have a place, of one first name one at most. */
function createPlaces(turns: Turns<Waiting>, placesMax: number) {
  /** First names of those under way. */
  const underWay = new Set<string>();
  const resting = new Set<string>();
  const letIn = () => {
    while (underWay.size < placesMax) {
      const next = turns.take((first) => underWay.has(first) || resting.has(first));
      if (next === undefined) return;
      underWay.add(next.first);
      next.enter();
    }
  };
  const rest = (first: string, enteredMs: number) => {
    // Who asks for one after the other rests by that.
    if (first === '' || turns.countOf(first) === 0) return;
    resting.add(first);
    const end = () => {
      resting.delete(first);
      letIn();
    };
    setTimeout(end, Math.min(restMsMax, performance.now() - enteredMs));
  };
  const take = (first: string): Disposable => {
    const takenMs = performance.now();
    return once(() => {
      underWay.delete(first);
      rest(first, takenMs);
      letIn();
    });
  };
  return { letIn, take };
}

/** What a list is given up with. */
export function gaveUp(reason: string): DomainError {
  return new DomainError('storeUnavailable', { cause: new Error(reason) });
}

function once(leave: () => void): Disposable {
  let isLeft = false;
  return {
    [Symbol.dispose]() {
      if (!isLeft) leave();
      isLeft = true;
    },
  };
}
