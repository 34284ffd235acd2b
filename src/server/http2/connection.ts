import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { ConnectionOptions } from './connection-options.ts';
import { FloodGuard } from './flood-guard.ts';
import { ConnectionError, errorCode, type Frame, flag, frameType, protocolError, uint32 } from './frame.ts';
import { FrameReader } from './frame-reader.ts';
import { HeadCache } from './head-cache.ts';
import { HeaderBlock } from './header-block.ts';
import { LateFrames } from './late-frames.ts';
import { PeerSettings } from './peer-settings.ts';
import { ReceiveWindow } from './receive-window.ts';
import type { RequestHead } from './request-head.ts';
import { Sender } from './sender.ts';
import { expectShape, isWholePriority } from './shape-rules.ts';
import { Http2Stream, type StreamOwner } from './stream.ts';

// So much is read and dropped after a failure, and no more.
const ignoredBytesMax = 1_048_576;

/** The server's end of one connection of HTTP/2 (RFC 9113). Never throws; what the wire brings ends in frames. */
export class Http2Connection implements StreamOwner {
  readonly socket: Socket;
  readonly peerAddress: string;
  readonly sender: Sender;
  /** Open streams, oldest first. */
  readonly streams: Map<number, Http2Stream> = new Map();
  /** Streams that were handed on, in all its life. */
  opened = 0;
  /** From when on it takes no more streams, and only ends. */
  closingSinceMs: number | undefined;
  /** After a GOAWAY with an error: nothing is read any more. */
  isFailed = false;
  /** When its half of the socket was closed. */
  endedAtMs: number | undefined;
  readonly #options: ConnectionOptions;
  readonly #reader: FrameReader;
  readonly #heads: HeadCache;
  readonly #block: HeaderBlock;
  readonly #settings: PeerSettings;
  readonly #late = new LateFrames();
  readonly #guard: FloodGuard;
  readonly #receiveWindow: ReceiveWindow;
  #lastStreamId = 0;
  #ignoredBytes = 0;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#options = options;
    this.socket = socket;
    this.peerAddress = socket.remoteAddress ?? '';
    this.sender = new Sender(socket, () => this.#goOn());
    this.#reader = new FrameReader((frame) => this.#takeFrame(frame));
    this.#heads = new HeadCache(options.headerBytesMax);
    this.#block = new HeaderBlock(options.headerBytesMax);
    this.#settings = new PeerSettings(this.sender, this.streams);
    this.#guard = new FloodGuard(performance.now());
    this.sender.announce(options);
    this.#receiveWindow = new ReceiveWindow(this.sender);
  }

  /** What the socket read. */
  read(chunk: Buffer): void {
    if (this.isFailed) {
      this.#ignore(chunk.length);
      return;
    }
    this.#guard.nowMs = performance.now();
    this.sender.outbox.hold();
    try {
      this.#reader.read(chunk);
    } catch (cause) {
      this.#fail(cause);
    }
    this.sender.outbox.release();
    // A client that does not take its answers gets no more of them.
    if (this.sender.outbox.isStuck) this.socket.pause();
  }

  /** The socket is closed: so are all streams. */
  closed(): void {
    this.isFailed = true;
    for (const stream of this.streams.values()) stream.close(errorCode.cancel, false);
  }

  /** Takes no more streams, and closes once those under way are answered. */
  shutdown(): void {
    if (this.closingSinceMs !== undefined) return;
    this.closingSinceMs = performance.now();
    this.sender.goaway(this.#lastStreamId, errorCode.noError, '');
    if (this.streams.size === 0) this.#end();
  }

  forget(stream: Http2Stream, isOurReset: boolean): void {
    this.streams.delete(stream.id);
    if (isOurReset) this.#late.add(stream.id, performance.now());
    if (this.closingSinceMs !== undefined && this.streams.size === 0) this.#end();
  }

  #end(): void {
    this.endedAtMs ??= performance.now();
    this.sender.outbox.end();
  }

