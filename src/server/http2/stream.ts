import type { Reply } from '../http/exchange.ts';
import { Taking } from '../http/taking.ts';
import { errorCode, flag, frameBytesMax, streamWindowBytes, windowBytesMax } from './frame.ts';
import type { Places } from './places.ts';
import type { RequestHead } from './request-head.ts';
import type { AnswerHead, Sender, Waiting } from './sender.ts';

/** Who is told of a stream; nothing more after `onClosed`. */
export interface StreamReceiver {
  /** A part of the body: a view of what the socket read, so whoever keeps one that is not the last copies it. */
  onData(chunk: Buffer, isLast: boolean): void;
  /** The request is whole. */
  onEnd(): void;
  /** All that was sent so far has gone, and more may follow. */
  onDrained(): void;
  /** Both sides are done, or one has ended it with this code. */
  onClosed(code: number): void;
}

/** What a stream tells its connection. */
export interface StreamOwner {
  readonly peerAddress: string;
  readonly sender: Sender;
  readonly places: Places;
  /** It is closed; `isOurReset` where the client may still send, not knowing. */
  forget(stream: Http2Stream, isOurReset: boolean): void;
}

const nothing = new Uint8Array(0);

/** One request on a connection of HTTP/2, and its answer (RFC 9113 §5.1). */
export class Http2Stream implements Waiting {
  readonly id: number;
  readonly head: RequestHead;
  readonly startedAtMs: number;
  /** All of the request is here. */
  isRequestEnded: boolean;
  isHeadSent = false;
  /** All of the answer is handed over, though the client may not have taken it. */
  isAnswerEnded = false;
  isClosed = false;
  /** What the client takes of DATA here; below zero where it took back what it had offered. */
  sendWindow: number;
  /** Of DATA, in all its life. */
  sentBytes = 0;
  readonly #owner: StreamOwner;
  #taking: Taking | undefined;
  #receiver: StreamReceiver | undefined;
  #receiveWindow = streamWindowBytes;
  #owedBytes = 0;
  #bodyBytes = 0;
  #heldBytes = 0;
  #countedBytes = 0;
  #unsent: Uint8Array = nothing;
  #trailers: readonly string[] | undefined;

  constructor(
    owner: StreamOwner,
    id: number,
    head: RequestHead,
    { startedAtMs, isRequestEnded }: Pick<Http2Stream, 'startedAtMs' | 'isRequestEnded'>,
  ) {
    this.#owner = owner;
    this.id = id;
    this.head = head;
    this.startedAtMs = startedAtMs;
    this.isRequestEnded = isRequestEnded;
    this.sendWindow = owner.sender.streamWindow;
  }

  get peerAddress(): string {
    return this.#owner.peerAddress;
  }

  /** Whether a valid token was seen on its connection. */
  get isProven(): boolean {
    return this.#owner.places.isProven;
  }

  /** A valid token was seen on its connection. */
  prove(owner: string): void {
    this.#owner.places.prove(owner);
  }

  /** One was seen that is not valid. */
  doubt(): void {
    this.#owner.places.doubt();
  }

