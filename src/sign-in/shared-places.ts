import { DomainError } from '../domain/errors.ts';

/** A place until it is disposed. */
export interface SharedPlace extends Disposable {
  /** Aborted where somebody else has it now: whatever waits for its turn goes. */
  readonly signal: AbortSignal;
}

/** So many places that whoever comes are never shut out by others who took all of them. */
export interface SharedPlaces {
  /**
   * Where all are taken, the network that has most of them gives its newest up, of its address that has most, unless the
   * newcomer's would then have more itself; throws overloaded where there is none to give up.
   */
  enter(source: string | undefined): SharedPlace;
}

interface Held {
  readonly source: string;
  readonly network: string;
  readonly end: AbortController;
}

export function createSharedPlaces(placesMax: number): SharedPlaces {
  /** In the order in which they came. */
  const held = new Set<Held>();
  const makeRoom = (newcomer: Held): void => {
    const [network, source] = [greediest(held, newcomer, 'network'), greediest(held, newcomer, 'source')];
    // Between networks first; where no other has more, between the addresses of the newcomer's own.
    const victim = network ?? source;
    if (victim === undefined) throw new DomainError('overloaded');
    held.delete(victim);
    victim.end.abort();
  };
  return {
    enter(source = '') {
      const place = { source, network: networkOf(source), end: new AbortController() };
      if (held.size >= placesMax) makeRoom(place);
      held.add(place);
      return { signal: place.end.signal, [Symbol.dispose]: () => void held.delete(place) };
    },
  };
}

/**
 * The newest place of the name that has most, where that is two more than the newcomer's has. Of networks: of the address in it
 * that has most; of addresses: only those of the newcomer's network are looked at.
 */
function greediest(held: ReadonlySet<Held>, newcomer: Held, by: 'network' | 'source'): Held | undefined {
  const among =
    by === 'network' ? [...held] : [...held].filter(({ network }) => network === newcomer.network);
  const shares = Map.groupBy(among, (place) => place[by]);
  const most = largest(shares.values());
  if (most.length <= (shares.get(newcomer[by])?.length ?? 0) + 1) return undefined;
  return largest(Map.groupBy(most, ({ source }) => source).values()).at(-1);
}

function largest<Item>(lists: Iterable<readonly Item[]>): readonly Item[] {
  let most: readonly Item[] = [];
  for (const list of lists) if (list.length > most.length) most = list;
  return most;
}

const octets = 3;
const groups = 3;

/** A network that one customer may have whole: /24 of IPv4, /48 of IPv6, whose sources are /64. */
function networkOf(source: string): string {
  if (source.includes('.')) return source.split('.', octets).join('.');
  return source.split(':', groups).join(':');
}
