import type { Call, CallKind } from './call.ts';
import { follow, type UserModel, unused } from './user-model.ts';

/** No order explains the answers up to this one together with what comes after it. */
export interface Contradiction {
  readonly call: Call;
  /** Where the user can have stood when the call was answered, by all answers before it. */
  readonly possible: readonly UserModel[];
}

/** Gives up, with an error, where more lines of events than this are possible at once. */
const worldsMax = 200_000;

/** One way in which it all can have happened so far. */
interface World {
  readonly model: UserModel;
  /** Calls under way that have been carried out in this world. */
  readonly done: ReadonlySet<Call>;
  /** How many calls of unknown outcome have been carried out, by kind: of one kind any is as good as the other. */
  readonly used: Counts;
}

type Counts = Readonly<Partial<Record<CallKind, number>>>;

/**
 * Whether one user's calls can have taken place one after the other, each at one moment between its invocation and its
 * answer, each answered as the transitions table says. Calls of unknown outcome took place at some moment after their
 * invocation, or never. Answers undefined where they can.
 *
 * Wing and Gong's search as Lowe's "Testing for linearizability" has it: through time, with every world that is still
 * possible, where a call is carried out only when the answer of one has to be explained.
 */
export function findContradiction(calls: readonly Call[]): Contradiction | undefined {
  const moments = momentsOf(calls);
  const ceilings = ceilingsOf(moments);
  const pending = new Set<Call>();
  const unknown: Partial<Record<CallKind, number>> = {};
  let worlds = new Map<string, World>([['', { model: unused, done: new Set(), used: {} }]]);
  for (const [index, { call, isAnswer }] of moments.entries()) {
    if (!isAnswer) {
      if (call.answer.outcome === 'unknown') unknown[call.kind] = (unknown[call.kind] ?? 0) + 1;
      else pending.add(call);
      continue;
    }
    const explained = new Map<string, World>();
    const seen = new Set<string>();
    for (const world of worlds.values()) {
      explain(call, world, { pending, unknown, seen, explained, ceiling: ceilings[index + 1] ?? Infinity });
    }
    if (explained.size === 0) return { call, possible: modelsOf(worlds.values()) };
    pending.delete(call);
    worlds = explained;
  }
  return undefined;
}

interface Moment {
  readonly atMs: number;
  readonly call: Call;
  readonly isAnswer: boolean;
}

// What happens at one moment overlaps, so invocations come first.
function momentsOf(calls: readonly Call[]): readonly Moment[] {
  return calls
    .flatMap((call) => [
      { atMs: call.invokedAtMs, call, isAnswer: false },
      ...(call.answer.outcome === 'unknown' ? [] : [{ atMs: call.answeredAtMs, call, isAnswer: true }]),
    ])
    .toSorted((one, other) => one.atMs - other.atMs || Number(one.isAnswer) - Number(other.isAnswer));
}

/** The highest sequence from which the call can still be answered as it was. */
function ceilingOf({ kind, answer }: Call): number {
  if (answer.outcome !== 'ok' || answer.sequence === undefined) return Infinity;
  return kind === 'get' ? answer.sequence : answer.sequence - 1;
}

// At each moment, of the calls that are yet to be invoked: sequences never fall, so no world may stand above.
function ceilingsOf(moments: readonly Moment[]): readonly number[] {
  const ceilings: number[] = [];
  let lowest = Infinity;
  for (const [index, { call, isAnswer }] of [...moments.entries()].reverse()) {
    if (!isAnswer) lowest = Math.min(lowest, ceilingOf(call));
    ceilings[index] = lowest;
  }
  return ceilings;
}

interface Search {
  readonly pending: ReadonlySet<Call>;
  readonly unknown: Counts;
  /** Keys of the worlds that have been looked at. */
  readonly seen: Set<string>;
  /** Grows with the worlds in which the call has been carried out. */
  readonly explained: Map<string, World>;
  readonly ceiling: number;
}

/** Every world that this one can become in which the call has been carried out, and no more than need be. */
function explain(call: Call, from: World, search: Search): void {
  const left = [from];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const world = settle(next, search.pending);
    const key = keyOf(world);
    if (search.seen.has(key) || isTooFar(world, search)) continue;
    search.seen.add(key);
    if (search.seen.size > worldsMax)
      throw new Error(`undecided at ${call.requestId}: too many possibilities`);
    if (world.done.has(call)) {
      const done = world.done.difference(new Set([call]));
      const after = { ...world, done };
      search.explained.set(keyOf(after), after);
    } else {
      left.push(...stepsOf(world, search));
    }
  }
}

// What changes nothing and is answered rightly here can be carried out at once: nothing is lost by it.
function settle(world: World, pending: ReadonlySet<Call>): World {
  const { model } = world;
  const idle = [...pending].filter((call) => !world.done.has(call) && follow(model, call) === model);
  return idle.length === 0 ? world : { ...world, done: world.done.union(new Set(idle)) };
}

function isTooFar({ model, done }: World, { pending, ceiling }: Search): boolean {
  if (model.sequence > ceiling) return true;
  for (const call of pending) if (!done.has(call) && model.sequence > ceilingOf(call)) return true;
  return false;
}

function* stepsOf({ model, done, used }: World, { pending, unknown }: Search): Generator<World> {
  for (const call of pending) {
    if (done.has(call)) continue;
    const after = follow(model, call);
    if (after !== undefined) yield { model: after, done: done.union(new Set([call])), used };
  }
  for (const kind of Object.keys(unknown) as CallKind[]) {
    const count = used[kind] ?? 0;
    if (count >= (unknown[kind] ?? 0)) continue;
    const after = follow(model, { ...nameless, kind });
    if (after !== undefined && after !== model)
      yield { model: after, done, used: { ...used, [kind]: count + 1 } };
  }
}

const nameless = {
  requestId: '',
  userId: '',
  invokedAtMs: 0,
  answeredAtMs: 0,
  answer: { outcome: 'unknown', why: '' },
} as const;

function keyOf({ model, done, used }: World): string {
  const names = [...done].map(({ requestId }) => requestId).sort();
  const counts = Object.entries(used).sort(([one], [other]) => (one < other ? -1 : 1));
  return `${model.state} ${model.sequence} ${names.join(',')} ${counts.join(' ')}`;
}

function modelsOf(worlds: Iterable<World>): readonly UserModel[] {
  const models = [...worlds].map(({ model }) => model);
  return [...new Map(models.map((model) => [`${model.state} ${model.sequence}`, model])).values()];
}
