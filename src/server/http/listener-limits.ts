/** Every wait and every count that a listener bounds; what none of them allows is refused, never queued. */
export interface ListenerLimits {
  /** From a connection's first byte (HTTP/1.1) to the end of the request's headers. */
  readonly headersTimeoutMs: number;
  /** From the start of a request to the end of its body. */
  readonly requestTimeoutMs: number;
  /** How long a connection may say nothing between requests, or take nothing of an answer. */
  readonly idleTimeoutMs: number;
  /** From accept to the bytes that tell the protocol, and for the whole TLS handshake. */
  readonly firstBytesTimeoutMs: number;
  /** How long calls in flight may go on once the listener drains. */
  readonly drainTimeoutMs: number;
  /** Connections at once; the next one is closed on accept. */
  readonly connectionsMax: number;
  /** Calls at once in one connection: streams of HTTP/2, pipelined requests of HTTP/1.1. */
  readonly streamsMax: number;
  /** Request headers, decoded, in either version of HTTP. */
  readonly headerBytesMax: number;
}

/** The limits of a listener that was given none. */
export const defaultLimits: ListenerLimits = Object.freeze({
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  idleTimeoutMs: 60_000,
  firstBytesTimeoutMs: 5_000,
  drainTimeoutMs: 10_000,
  connectionsMax: 20_000,
  streamsMax: 256,
  headerBytesMax: 16 * 1024,
});

/** How often the clock is held against the limits: a quarter of the shortest wait, at most a second. */
export function sweepIntervalMs(limits: ListenerLimits): number {
  const shortestMs = Math.min(
    limits.headersTimeoutMs,
    limits.requestTimeoutMs,
    limits.idleTimeoutMs,
    limits.firstBytesTimeoutMs,
  );
  return Math.max(20, Math.min(1_000, Math.floor(shortestMs / 4)));
}
