import type { Socket } from 'node:net';
import { type Connection, type ConnectionOptions, openSocket } from './connection.ts';
import { HpackDecoder } from './hpack.ts';
import { judge } from './judge.ts';
import { type Dialect, frame, patchUserId, type StreamTemplates } from './request.ts';

/** HTTP/2 options beside the address. */
export interface Http2Options extends ConnectionOptions {
  readonly dialect: Dialect;
  readonly templates: StreamTemplates;
  readonly streamsMax: number;
}

/** One stream's answer so far; reused for later streams. */
export interface Answer {
  startedAt: number;
  status: string;
  grpcStatus: string;
  grpcMessage: string;
  length: number;
  readonly body: Buffer;
}

const frameTypes = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
};
const flags = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 };
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const headBytes = 9;
const frameBytesMax = 16_384;
const answerBytesMax = 4096;
const windowBytes = 2 ** 30;
const windowBytesInitial = 65_535;
const slabBytes = 2 ** 20;
const connectTimeoutMs = 5_000;

/** Opens an HTTP/2 connection with prior knowledge; resolves once the server's SETTINGS are there. */
export async function openHttp2(options: Http2Options): Promise<Connection> {
  const settled = Promise.withResolvers<void>();
  const timer = setTimeout(() => settled.reject(new Error('no SETTINGS from the server')), connectTimeoutMs);
  const connection = new Http2Connection(options, () => settled.resolve());
  try {
    await connection.open();
    await settled.promise;
  } finally {
    clearTimeout(timer);
  }
  return connection;
}

class Http2Connection implements Connection {
  readonly #options: Http2Options;
  readonly #onSettings: () => void;
  readonly #hpack = new HpackDecoder();
  readonly #answers = new Map<number, Answer>();
  readonly #spare: Answer[] = [];
  readonly #inbox = Buffer.allocUnsafeSlow(65_536 * 2 + frameBytesMax);
  #inboxEnd = 0;
  #slab = Buffer.allocUnsafeSlow(slabBytes);
  #slabStart = 0;
  #slabEnd = 0;
  #socket: Socket | undefined;
  #streamId = 1;
  #streamsMax: number;
  #sendWindow = windowBytesInitial;
  #received = 0;
  #block: Buffer = Buffer.alloc(0);
  #blockStream = 0;
  #blockEndsStream = false;
  #closed = false;

  constructor(options: Http2Options, onSettings: () => void) {
    this.#options = options;
    this.#onSettings = onSettings;
    this.#streamsMax = options.streamsMax;
  }

