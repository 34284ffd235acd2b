import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Account } from '../http/admission.ts';
import { headersTooLarge } from '../http/headers-too-large.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { Farewell } from './farewell.ts';
import { FloodGuard } from './flood-guard.ts';
import { ConnectionError, errorCode, type Frame, flag, frameType, protocolError, uint32 } from './frame.ts';
import { FrameReader } from './frame-reader.ts';
import { HeadCache } from './head-cache.ts';
import { HeaderBlock } from './header-block.ts';
import { LateFrames } from './late-frames.ts';
import { PeerSettings } from './peer-settings.ts';
import { Places } from './places.ts';
import { ReceiveWindow } from './receive-window.ts';
import type { RequestHead } from './request-head.ts';
import { Sender } from './sender.ts';
import { expectShape, isWholePriority } from './shape-rules.ts';
import { Http2Stream, type StreamOwner } from './stream.ts';

/** The server's end of one connection of HTTP/2 (RFC 9113). Never throws; what the wire brings ends in frames. */
export class Http2Connection implements StreamOwner {
  readonly socket: Socket;
  readonly peerAddress: string;
  readonly sender: Sender;
  /** Open streams, oldest first. */
  readonly streams: Map<number, Http2Stream> = new Map();
  /** Its share of what the listener holds. */
  readonly places: Places;
  /** Streams that were handed on, in all its life. */
  opened = 0;
  readonly farewell: Farewell;
  /** After a GOAWAY with an error: nothing is read any more. */
  isFailed = false;
  /** What was read waits for its turn, and nothing more is read meanwhile. */
  isWaiting = false;
  readonly #options: ConnectionOptions;
  readonly #reader: FrameReader;
  readonly #heads: HeadCache;
  readonly #block: HeaderBlock;
  readonly #settings: PeerSettings;
  readonly #late = new LateFrames();
  readonly #guard: FloodGuard;
  readonly #receiveWindow: ReceiveWindow;
  #lastStreamId = 0;

  constructor(socket: Socket, account: Account, options: ConnectionOptions) {
    this.#options = options;
    this.socket = socket;
    this.peerAddress = socket.remoteAddress ?? '';
    this.sender = new Sender(socket, () => this.goOn());
    this.farewell = new Farewell(this.sender);
    this.#reader = new FrameReader((frame) => this.#takeFrame(frame));
    this.#heads = new HeadCache(options.headerBytesMax);
    this.#block = new HeaderBlock(options.headerBytesMax);
    this.#settings = new PeerSettings(this.sender, this.streams);
    this.#guard = new FloodGuard(performance.now());
    this.places = new Places(account, this.sender, options);
    this.sender.announce({ ...options, streamsMax: this.places.announced });
    account.cut = () =>
      this.#fail(new ConnectionError(errorCode.enhanceYourCalm, 'too many connections'), true);
    this.#receiveWindow = new ReceiveWindow(this.sender);
  }