  // The socket has taken what waited.
  #goOn(): void {
    this.sender.pump();
    if (this.socket.isPaused() && !this.sender.outbox.isStuck) this.socket.resume();
  }

  #fail(cause: unknown): void {
    const isTheirs = cause instanceof ConnectionError;
    this.#options.onError('http2SessionError', isTheirs ? undefined : cause);
    this.isFailed = true;
    this.closingSinceMs ??= performance.now();
    const code = isTheirs ? cause.code : errorCode.internalError;
    this.sender.goaway(this.#lastStreamId, code, isTheirs ? cause.message : '');
    for (const stream of this.streams.values()) stream.close(errorCode.cancel, false);
    this.#end();
  }

  // What was under way when the connection failed is read and dropped, so that no reset overtakes the GOAWAY.
  #ignore(bytes: number): void {
    this.#ignoredBytes += bytes;
    if (this.#ignoredBytes > ignoredBytesMax) this.socket.destroy();
  }

  #takeFrame(frame: Frame): void {
    if (this.isFailed) return;
    if (!this.#settings.isReceived && frame.type !== frameType.settings)
      throw protocolError('SETTINGS come first');
    if (this.#block.isOpen && frame.type !== frameType.continuation)
      throw protocolError('a header block is cut');
    const { type } = frame;
    if (type === frameType.data) this.#takeData(frame);
    else if (type === frameType.headers) {
      if (this.#block.open(frame)) this.#takeBlock(frame.streamId);
    } else if (type === frameType.windowUpdate) this.#takeWindowUpdate(frame);
    else if (type === frameType.reset) this.#takeReset(frame);
    else {
      this.#guard.noise();
      this.#takeNoise(frame);
    }
  }

  #takeNoise(frame: Frame): void {
    const { type, flags, streamId, bytes, start, end } = frame;
    expectShape(frame);
    if (type === frameType.continuation) {
      if (this.#block.append(frame)) this.#takeBlock(streamId);
    } else if (type === frameType.settings) this.#settings.take(frame);
    else if (type === frameType.priority) this.#takePriority(frame);
    else if (type === frameType.ping && (flags & flag.ack) === 0) {
      this.sender.acknowledge(type, bytes.subarray(start, end));
    }
  }

  #takeData(frame: Frame): void {
    const { streamId, bytes, start, end, flags } = frame;
    this.#receiveWindow.take(end - start);
    const stream = this.#streamOf(streamId);
    const isPadded = (flags & flag.padded) !== 0;
    const padding = isPadded ? (bytes[start] ?? 0) + 1 : 0;
    if (padding > end - start) throw protocolError('more padding than frame');
    if (stream === undefined || stream.isRequestEnded) {
      const isIgnored = stream === undefined && this.#isIgnored(streamId);
      if (!isIgnored) this.#resetStream(streamId, errorCode.streamClosed);
      else this.#guard.noise(this.#late.dataNoise(end - start, this.#guard.nowMs));
      return;
    }
    const isLast = (flags & flag.endStream) !== 0;
    const from = isPadded ? start + 1 : start;
    const to = isPadded ? end - padding + 1 : end;
    if (to === from && !isLast) this.#guard.noise();
    const code = stream.takeData(bytes.subarray(from, to), padding, isLast);
    if (code !== errorCode.noError) this.#resetStream(streamId, code);
  }

  #takeBlock(streamId: number): void {
    const { bytes, start, end, endsStream, dependsOnItself } = this.#block;
    this.#block.close();
    if ((streamId & 1) === 0) throw protocolError('a stream that is not the client’s');
    if (streamId > this.#lastStreamId) {
      const head = this.#heads.read(bytes, start, end);
      if (this.closingSinceMs !== undefined) {
        this.#guard.noise(this.#late.blockNoise(end - start, head.fields));
        return;
      }
      this.#lastStreamId = streamId;
      if (dependsOnItself) this.#resetStream(streamId, errorCode.protocolError);
      else this.#beginStream(streamId, head, endsStream);
      return;
    }
    const trailers = this.#heads.readTrailers(bytes, start, end);
    if (this.streams.has(streamId)) this.#takeTrailers(streamId, trailers, endsStream);
    else if (!this.#isIgnored(streamId)) {
      throw new ConnectionError(errorCode.streamClosed, 'HEADERS on a closed stream');
    } else this.#guard.noise(this.#late.blockNoise(end - start, trailers.fields));
  }

  #beginStream(streamId: number, head: RequestHead, isRequestEnded: boolean): void {
    const isShort = isRequestEnded && (head.contentLength ?? 0) > 0;
    if (head.isTooLarge) this.#resetStream(streamId, errorCode.enhanceYourCalm);
    else if (head.isMalformed || isShort) this.#resetStream(streamId, errorCode.protocolError);
    else if (this.streams.size >= this.#options.streamsMax) {
      // A client that has not heard of the limit yet is wrong in good faith.
      this.#resetStream(streamId, errorCode.refusedStream, this.#settings.isAcknowledged ? 1 : 0.5);
    } else {
      this.opened++;
      this.#guard.call();
      const stream = new Http2Stream(this, streamId, head, {
        startedAtMs: this.#guard.nowMs,
        isRequestEnded,
      });
      this.streams.set(streamId, stream);
      this.#options.onStream(stream);
      if (isRequestEnded) stream.takeEnd();
    }
  }

  #takeTrailers(streamId: number, trailers: RequestHead, endsStream: boolean): void {
    const stream = this.streams.get(streamId);
    if (stream === undefined) return;
    if (stream.isRequestEnded) this.#resetStream(streamId, errorCode.streamClosed);
    else if (!endsStream || trailers.isMalformed) this.#resetStream(streamId, errorCode.protocolError);
    else if (trailers.isTooLarge) this.#resetStream(streamId, errorCode.enhanceYourCalm);
    else {
      const code = stream.takeTrailers();
      if (code !== errorCode.noError) this.#resetStream(streamId, code);
    }
  }

  #takeWindowUpdate(frame: Frame): void {
    const { streamId, bytes, start } = frame;
    expectShape(frame);
    this.#guard.windowUpdate(this.sender.dataFrames);
    const increment = uint32(bytes, start) & 0x7fffffff;
    const stream = streamId === 0 ? undefined : this.#streamOf(streamId);
    if (stream !== undefined) {
      const code = increment === 0 ? errorCode.protocolError : stream.grant(increment);
      if (code !== errorCode.noError) this.#resetStream(streamId, code);
      else stream.resume();
    } else if (streamId === 0) {
      const code = increment === 0 ? errorCode.protocolError : this.sender.grant(increment);
      if (code !== errorCode.noError) throw new ConnectionError(code, 'no such window');
    }
  }

  #takeReset(frame: Frame): void {
    const { streamId, bytes, start } = frame;
    expectShape(frame);
    const stream = this.#streamOf(streamId);
    if (stream === undefined) this.#guard.noise();
    else {
      this.#guard.fault();
      stream.close(uint32(bytes, start), false);
    }
  }

  #takePriority(frame: Frame): void {
    if (isWholePriority(frame)) return;
    const { streamId, start, end } = frame;
    const code = end - start === 5 ? errorCode.protocolError : errorCode.frameSizeError;
    if (!this.streams.has(streamId)) throw new ConnectionError(code, 'a broken PRIORITY');
    this.#resetStream(streamId, code);
  }

  /** The open stream; undefined where it is closed. RFC 9113 §5.1: an idle one takes nothing but HEADERS. */
  #streamOf(streamId: number): Http2Stream | undefined {
    const stream = this.streams.get(streamId);
    if (stream !== undefined) return stream;
    // What belongs to no stream of the client's never will (§6.1, §6.4); one after the last may have crossed a GOAWAY.
    const isNone = (streamId & 1) === 0;
    const isIdle = streamId > this.#lastStreamId && this.closingSinceMs === undefined;
    if (isNone || isIdle) throw protocolError('a frame on a stream that is idle');
    return undefined;
  }

  /** A closed stream of which the client may not know that it is: reset, or begun after GOAWAY. */
  #isIgnored(streamId: number): boolean {
    return streamId > this.#lastStreamId || this.#late.has(streamId);
  }

  /** What the client did wrong ends one stream, and counts: many of them are an attack too ("MadeYouReset"). */
  #resetStream(streamId: number, code: number, faults = 1): void {
    this.#guard.fault(faults);
    this.#options.onError('http2StreamError');
    const stream = this.streams.get(streamId);
    if (stream !== undefined) stream.reset(code);
    else {
      this.#late.add(streamId, this.#guard.nowMs);
      this.sender.reset(streamId, code);
    }
  }
}
