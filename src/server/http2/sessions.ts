import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { type Account, costBytes } from '../http/admission.ts';
import type { Connections } from '../http/connections.ts';
import type { ListenerLimits } from '../http/listener-limits.ts';
import { Taking, takenBytesOf } from '../http/taking.ts';
import type { StrangerWork, Turns } from '../http/turns.ts';
import { Http2Connection } from './connection.ts';
import { errorCode } from './frame.ts';
import type { Http2Stream } from './stream.ts';

/** What takes the streams of HTTP/2. */
export interface StreamDoor {
  /** Takes one HTTP/2 stream. Never throws. */
  handleStream(stream: Http2Stream): void;
}

interface Session {
  readonly connection: Http2Connection;
  seen: number;
  /** When a sweep last saw a call begin or be under way. */
  calledAtMs: number;
  /** When a sweep last saw it outside the headers of a request, or that a call had begun. */
  headersAtMs: number;
  readonly taking: Taking;
}

/** What sessions need besides their door. */
export interface SessionOptions {
  readonly limits: ListenerLimits;
  readonly turns: Turns;
  /** Hears of each refusal by name. */
  readonly count: (refusal: string) => void;
  /** Hears of what no client should be able to cause. */
  readonly onBug: (cause: unknown) => void;
}

// After GOAWAY with an error, a client has so long to read it.
const lingerMsMax = 1_000;

/** HTTP/2 on sockets that others accepted, with the limits of the listener. */
export function createHttp2Sessions(
  door: StreamDoor,
  { limits, turns, count, onBug }: SessionOptions,
): Connections {
  const sessions = new Set<Session>();
  let isDraining = false;
  const { streamsMax, strangerStreamsMax, headerBytesMax } = limits;
  const options = {
    ...{ streamsMax, strangerStreamsMax, headerBytesMax },
    onStream: (stream: Http2Stream) => door.handleStream(stream),
    onError(refusal: string, cause?: unknown) {
      count(refusal);
      if (cause !== undefined) onBug(cause);
    },
  };

  function track(socket: Socket, account: Account): void {
    const session = begunNow(new Http2Connection(socket, account, options));
    const { connection } = session;
    sessions.add(session);
    socket.on('data', (chunk: Buffer) => {
      if (account.isProven) connection.read(chunk);
      else new Chunk(connection, { turns, address: account.address }, chunk).come();
    });
    socket.on('close', () => {
      sessions.delete(session);
      connection.closed();
    });
    socket.resume();
    if (isDraining) connection.farewell.begin();
  }

  return {
    accept(socket, account) {
      // The sockets of the listener may stay half open for HTTP/1.1; an HTTP/2 session has no use for that.
      socket.allowHalfOpen = false;
      if (account.take(costBytes.http2)) track(socket, account);
      else socket.destroy();
    },
    sweep(nowMs) {
      for (const session of sessions) {
        closeOverdueStreams(session.connection, nowMs, limits, count);
        noteActivity(session, nowMs);
        // Idle is a session without a call, whatever bytes it sends.
        if (nowMs - session.calledAtMs >= limits.idleTimeoutMs) session.connection.farewell.begin();
        cutSlowHeaders(session, nowMs, limits, count);
        session.connection.sweep(nowMs);
        closeStalled(session, nowMs, limits, count);
        cutEndedSession(session.connection, nowMs, limits);
      }
    },
    drain() {
      isDraining = true;
      for (const { connection } of sessions) connection.farewell.begin();
    },
    close() {
      sessions.clear();
    },
  };
}

function begunNow(connection: Http2Connection): Session {
  const nowMs = performance.now();
  return { connection, seen: 0, calledAtMs: nowMs, headersAtMs: nowMs, taking: new Taking() };
}

/** What a stranger has sent and nobody has read yet. */
class Chunk implements StrangerWork {
  isRest = false;
  readonly address: string;
  readonly #connection: Http2Connection;
  readonly #turns: Turns;
  #bytes: Buffer;

  constructor(
    connection: Http2Connection,
    { turns, address }: { readonly turns: Turns; readonly address: string },
    bytes: Buffer,
  ) {
    this.#connection = connection;
    this.#turns = turns;
    this.address = address;
    this.#bytes = bytes;
  }

