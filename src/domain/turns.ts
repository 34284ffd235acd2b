/** Who waits, outermost first: turns go round between the first names, then between the second names of one first, and so on. */
export type TurnKeys = readonly string[];

/** What waits for one resource, and who has it next. */
export interface Turns<Item> {
  readonly size: number;
  /** How many wait under the first of these names. */
  countOf(first: string): number;
  /** About how many have their turn before one that would come now under this first name; never more than do. */
  turnsBefore(first: string): number;
  /** `cost`: how long the resource is taken, in any unit that is the same for all. */
  add(item: Item, keys: TurnKeys, cost: number): void;
  /** The item whose turn it is, of those whose first name is not barred; it waits no more. */
  take(isBarred?: (first: string) => boolean): Item | undefined;
  /** False where it does not wait. */
  remove(item: Item): boolean;
}

/**
 * In turns by name, the cost counted: whoever asks for much, or for what is dear, waits for their own and not others for
 * them. (Start-time fair queueing: each name has a clock, which moves by what it has cost; the earliest clock is next, and
 * who comes anew starts at the present.) The names of one keep the order in which they came.
 */
export function createTurns<Item>(): Turns<Item> {
  const root = createLevel<Item>();
  return {
    get size() {
      return root.size;
    },
    countOf: (first) => root.names.get(first)?.inner.size ?? 0,
    turnsBefore: (first) => turnsBefore(root, first),
    add: (item, keys, cost) => add(root, { item, cost }, keys),
    take: (isBarred) => take(root, isBarred)?.item,
    remove: (item) => remove(root, item),
  };
}

interface Waiting<Item> {
  readonly item: Item;
  readonly cost: number;
}

interface Named<Item> {
  clock: number;
  readonly inner: Level<Item>;
}

interface Level<Item> {
  size: number;
  /** Where the clock of the name stood whose turn it was last. */
  presently: number;
  readonly names: Map<string, Named<Item>>;
  /** Of the innermost level. */
  readonly waiting: Waiting<Item>[];
}

function createLevel<Item>(): Level<Item> {
  return { size: 0, presently: 0, names: new Map(), waiting: [] };
}

function add<Item>(level: Level<Item>, waiting: Waiting<Item>, keys: TurnKeys): void {
  level.size += 1;
  const [name, ...rest] = keys;
  if (name === undefined) {
    level.waiting.push(waiting);
    return;
  }
  const named = level.names.get(name) ?? { clock: level.presently, inner: createLevel<Item>() };
  if (named.inner.size === 0) named.clock = Math.max(named.clock, level.presently);
  level.names.set(name, named);
  add(named.inner, waiting, rest);
}

// One of each other name whose clock is no later than that of who comes anew, and all of its own.
function turnsBefore<Item>({ names, presently }: Level<Item>, first: string): number {
  let turns = 0;
  for (const [name, { clock, inner }] of names) {
    if (name === first) turns += inner.size;
    else if (inner.size > 0 && clock <= presently) turns += 1;
  }
  return turns;
}

function take<Item>(level: Level<Item>, isBarred?: (name: string) => boolean): Waiting<Item> | undefined {
  const waiting = level.waiting.shift();
  if (waiting !== undefined) {
    level.size -= 1;
    return waiting;
  }
  const next = earliest(level, isBarred);
  const taken = next && take(next.inner);
  if (next === undefined || taken === undefined) return undefined;
  level.size -= 1;
  level.presently = next.clock;
  next.clock += taken.cost;
  return taken;
}

function earliest<Item>(
  level: Level<Item>,
  isBarred: (name: string) => boolean = () => false,
): Named<Item> | undefined {
  let next: Named<Item> | undefined;
  for (const [name, named] of level.names) {
    // Who waits for nothing is remembered for as long as they are ahead of the others.
    if (named.inner.size === 0) {
      if (named.clock <= level.presently) level.names.delete(name);
    } else if (!isBarred(name) && (next === undefined || named.clock < next.clock)) next = named;
  }
  return next;
}

function remove<Item>(level: Level<Item>, item: Item): boolean {
  const place = level.waiting.findIndex((waiting) => waiting.item === item);
  if (place !== -1) level.waiting.splice(place, 1);
  const isFound = place !== -1 || [...level.names.values()].some(({ inner }) => remove(inner, item));
  if (isFound) level.size -= 1;
  return isFound;
}