  /** Counts bytes that are held for this stream until it is closed, or given up again; false where there is no room. */
  hold(bytes: number): boolean {
    if (this.isClosed || !this.#owner.places.hold(bytes)) return false;
    this.#heldBytes += bytes;
    return true;
  }

  /** Names who is told. What comes of the body while nobody is named is dropped. */
  read(receiver: StreamReceiver): void {
    this.#receiver = receiver;
  }

  /** Asks for the body (RFC 9110 §15.2.1), where not all of it is here and nothing is answered. */
  continue(): void {
    if (!this.isRequestEnded && !this.isHeadSent && !this.isClosed) this.#owner.sender.continue(this.id);
  }

  /** Sends all of the answer. */
  answer({ status, headers, body, trailers }: Reply, own: readonly string[] = []): void {
    if (this.isClosed) return;
    const isBare = trailers === undefined && (body === undefined || body.length === 0);
    this.sendHead({ status, headers, own }, isBare ? flag.endStream : 0);
    if (isBare) return;
    if (body !== undefined) this.#unsent = body;
    this.end(trailers);
  }

  sendHead(head: AnswerHead, flags = 0): void {
    if (this.isClosed) return;
    this.isHeadSent = true;
    this.#owner.sender.head(this.id, flags, head);
    if (flags === flag.endStream) this.#finish();
  }

  /** Sends a part of the answer; the next one is sent after `onDrained`, or where this is true: all of it has gone. */
  send(bytes: Uint8Array): boolean {
    if (this.isClosed) return false;
    this.#unsent = bytes;
    this.pump(Number.POSITIVE_INFINITY);
    this.#countUnsent();
    return this.#unsent.length === 0;
  }

  /** Nothing comes after what was sent, but these trailers. */
  end(trailers?: readonly string[]): void {
    if (this.isClosed) return;
    this.isAnswerEnded = true;
    this.#trailers = trailers;
    this.pump(Number.POSITIVE_INFINITY);
    this.#countUnsent();
  }

  /** Ends both sides at once. */
  reset(code: number): void {
    if (this.isClosed) return;
    this.#owner.sender.reset(this.id, code);
    this.close(code, true);
  }

  /** Whoever took bytes of the body is done with them: the client may send as many again. */
  giveBack(bytes: number): void {
    this.#owedBytes += bytes;
    if (this.isRequestEnded || this.isClosed || this.#owedBytes < streamWindowBytes / 2) return;
    this.#receiveWindow += this.#owedBytes;
    this.#owner.sender.windowUpdate(this.id, this.#owedBytes);
    this.#owedBytes = 0;
  }

  /** Whether the client takes what waits for it; most streams are over before anybody asks. */
  get taking(): Taking {
    this.#taking ??= new Taking();
    return this.#taking;
  }

  /** Whether bytes of the answer wait for the client. */
  get isUnsent(): boolean {
    return this.#unsent.length > 0 || (this.isAnswerEnded && !this.isClosed);
  }

  // What follows is for the connection alone.

  /** A frame of the body; `padding` counts against the window like the rest. Answers an error code of the stream. */
  takeData(chunk: Buffer, padding: number, isLast: boolean): number {
    this.#receiveWindow -= chunk.length + padding;
    if (this.#receiveWindow < 0) return errorCode.flowControlError;
    this.#bodyBytes += chunk.length;
    const { contentLength } = this.head;
    // RFC 9113 §8.1.1.
    const isOff = isLast ? this.#bodyBytes !== contentLength : this.#bodyBytes > (contentLength ?? 0);
    if (contentLength !== undefined && isOff) return errorCode.protocolError;
    this.isRequestEnded = isLast;
    if (padding > 0) this.giveBack(padding);
    if (chunk.length > 0) this.#receiver?.onData(chunk, isLast);
    if (isLast) this.takeEnd();
    return errorCode.noError;
  }

  /** Trailers, with which the request ends. Answers an error code of the stream. */
  takeTrailers(trailers: RequestHead, isLast: boolean): number {
    if (this.isRequestEnded) return errorCode.streamClosed;
    if (!isLast || trailers.isMalformed) return errorCode.protocolError;
    if (trailers.isTooLarge) return errorCode.enhanceYourCalm;
    if (this.#bodyBytes !== (this.head.contentLength ?? this.#bodyBytes)) return errorCode.protocolError;
    this.isRequestEnded = true;
    this.takeEnd();
    return errorCode.noError;
  }

  takeEnd(): void {
    if (!this.isClosed) this.#receiver?.onEnd();
  }

  /** The client takes more, or less; `resume` goes on sending. Answers an error code of the stream. */
  grant(bytes: number): number {
    if (this.sendWindow + bytes > windowBytesMax) return errorCode.flowControlError;
    this.sendWindow += bytes;
    return errorCode.noError;
  }

  resume(): void {
    if (this.#unsent.length > 0) this.pump(Number.POSITIVE_INFINITY);
  }

  pump(framesMax: number): void {
    if (this.isClosed) return;
    const { sender } = this.#owner;
    let frames = 0;
    while (this.#unsent.length > 0) {
      // What this stream waits for, its own WINDOW_UPDATE brings.
      if (this.sendWindow <= 0) return;
      if (sender.window <= 0 || frames === framesMax || sender.outbox.isFull) {
        sender.wait(this);
        return;
      }
      this.#sendFrame(Math.min(this.#unsent.length, frameBytesMax, sender.window, this.sendWindow));
      frames++;
    }
    if (!this.isAnswerEnded) {
      if (frames > 0) this.#receiver?.onDrained();
    } else if (this.#trailers !== undefined) {
      sender.trailers(this.id, this.#trailers);
      this.#finish();
    } else if (frames === 0) {
      sender.data(this.id, flag.endStream, nothing);
      this.#finish();
    }
  }

  close(code: number, isOurReset: boolean): void {
    if (this.isClosed) return;
    this.isClosed = true;
    if (this.#heldBytes > 0) this.#owner.places.hold(-this.#heldBytes);
    this.#unsent = nothing;
    this.#owner.sender.forget(this);
    this.#owner.forget(this, isOurReset);
    this.#receiver?.onClosed(code);
  }

  // What the client does not take yet waits here, for as long as it likes.
  #countUnsent(): void {
    const bytes = this.#unsent.length - this.#countedBytes;
    if (bytes === 0 || this.isClosed) return;
    this.#countedBytes = this.#unsent.length;
    if (!this.hold(bytes)) this.reset(errorCode.enhanceYourCalm);
  }

  #sendFrame(length: number): void {
    const isLast = length === this.#unsent.length;
    const isEnd = isLast && this.isAnswerEnded && this.#trailers === undefined;
    this.sendWindow -= length;
    this.sentBytes += length;
    const bytes = isLast ? this.#unsent : this.#unsent.subarray(0, length);
    this.#unsent = isLast ? nothing : this.#unsent.subarray(length);
    this.#owner.sender.data(this.id, isEnd ? flag.endStream : 0, bytes);
    if (isEnd) this.#finish();
  }

  // RFC 9113 §8.1: a complete answer to a request that is still coming is followed by RST_STREAM(NO_ERROR).
  #finish(): void {
    this.isAnswerEnded = true;
    if (this.isRequestEnded) this.close(errorCode.noError, false);
    else this.reset(errorCode.noError);
  }
}
