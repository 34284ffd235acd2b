import {
  constants,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Door } from './door.ts';
import type { Connections } from './http1-connections.ts';
import type { ListenerLimits } from './listener-limits.ts';

interface Session {
  readonly session: ServerHttp2Session;
  readonly socket: Socket;
  /** Open streams, oldest first, and when each began. */
  readonly streams: Map<ServerHttp2Stream, number>;
  /** Streams that this session has opened in its life. */
  opened: number;
  seen: { opened: number; bytesRead: number };
  /** When a sweep last saw a call begin or be under way; and when it last saw bytes. */
  calledAtMs: number;
  readAtMs: number;
}

const streamWindowBytes = 256 * 1024;
// Node hands connection credit back on receipt, so this bounds bytes on their way, not bytes in memory.
const sessionWindowBytes = 4 * 1024 * 1024;

/** HTTP/2 on sockets that others accepted, with the limits of the listener; `count` hears of each refusal by name. */
export function createHttp2Sessions(
  door: Door,
  limits: ListenerLimits,
  count: (refusal: string) => void,
): Connections {
  const sessions = new Set<Session>();
  let isDraining = false;
  const server = createHttp2Server(limits);
  server.on('sessionError', () => count('http2SessionError'));

  const onStreamError = (): void => count('http2StreamError');

  function track(session: ServerHttp2Session, socket: Socket): void {
    const streams = new Map<ServerHttp2Stream, number>();
    const nowMs = performance.now();
    const seen = { opened: 0, bytesRead: 0 };
    const record: Session = { session, socket, streams, opened: 0, seen, calledAtMs: nowMs, readAtMs: nowMs };
    sessions.add(record);
    session.on('close', () => sessions.delete(record));
    session.setLocalWindowSize(sessionWindowBytes);
    const onStreamClose = function (this: ServerHttp2Stream): void {
      streams.delete(this);
    };
    session.on('stream', (stream, headers) => {
      record.opened += 1;
      streams.set(stream, performance.now());
      stream.on('error', onStreamError);
      stream.on('close', onStreamClose);
      door.handleStream(stream, headers);
    });
    if (isDraining) session.close();
  }

  return {
    accept(socket) {
      // The sockets of the listener may stay half open for HTTP/1.1; an HTTP/2 session has no use for that.
      socket.allowHalfOpen = false;
      server.once('session', (session) => track(session, socket));
      server.emit('connection', socket);
    },
    sweep(nowMs) {
      for (const record of sessions) {
        closeOverdueStreams(record, nowMs, limits, count);
        noteActivity(record, nowMs);
        closeIdleSession(record, nowMs, limits);
        closeStalledSession(record, nowMs, limits, count);
      }
    },
    drain() {
      isDraining = true;
      for (const { session } of sessions) session.close();
    },
    close() {
      sessions.clear();
    },
  };
}

function createHttp2Server(limits: ListenerLimits): Http2Server {
  return createServer({
    // CVE-2023-44487: a client may cancel in bursts, not for ever.
    streamResetBurst: 500,
    streamResetRate: 100,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    maxOutstandingPings: 10,
    maxSettings: 32,
    // Megabytes of queued answers and header tables; beyond them, new streams of that session are refused.
    maxSessionMemory: 16,
    settings: {
      enablePush: false,
      maxConcurrentStreams: limits.streamsMax,
      maxHeaderListSize: limits.headerBytesMax,
      initialWindowSize: streamWindowBytes,
    },
  });
}

// One sweep over open streams costs a request two Map operations; a timer for each stream would cost far more.
function closeOverdueStreams(
  { streams }: Session,
  nowMs: number,
  limits: ListenerLimits,
  count: (refusal: string) => void,
): void {
  for (const [stream, startedAtMs] of streams) {
    const ageMs = nowMs - startedAtMs;
    if (ageMs < limits.requestTimeoutMs) break;
    if (stream.closed || !isOverdue(stream, ageMs, limits)) continue;
    count('http2RequestTimeout');
    stream.close(constants.NGHTTP2_CANCEL);
  }
}

// A stream that has begun to answer and not ended is a streaming call: it lives as long as both sides want.
function isOverdue(stream: ServerHttp2Stream, ageMs: number, limits: ListenerLimits): boolean {
  if (!isRequestComplete(stream)) return !stream.headersSent || stream.writableEnded;
  return stream.writableEnded && ageMs >= limits.requestTimeoutMs + limits.idleTimeoutMs;
}

function isRequestComplete(stream: ServerHttp2Stream): boolean {
  if (stream.readableEnded) return true;
  const { state } = stream.state;
  return (
    state === constants.NGHTTP2_STREAM_STATE_HALF_CLOSED_REMOTE ||
    state === constants.NGHTTP2_STREAM_STATE_CLOSED
  );
}

function noteActivity(record: Session, nowMs: number): void {
  const { bytesRead } = record.socket;
  if (record.streams.size > 0 || record.opened !== record.seen.opened) record.calledAtMs = nowMs;
  if (bytesRead !== record.seen.bytesRead) record.readAtMs = nowMs;
  record.seen = { opened: record.opened, bytesRead };
}

// Idle is a session without a call, whatever bytes it sends: a PING, or a request's headers drop by drop.
function closeIdleSession({ session, calledAtMs }: Session, nowMs: number, limits: ListenerLimits): void {
  if (nowMs - calledAtMs >= limits.idleTimeoutMs) session.close();
}

// Silent with an answer waiting: the client grants no window. Silent with none: it waits for the door, as it may.
function closeStalledSession(
  { session, streams, readAtMs }: Session,
  nowMs: number,
  limits: ListenerLimits,
  count: (refusal: string) => void,
): void {
  if (nowMs - readAtMs < limits.idleTimeoutMs) return;
  for (const stream of streams.keys()) {
    if (stream.writableLength === 0) continue;
    count('http2Stalled');
    session.destroy();
    return;
  }
}
