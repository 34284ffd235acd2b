import { DomainError } from '../domain/errors.ts';
import { standIn } from './line.ts';
import { createSharedPlaces } from './shared-places.ts';

/** Who wants a password checked. */
export interface Comer {
  /** Whom it is about. */
  readonly key: string;
  /** Where it comes from, as addresses are counted; undefined: not known. */
  readonly source: string | undefined;
  readonly isKnownDevice: boolean;
}

/** A place until it is disposed. */
export interface Place extends Disposable {
  /** Aborted where it is another's now: what has not begun is not done. */
  readonly signal: AbortSignal;
}

/** Work about one user at a time. */
export interface UserQueue {
  /** Throws overloaded where there is no place for this comer. */
  enter(comer: Comer): Place;
  /**
   * Does the work after that of all who came earlier for the same key; a known device goes before strangers. Throws
   * overloaded where the signal is aborted before the turn comes.
   */
  inTurn<Value>(comer: Comer, work: () => Promise<Value>, signal?: AbortSignal): Promise<Value>;
}

/**
 * Places, under way or waiting: in all, about one key, from one source. Whoever floods one name or comes from one
 * address fills a part of them and shuts out themselves; where several have filled all, who has most makes room. Known
 * devices have places of their own: strangers cannot take an owner's, and for an owner's address it does not matter who
 * else fails from there.
 */
const placesMax = {
  strangers: { all: 256, key: 128, source: 128 },
  knownDevices: { all: 256, key: 16, source: 256 },
} as const;

interface Line {
  readonly knownDevices: (() => void)[];
  readonly strangers: (() => void)[];
}

/**
 * Checks of one user's password run one after the other: parallel guesses cannot all start before the first is counted
 * (CVE-2023-47111 and its kin). Names that nobody has wait in the same way, so that parallel guesses do not tell them
 * apart. Other servers are held by the store's claims.
 */
export function createUserQueue(): UserQueue {
  const taken = createPlaces();
  const strangers = createSharedPlaces(placesMax.strangers.all);
  /** Of keys about which something is under way. */
  const lines = new Map<string, Line>();
  return {
    enter({ key, source, isKnownDevice }) {
      const room = isKnownDevice ? 'knownDevices' : 'strangers';
      const max = placesMax[room];
      const kinds: Kind[] = [
        [`${room} for ${key}`, max.key],
        [`${room} from ${source}`, source === undefined ? max.all : max.source],
      ];
      if (isKnownDevice) {
        return { signal: never, [Symbol.dispose]: taken.take([[room, max.all], ...kinds]) };
      }
      const leave = taken.take(kinds);
      try {
        const place = strangers.enter(source);
        place.signal.addEventListener('abort', leave);
        return {
          signal: place.signal,
          [Symbol.dispose]() {
            place[Symbol.dispose]();
            leave();
          },
        };
      } catch (error) {
        leave();
        throw error;
      }
    },
    async inTurn({ key, isKnownDevice }, work, signal) {
      const line = lines.get(key);
      if (line === undefined) lines.set(key, { knownDevices: [], strangers: [] });
      else {
        const own = line[isKnownDevice ? 'knownDevices' : 'strangers'];
        await new Promise<void>((start, turnAway) => standIn(own, start, { signal, turnAway }));
      }
      try {
        return await work();
      } finally {
        const { knownDevices = [], strangers = [] } = lines.get(key) ?? {};
        const start = knownDevices.shift() ?? strangers.shift();
        if (start === undefined) lines.delete(key);
        else start();
      }
    },
  };
}

const never = new AbortController().signal;

type Kind = readonly [kind: string, max: number];

// A comer takes one place of each kind, or none; what is answered gives them back, once.
function createPlaces() {
  const taken = new Map<string, number>();
  return {
    take(wanted: readonly Kind[]): () => void {
      for (const [kind, max] of wanted) {
        if ((taken.get(kind) ?? 0) >= max) throw new DomainError('overloaded');
      }
      for (const [kind] of wanted) taken.set(kind, (taken.get(kind) ?? 0) + 1);
      let isTaken = true;
      return () => {
        if (!isTaken) return;
        isTaken = false;
        for (const [kind] of wanted) {
          const left = (taken.get(kind) ?? 1) - 1;
          if (left === 0) taken.delete(kind);
          else taken.set(kind, left);
        }
      };
    },
  };
}