  /** What the socket read. Answers how much of it was: all, but where others have their turn before the rest. */
  read(chunk: Buffer): number {
    let readBytes = chunk.length;
    if (this.isFailed) {
      if (!this.farewell.ignore(readBytes)) this.socket.destroy();
      return readBytes;
    }
    this.#guard.nowMs = performance.now();
    this.sender.outbox.hold();
    try {
      readBytes = this.#reader.read(chunk, this.places.framesATurn);
    } catch (cause) {
      this.#fail(cause);
    }
    this.sender.outbox.release();
    // A client that does not take its answers gets no more of them.
    if (this.sender.outbox.isStuck) this.socket.pause();
    if (!this.places.holdConnection(this.#reader.heldBytes + this.#block.heldBytes))
      this.#fail(new ConnectionError(errorCode.enhanceYourCalm, 'too much is unfinished'));
    return readBytes;
  }

  /** The socket is closed: so are all streams. */
  closed(): void {
    this.isFailed = true;
    for (const stream of this.streams.values()) stream.close(errorCode.cancel, false);
  }

  /** Holds the clock against what it waits for. */
  sweep(nowMs: number): void {
    if (this.farewell.isHeard(undefined, nowMs)) this.#close();
  }

  forget(stream: Http2Stream, isOurReset: boolean): void {
    if (this.streams.delete(stream.id)) this.places.give(stream.head);
    if (isOurReset) this.#late.add(stream.id, performance.now());
    if (this.farewell.isClosing && this.streams.size === 0) this.farewell.end();
  }

  /** A header block has begun and is not whole, while this side reads. */
  get isWithinHeaders(): boolean {
    return !this.socket.isPaused() && (this.#block.isOpen || this.#reader.holdsHeaders);
  }

  #close(): void {
    this.farewell.close(this.#lastStreamId, errorCode.noError);
    if (this.streams.size === 0) this.farewell.end();
  }

  /** The socket has taken what waited, or may be read again. */
  goOn(): void {
    this.sender.pump();
    const mayRead = !this.isWaiting && !this.sender.outbox.isStuck;
    if (mayRead && this.socket.isPaused()) this.socket.resume();
  }

  #fail(cause: unknown, isCut = false): void {
    if (this.isFailed) return;
    const isTheirs = cause instanceof ConnectionError;
    this.#options.onError('http2SessionError', isTheirs ? undefined : cause);
    this.isFailed = true;
    const code = isTheirs ? cause.code : errorCode.internalError;
    this.farewell.close(this.#lastStreamId, code, isTheirs ? cause.message : '');
    for (const stream of this.streams.values()) stream.close(errorCode.cancel, false);
    this.farewell.end();
    if (isCut) this.socket.destroy();
  }

  #takeFrame(frame: Frame): void {
    if (this.isFailed) return;
    if (!this.#settings.isReceived && frame.type !== frameType.settings)
      throw protocolError('SETTINGS come first');
    if (this.#block.isOpen && frame.type !== frameType.continuation)
      throw protocolError('a header block is cut');
    if (frame.type === frameType.data) this.#takeData(frame);
    else if (frame.type === frameType.headers) {
      if (this.#block.open(frame)) this.#takeBlock(frame.streamId);
    } else this.#takeOther(frame);
  }

  #takeOther(frame: Frame): void {
    const { type, flags, streamId, bytes, start, end } = frame;
    expectShape(frame);
    if (type === frameType.windowUpdate) {
      this.#takeWindowUpdate(frame);
      return;
    }
    if (type === frameType.reset) {
      this.#takeReset(frame);
      return;
    }
    this.#guard.noise();
    if (type === frameType.continuation) {
      if (this.#block.append(frame)) this.#takeBlock(streamId);
    } else if (type === frameType.settings) this.#settings.take(frame);
    else if (type === frameType.priority) this.#takePriority(frame);
    else if (type === frameType.ping) this.#takePing(bytes.subarray(start, end), (flags & flag.ack) !== 0);
  }

  #takePing(payload: Buffer, isAnswer: boolean): void {
    if (!isAnswer) this.sender.acknowledge(frameType.ping, payload);
    else if (this.farewell.isHeard(payload, this.#guard.nowMs)) this.#close();
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
      if (this.farewell.isClosing) {
        this.#guard.noise(this.#late.blockNoise(end - start, head.fields));
        return;
      }
      this.#lastStreamId = streamId;
      if (dependsOnItself) this.#resetStream(streamId, errorCode.protocolError);
      else this.#beginStream(streamId, head, endsStream);
      return;
    }
    const trailers = this.#heads.readTrailers(bytes, start, end);
    const stream = this.streams.get(streamId);
    if (stream !== undefined) {
      const code = stream.takeTrailers(trailers, endsStream);
      if (code !== errorCode.noError) this.#resetStream(streamId, code);
    } else if (!this.#isIgnored(streamId)) {
      throw new ConnectionError(errorCode.streamClosed, 'HEADERS on a closed stream');
    } else this.#guard.noise(this.#late.blockNoise(end - start, trailers.fields));
  }

  #beginStream(streamId: number, head: RequestHead, isRequestEnded: boolean): void {
    if (head.isMalformed || (isRequestEnded && (head.contentLength ?? 0) > 0)) {
      this.#resetStream(streamId, errorCode.protocolError);
    } else if (!this.places.take(this.streams.size, head, this.#settings.isAcknowledged)) {
      // A client that has not heard of the limit yet is wrong in good faith.
      this.#resetStream(streamId, errorCode.refusedStream, this.#settings.isAcknowledged ? 1 : 0.5);
    } else {
      const startedAtMs = this.#guard.nowMs;
      const stream = new Http2Stream(this, streamId, head, { startedAtMs, isRequestEnded });
      this.opened++;
      this.streams.set(streamId, stream);
      if (head.isTooLarge) this.#refuseLarge(stream);
      else {
        this.#guard.call();
        this.#options.onStream(stream);
        if (isRequestEnded) stream.takeEnd();
      }
    }
  }

  // RFC 9113 §10.5.1: the block was read all the same, or the tables would part. Many of them are an attack.
  #refuseLarge(stream: Http2Stream): void {
    this.#guard.fault();
    this.#options.onError('headersTooLarge');
    stream.answer(headersTooLarge(this.#options.headerBytesMax));
  }

  #takeWindowUpdate({ streamId, bytes, start }: Frame): void {
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

  #takeReset({ streamId, bytes, start }: Frame): void {
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
    const isIdle = streamId > this.#lastStreamId && !this.farewell.isClosing;
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
