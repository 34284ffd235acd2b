import type { Http2Stream } from './stream.ts';

/** What a connection needs of its listener. */
export interface ConnectionOptions {
  readonly streamsMax: number;
  /** Until a valid token was seen. */
  readonly strangerStreamsMax: number;
  readonly headerBytesMax: number;
  /** Takes a stream whose request has begun; names who reads it before it returns. */
  readonly onStream: (stream: Http2Stream) => void;
  /** Hears of what a client did against the rules, by name, and why. */
  readonly onError: (refusal: string, cause?: unknown) => void;
}
