import type { Socket } from 'node:net';
import {
  errorCode,
  flag,
  frameBytesMax,
  frameHeadBytes,
  frameType,
  setting,
  streamWindowBytes,
  windowBytesInitial,
  windowBytesMax,
  writeFrameHead,
  writeUint32,
} from './frame.ts';
import { blockBytesMax, HpackEncoder } from './hpack/encoder.ts';
import { httpDate } from './http-date.ts';
import { Outbox } from './outbox.ts';

/** The first fields of an answer: those that many answers share, and those of this one alone; names and values in turn. */
export interface AnswerHead {
  readonly status: number;
  readonly headers: readonly string[];
  readonly own: readonly string[];
}

/** A stream with DATA that waits for room. */
export interface Waiting {
  /** Sends so many frames at most. */
  pump(framesMax: number): void;
}

const framesATurn = 4;
/** A change of the table's size, and a status. */
const interimBytesMax = 64;

/** All that one connection sends, under the windows that the client grants (RFC 9113 §5.2). */
export class Sender {
  readonly outbox: Outbox;
  readonly encoder: HpackEncoder = new HpackEncoder();
  /** What the client takes of DATA, on all streams together. */
  window = windowBytesInitial;
  /** What it takes on a new stream. */
  streamWindow = windowBytesInitial;
  /** DATA frames sent, in all its life. */
  dataFrames = 0;
  readonly #waiting = new Set<Waiting>();
  readonly #scratch = Buffer.alloc(8);

  constructor(socket: Socket, onTaken: () => void) {
    this.outbox = new Outbox(socket, onTaken);
  }

  head(streamId: number, flags: number, { status, headers, own }: AnswerHead): void {
    const bytesMax = blockBytesMax(headers) + blockBytesMax(own);
    const isDirect = bytesMax <= frameBytesMax;
    const to = isDirect ? this.outbox.room(frameHeadBytes + bytesMax) : Buffer.allocUnsafe(bytesMax);
    const start = isDirect ? this.outbox.at + frameHeadBytes : 0;
    const { encoder } = this;
    let end = encoder.status(to, encoder.begin(to, start), status);
    end = encoder.field(to, end, ['date', httpDate()]);
    end = encoder.pairs(to, encoder.pairs(to, end, headers), own);
    if (isDirect) this.#finishBlock(to, end, { streamId, flags });
    else this.#sendBlock(to.subarray(0, end), { streamId, flags });
  }

  /** An interim answer, which asks for the body. */
  continue(streamId: number): void {
    const to = this.outbox.room(frameHeadBytes + interimBytesMax);
    const { encoder } = this;
    const end = encoder.status(to, encoder.begin(to, this.outbox.at + frameHeadBytes), 100);
    this.#finishBlock(to, end, { streamId, flags: 0 });
  }

  /** Ends the stream. */
  trailers(streamId: number, pairs: readonly string[]): void {
    const bytesMax = blockBytesMax(pairs);
    const flags = flag.endStream;
    const isDirect = bytesMax <= frameBytesMax;
    const to = isDirect ? this.outbox.room(frameHeadBytes + bytesMax) : Buffer.allocUnsafe(bytesMax);
    const start = isDirect ? this.outbox.at + frameHeadBytes : 0;
    const end = this.encoder.pairs(to, this.encoder.begin(to, start), pairs);
    if (isDirect) this.#finishBlock(to, end, { streamId, flags });
    else this.#sendBlock(to.subarray(0, end), { streamId, flags });
  }

  /** One frame's worth, which the windows allow. */
  data(streamId: number, flags: number, bytes: Uint8Array): void {
    this.window -= bytes.length;
    this.dataFrames++;
    this.outbox.frame(frameType.data, flags, streamId, bytes);
  }

  reset(streamId: number, code: number): void {
    this.#frameOfNumber(frameType.reset, streamId, code);
  }

  windowUpdate(streamId: number, bytes: number): void {
    this.#frameOfNumber(frameType.windowUpdate, streamId, bytes);
  }

  /** This server's SETTINGS, the first frame of all (RFC 9113 §3.4). */
  announce({ streamsMax, headerBytesMax }: { streamsMax: number; headerBytesMax: number }): void {
    const payload = Buffer.alloc(18);
    const pairs = [
      [setting.maxConcurrentStreams, streamsMax],
      [setting.initialWindowSize, streamWindowBytes],
      [setting.maxHeaderListSize, headerBytesMax],
    ] as const;
    for (const [nth, [id, value]] of pairs.entries()) {
      payload[nth * 6 + 1] = id;
      writeUint32(payload, nth * 6 + 2, value);
    }
    this.outbox.frame(frameType.settings, 0, 0, payload);
  }

  /** The client may have more streams from now on. */
  raiseStreams(streamsMax: number): void {
    const payload = Buffer.alloc(6);
    payload[1] = setting.maxConcurrentStreams;
    writeUint32(payload, 2, streamsMax);
    this.outbox.frame(frameType.settings, 0, 0, payload);
  }

  acknowledge(type: typeof frameType.settings | typeof frameType.ping, payload: Uint8Array): void {
    this.outbox.frame(type, flag.ack, 0, payload);
  }

  ping(payload: Uint8Array): void {
    this.outbox.frame(frameType.ping, 0, 0, payload);
  }

  goaway(lastStreamId: number, code: number, reason: string): void {
    const payload = Buffer.alloc(8 + reason.length);
    writeUint32(payload, 0, lastStreamId);
    writeUint32(payload, 4, code);
    payload.write(reason, 8, 'latin1');
    this.outbox.frame(frameType.goaway, 0, 0, payload);
  }

  /** The client takes more on the connection. Answers an error code where that is more than can be (RFC 9113 §6.9.1). */
  grant(bytes: number): number {
    if (this.window + bytes > windowBytesMax) return errorCode.flowControlError;
    this.window += bytes;
    this.pump();
    return errorCode.noError;
  }

  wait(stream: Waiting): void {
    this.#waiting.add(stream);
  }

  forget(stream: Waiting): void {
    if (this.#waiting.size > 0) this.#waiting.delete(stream);
  }

  /** Streams that wait send in turn, until the connection is full or has no window. */
  pump(): void {
    for (const stream of this.#waiting) {
      if (this.window <= 0 || this.outbox.isFull) return;
      // One that is not done waits again, behind the others.
      this.#waiting.delete(stream);
      stream.pump(framesATurn);
    }
  }

  #frameOfNumber(
    type: typeof frameType.reset | typeof frameType.windowUpdate,
    streamId: number,
    value: number,
  ): void {
    writeUint32(this.#scratch, 0, value);
    this.outbox.frame(type, 0, streamId, this.#scratch.subarray(0, 4));
  }

  #finishBlock(to: Buffer, end: number, { streamId, flags }: BlockFrame): void {
    const length = end - this.outbox.at - frameHeadBytes;
    const type = frameType.headers;
    writeFrameHead(to, this.outbox.at, { length, type, flags: flags | flag.endHeaders, streamId });
    this.outbox.advance(end);
  }

  /** In several frames, where one does not hold it. */
  #sendBlock(block: Buffer, { streamId, flags }: BlockFrame): void {
    for (let at = 0; at === 0 || at < block.length; at += frameBytesMax) {
      const part = block.subarray(at, at + frameBytesMax);
      const ends = at + frameBytesMax >= block.length ? flag.endHeaders : 0;
      if (at === 0) this.outbox.frame(frameType.headers, flags | ends, streamId, part);
      else this.outbox.frame(frameType.continuation, ends, streamId, part);
    }
  }
}

interface BlockFrame {
  readonly streamId: number;
  readonly flags: number;
}
