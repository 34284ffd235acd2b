import { memoryShares } from './memory.ts';

/** Every wait and every count that a listener bounds; what none of them allows is refused, never queued. */
export interface ListenerLimits {
  /** From a connection's first byte (HTTP/1.1) to the end of the request's headers. */
  readonly headersTimeoutMs: number;
  /** From the start of a request to the end of its body. */
  readonly requestTimeoutMs: number;
  /** How long a connection may say nothing between requests. */
  readonly idleTimeoutMs: number;
  /** How long a client may take nothing of an answer that waits for it, whatever else it sends; `idleTimeoutMs` at most. */
  readonly stallTimeoutMs: number;
  /** From accept to the bytes that tell the protocol, and for the whole TLS handshake. */
  readonly firstBytesTimeoutMs: number;
  /** How long calls in flight may go on once the listener drains. */
  readonly drainTimeoutMs: number;
  /** Connections at once; the next one takes the place of the oldest on which no valid token was seen. */
  readonly connectionsMax: number;
  /** Connections of one address at once on which no valid token was seen; the oldest makes room for one more. */
  readonly strangersPerAddressMax: number;
  /** After the last valid token a connection counts for so long as one of somebody known, at most a twentieth more. */
  readonly knownTimeoutMs: number;
  /** Calls at once in one connection: streams of HTTP/2, pipelined requests of HTTP/1.1. */
  readonly streamsMax: number;
  /** Streams at once in a connection of HTTP/2 until a valid token was seen on it. */
  readonly strangerStreamsMax: number;
  /** What all connections and their unfinished requests may hold; default: by the memory there is. */
  readonly requestsBytesMax: number;
  /** Request headers, decoded, in either version of HTTP. */
  readonly headerBytesMax: number;
}

/** The limits of a listener that was given none. */
export const defaultLimits: ListenerLimits = Object.freeze({
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  // Longer than the ten minutes for which balancers keep a connection: who closes first loses a call on its way.
  idleTimeoutMs: 620_000,
  stallTimeoutMs: 60_000,
  firstBytesTimeoutMs: 5_000,
  drainTimeoutMs: 10_000,
  connectionsMax: 20_000,
  strangersPerAddressMax: 1_000,
  knownTimeoutMs: 600_000,
  streamsMax: 256,
  strangerStreamsMax: 32,
  requestsBytesMax: memoryShares().requestsBytes,
  headerBytesMax: 16 * 1024,
});

/** How often the clock is held against the limits: a quarter of the shortest wait, at most a second. */
export function sweepIntervalMs(limits: ListenerLimits): number {
  const shortestMs = Math.min(
    limits.headersTimeoutMs,
    limits.requestTimeoutMs,
    limits.idleTimeoutMs,
    limits.stallTimeoutMs,
    limits.firstBytesTimeoutMs,
    limits.knownTimeoutMs / 5,
  );
  return Math.max(20, Math.min(1_000, Math.floor(shortestMs / 4)));
}
