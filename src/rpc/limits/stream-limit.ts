import { Code, ConnectError } from '@connectrpc/connect';
import type { RequestInfo } from '../request-info.ts';
import { addressKey } from './call-limits.ts';

/** Counts the streams that it is given; one beyond the limit is refused with RESOURCE_EXHAUSTED. */
export type StreamLimit = <Message>(
  open: () => AsyncIterable<Message>,
  from?: Pick<RequestInfo, 'remoteAddress' | 'end'>,
) => AsyncGenerator<Message>;

/** Streams of one kind that each look for news several times a second. */
export const followersMax = 256;

interface Place {
  readonly address: string;
  readonly end: () => void;
}

/**
 * A stream costs memory for as long as its client likes, so there is an end to their number. Where it is told from whom
 * they are, places are shared: who comes when all are taken gets that of the address that has most of them, its oldest,
 * unless it would then have more itself.
 */
export function createStreamLimit(streamsMax: number): StreamLimit {
  const places = new Map<string, Set<Place>>();
  let count = 0;
  const of = (address: string): number => places.get(address)?.size ?? 0;

  function leave(place: Place): void {
    const own = places.get(place.address);
    if (own?.delete(place) !== true) return;
    count -= 1;
    if (own.size === 0) places.delete(place.address);
  }

  function makeRoom(address: string): void {
    let most = '';
    for (const other of places.keys()) if (of(other) > of(most)) most = other;
    const [oldest] = places.get(most) ?? [];
    if (oldest === undefined || of(most) <= of(address) + 1) {
      throw new ConnectError('too many streams of this kind', Code.ResourceExhausted);
    }
    leave(oldest);
    oldest.end();
  }

  function enter(place: Place): void {
    if (count >= streamsMax) makeRoom(place.address);
    const own = places.get(place.address);
    if (own === undefined) places.set(place.address, new Set([place]));
    else own.add(place);
    count += 1;
  }

  return async function* limited(open, from) {
    const place = { address: addressKey(from?.remoteAddress ?? ''), end: () => from?.end() };
    enter(place);
    try {
      yield* open();
    } finally {
      leave(place);
    }
  };
}
