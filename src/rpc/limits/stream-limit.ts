import { Code, ConnectError } from '@connectrpc/connect';

/** Counts the streams that it is given; one beyond the limit is refused with RESOURCE_EXHAUSTED. */
export type StreamLimit = <Message>(open: () => AsyncIterable<Message>) => AsyncGenerator<Message>;

/** A stream costs memory for as long as its client likes, so there is an end to their number. */
export function createStreamLimit(streamsMax: number): StreamLimit {
  let count = 0;
  return async function* limited(open) {
    if (count >= streamsMax) throw new ConnectError('too many streams of this kind', Code.ResourceExhausted);
    count += 1;
    try {
      yield* open();
    } finally {
      count -= 1;
    }
  };
}