  async open(): Promise<void> {
    this.#socket = await openSocket(this.#options, {
      onChunk: (chunk) => this.#onChunk(chunk),
      onEnd: (reason) => this.#fail(reason),
    });
    const settings = Buffer.from([0, 2, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0]); // no push; the initial window follows
    settings.writeUInt32BE(windowBytes, 8);
    this.#write(Buffer.concat([preface, frame(frameTypes.settings, 0, settings)]));
    this.#write(windowUpdate(windowBytes - windowBytesInitial));
    this.flush();
  }

  free(): number {
    if (this.#closed || this.#sendWindow < this.#options.templates.dataLength) return 0;
    return this.#streamsMax - this.#answers.size;
  }

  send(user: number, startedAt: number): void {
    const { templates } = this.#options;
    const template = this.#streamId === 1 ? templates.first : templates.next;
    const at = this.#write(template.bytes);
    const [headersAt, dataAt] = templates.streamIdsAt(template);
    this.#slab.writeUInt32BE(this.#streamId, at + headersAt);
    this.#slab.writeUInt32BE(this.#streamId, at + dataAt);
    patchUserId(this.#slab, at + template.idAt, user);
    const answer = this.#spare.pop() ?? newAnswer();
    answer.startedAt = startedAt;
    this.#answers.set(this.#streamId, answer);
    this.#streamId += 2;
    this.#sendWindow -= templates.dataLength;
  }

  flush(): void {
    if (this.#slabEnd === this.#slabStart || this.#closed) return;
    this.#socket?.write(this.#slab.subarray(this.#slabStart, this.#slabEnd));
    this.#slabStart = this.#slabEnd;
  }

  close(): void {
    this.#closed = true;
    this.#socket?.destroy();
  }

  /** Copies into the slab, which is never written twice: a write that waits keeps its bytes. */
  #write(bytes: Buffer): number {
    if (this.#slabEnd + bytes.length > slabBytes) {
      this.flush();
      this.#slab = Buffer.allocUnsafeSlow(slabBytes);
      this.#slabStart = 0;
      this.#slabEnd = 0;
    }
    const at = this.#slabEnd;
    bytes.copy(this.#slab, at);
    this.#slabEnd += bytes.length;
    return at;
  }

  #onChunk(chunk: Buffer): void {
    if (this.#closed) return;
    chunk.copy(this.#inbox, this.#inboxEnd);
    this.#inboxEnd += chunk.length;
    try {
      this.#readFrames();
    } catch (error) {
      this.#fail(String(error));
    }
    this.flush();
  }

  #readFrames(): void {
    let at = 0;
    while (this.#inboxEnd - at >= headBytes) {
      const length = this.#inbox.readUIntBE(at, 3);
      if (length > frameBytesMax) throw new Error('a frame larger than allowed');
      if (this.#inboxEnd - at < headBytes + length) break;
      this.#onFrame(at, at + headBytes + length);
      at += headBytes + length;
    }
    this.#inbox.copyWithin(0, at, this.#inboxEnd);
    this.#inboxEnd -= at;
  }

  #onFrame(at: number, end: number): void {
    const type = this.#inbox[at + 3];
    const frameFlags = this.#inbox[at + 4] ?? 0;
    const streamId = this.#inbox.readUInt32BE(at + 5) & 0x7fffffff;
    const start = at + headBytes;
    if (type === frameTypes.headers) this.#onHeaders(streamId, frameFlags, { start, end });
    else if (type === frameTypes.data) this.#onData(streamId, frameFlags, { start, end });
    else if (type === frameTypes.continuation) this.#onBlock(frameFlags, { start, end });
    else if (type === frameTypes.settings) this.#onServerSettings(frameFlags, { start, end });
    else if (type === frameTypes.windowUpdate && streamId === 0)
      this.#sendWindow += this.#inbox.readUInt32BE(start);
    else if (type === frameTypes.ping && (frameFlags & flags.ack) === 0) {
      this.#write(frame(frameTypes.ping, flags.ack, this.#inbox.subarray(start, end)));
    } else if (type === frameTypes.reset) this.#finish(streamId, `reset ${this.#inbox.readUInt32BE(start)}`);
    else if (type === frameTypes.goaway) throw new Error(`GOAWAY ${this.#inbox.readUInt32BE(start + 4)}`);
  }

  #onServerSettings(frameFlags: number, range: Range): void {
    if ((frameFlags & flags.ack) !== 0) {
      this.#onSettings();
      return;
    }
    for (let at = range.start; at < range.end; at += 6) {
      const value = this.#inbox.readUInt32BE(at + 2);
      if (this.#inbox.readUInt16BE(at) === 3) this.#streamsMax = Math.min(value, this.#streamsMax);
      // The templates count on the default table; a smaller one would need other templates.
      if (this.#inbox.readUInt16BE(at) === 1 && value < 4096)
        this.#fail('the server wants a smaller HPACK table');
    }
    this.#write(frame(frameTypes.settings, flags.ack, Buffer.alloc(0)));
  }

  #onHeaders(streamId: number, frameFlags: number, range: Range): void {
    const padding = (frameFlags & flags.padded) === 0 ? 0 : (this.#inbox[range.start] ?? 0);
    const skipped =
      ((frameFlags & flags.padded) === 0 ? 0 : 1) + ((frameFlags & flags.priority) === 0 ? 0 : 5);
    this.#blockStream = streamId;
    this.#blockEndsStream = (frameFlags & flags.endStream) !== 0;
    this.#onBlock(frameFlags, { start: range.start + skipped, end: range.end - padding });
  }

  #onBlock(frameFlags: number, range: Range): void {
    const answer = this.#answers.get(this.#blockStream);
    if (answer === undefined) throw new Error('HEADERS on an unknown stream');
    if ((frameFlags & flags.endHeaders) === 0 || this.#block.length > 0) {
      this.#block = Buffer.concat([this.#block, this.#inbox.subarray(range.start, range.end)]);
      if ((frameFlags & flags.endHeaders) === 0) return;
      this.#hpack.decode(this.#block, { start: 0, end: this.#block.length }, answer);
      this.#block = Buffer.alloc(0);
    } else {
      this.#hpack.decode(this.#inbox, range, answer);
    }
    if (this.#blockEndsStream) this.#finish(this.#blockStream, judge(this.#options.dialect, answer));
  }

  #onData(streamId: number, frameFlags: number, range: Range): void {
    this.#received += range.end - range.start;
    if (this.#received > windowBytes / 2) {
      this.#write(windowUpdate(this.#received));
      this.#received = 0;
    }
    const answer = this.#answers.get(streamId);
    if (answer === undefined) throw new Error('DATA on an unknown stream');
    if ((frameFlags & flags.padded) !== 0) throw new Error('padded DATA is not understood');
    answer.length += this.#inbox.copy(answer.body, answer.length, range.start, range.end);
    if ((frameFlags & flags.endStream) !== 0) this.#finish(streamId, judge(this.#options.dialect, answer));
  }

  #finish(streamId: number, outcome: string | undefined): void {
    const answer = this.#answers.get(streamId);
    if (answer === undefined) return;
    this.#answers.delete(streamId);
    const { startedAt } = answer;
    answer.status = answer.grpcStatus = answer.grpcMessage = '';
    answer.length = 0;
    this.#spare.push(answer);
    this.#options.onDone(this, startedAt, outcome);
  }

  #fail(reason: string): void {
    if (this.#closed) return;
    this.close();
    for (const streamId of [...this.#answers.keys()]) this.#finish(streamId, reason);
  }
}

interface Range {
  readonly start: number;
  readonly end: number;
}

function newAnswer(): Answer {
  return {
    startedAt: 0,
    status: '',
    grpcStatus: '',
    grpcMessage: '',
    length: 0,
    body: Buffer.alloc(answerBytesMax),
  };
}

function windowUpdate(octets: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(octets);
  return frame(frameTypes.windowUpdate, 0, payload);
}
