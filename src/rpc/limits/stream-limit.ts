import { Code, ConnectError, type ContextValues } from '@connectrpc/connect';
import { turnOf } from '../../auth/caller.ts';
import { requestInfoKey } from '../request-info.ts';
import { addressKey } from './call-limits.ts';
import { callerKey } from './caller-key.ts';

/** Counts the streams that it is given; one beyond the limit is refused with RESOURCE_EXHAUSTED. */
export type StreamLimit = <Message>(
  open: () => AsyncIterable<Message>,
  from: Sharer,
) => AsyncGenerator<Message>;

/** Streams of one kind that each look for news several times a second. */
export const followersMax = 256;

/** Among whom places are shared, and how the stream of this one is ended. */
export interface Sharer {
  readonly name: string;
  readonly end: () => void;
}

/** Of what needs no token: its address. */
export function sharerByAddress(values: ContextValues): Sharer {
  const info = values.get(requestInfoKey);
  return { name: addressKey(info.remoteAddress), end: () => info.end() };
}

/** Of what needs one: the caller's organization, whatever addresses and tokens it has. */
export function sharerByCaller(values: ContextValues): Sharer {
  const [name = ''] = turnOf(values.get(callerKey));
  return { name, end: () => values.get(requestInfoKey).end() };
}

/**
 * A stream costs memory for as long as its client likes, so there is an end to their number. Places are shared: who comes
 * when all are taken gets that of the sharer who has most of them, their oldest, unless it would then have more itself.
 */
export function createStreamLimit(streamsMax: number): StreamLimit {
  const places = new Map<string, Set<Sharer>>();
  let count = 0;
  const of = (name: string): number => places.get(name)?.size ?? 0;

  function leave(place: Sharer): void {
    const own = places.get(place.name);
    if (own?.delete(place) !== true) return;
    count -= 1;
    if (own.size === 0) places.delete(place.name);
  }

  function makeRoom(name: string): void {
    let most = '';
    for (const other of places.keys()) if (of(other) > of(most)) most = other;
    const [oldest] = places.get(most) ?? [];
    if (oldest === undefined || of(most) <= of(name) + 1) {
      throw new ConnectError('too many streams of this kind', Code.ResourceExhausted);
    }
    leave(oldest);
    oldest.end();
  }

  function enter(place: Sharer): void {
    if (count >= streamsMax) makeRoom(place.name);
    const own = places.get(place.name);
    if (own === undefined) places.set(place.name, new Set([place]));
    else own.add(place);
    count += 1;
  }

  return async function* limited(open, from) {
    const place = { ...from };
    enter(place);
    try {
      yield* open();
    } finally {
      leave(place);
    }
  };
}