  come(): void {
    if (this.#turns.take(this)) this.#read();
  }

  get isOver(): boolean {
    return this.#connection.isFailed;
  }

  /** Whether there is room for it meanwhile; nothing more of its connection is read until it was. */
  wait(): boolean {
    this.#connection.isWaiting = true;
    this.#connection.socket.pause();
    if (this.#connection.places.hold(this.#bytes.length)) return true;
    this.#connection.socket.destroy();
    return false;
  }

  run(): void {
    this.#connection.isWaiting = false;
    this.#connection.places.hold(-this.#bytes.length);
    this.#read();
    this.#connection.goOn();
  }

  #read(): void {
    const readBytes = this.#connection.read(this.#bytes);
    if (readBytes === this.#bytes.length) return;
    this.#bytes = this.#bytes.subarray(readBytes);
    this.isRest = true;
    this.#turns.put(this);
  }
}

// One sweep over open streams costs a request nothing; a timer for each stream would cost far more.
function closeOverdueStreams(
  { streams }: Http2Connection,
  nowMs: number,
  limits: ListenerLimits,
  count: (refusal: string) => void,
): void {
  for (const stream of streams.values()) {
    const ageMs = nowMs - stream.startedAtMs;
    if (ageMs < limits.requestTimeoutMs) break;
    if (!isOverdue(stream, ageMs, limits)) continue;
    count('http2RequestTimeout');
    stream.reset(errorCode.cancel);
  }
}

// A stream that has begun to answer and not ended is a streaming call: it lives as long as both sides want.
function isOverdue(stream: Http2Stream, ageMs: number, limits: ListenerLimits): boolean {
  if (!stream.isRequestEnded) return !stream.isHeadSent || stream.isAnswerEnded;
  return stream.isAnswerEnded && ageMs >= limits.requestTimeoutMs + limits.stallTimeoutMs;
}

function noteActivity(session: Session, nowMs: number): void {
  const { connection, seen } = session;
  const hasBegun = connection.opened !== seen;
  if (connection.streams.size > 0 || hasBegun) session.calledAtMs = nowMs;
  if (!connection.isWithinHeaders || hasBegun) session.headersAtMs = nowMs;
  session.seen = connection.opened;
}

// Headers that come drop by drop, in one frame or in many: nothing else can come meanwhile.
function cutSlowHeaders(
  { connection, headersAtMs }: Session,
  nowMs: number,
  { headersTimeoutMs, requestTimeoutMs }: ListenerLimits,
  count: (refusal: string) => void,
): void {
  if (nowMs - headersAtMs < Math.min(headersTimeoutMs, requestTimeoutMs)) return;
  count('http2RequestTimeout');
  connection.socket.destroy();
}

// A client that takes nothing of what waits for it: on one stream, where it grants no window; on all, where it reads none.
function closeStalled(
  { connection, taking }: Session,
  nowMs: number,
  { stallTimeoutMs }: ListenerLimits,
  count: (refusal: string) => void,
): void {
  for (const stream of connection.streams.values()) {
    const state = { waits: stream.isUnsent, takenBytes: stream.sentBytes };
    if (!stream.taking.isStalled(nowMs, state, stallTimeoutMs)) continue;
    count('http2Stalled');
    stream.reset(errorCode.cancel);
  }
  const state = {
    waits: connection.sender.outbox.unsentBytes > 0,
    takenBytes: takenBytesOf(connection.socket),
  };
  if (!taking.isStalled(nowMs, state, stallTimeoutMs)) return;
  count('http2Stalled');
  connection.socket.destroy();
}

// This server's half is closed; the client may never close its own.
function cutEndedSession(connection: Http2Connection, nowMs: number, limits: ListenerLimits): void {
  const { endedAtMs } = connection.farewell;
  if (endedAtMs === undefined) return;
  const { idleTimeoutMs } = limits;
  const waitMs = connection.isFailed ? Math.min(lingerMsMax, idleTimeoutMs) : idleTimeoutMs;
  if (nowMs - endedAtMs >= waitMs) connection.socket.destroy();
}
