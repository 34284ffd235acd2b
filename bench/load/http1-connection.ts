import type { Socket } from 'node:net';
import { type Connection, type ConnectionOptions, openSocket } from './connection.ts';
import { judge } from './judge.ts';
import { type Dialect, patchUserId, type Template } from './request.ts';

/** HTTP/1.1 options beside the address. */
export interface Http1Options extends ConnectionOptions {
  readonly dialect: Dialect;
  readonly template: Template;
}

const inboxBytes = 65_536 * 2;
const statusAt = 'HTTP/1.1 '.length;

/** Opens an HTTP/1.1 connection that is kept alive and carries one call at a time (no pipelining). */
export async function openHttp1(options: Http1Options): Promise<Connection> {
  const connection = new Http1Connection(options);
  await connection.open();
  return connection;
}

class Http1Connection implements Connection {
  readonly #options: Http1Options;
  // One call at a time: the request before has been read by the server, so that its bytes can be written over.
  readonly #request: Buffer;
  readonly #inbox = Buffer.allocUnsafeSlow(inboxBytes);
  #inboxEnd = 0;
  #socket: Socket | undefined;
  #startedAt = 0;
  #busy = false;
  #queued = false;
  #closed = false;

  constructor(options: Http1Options) {
    this.#options = options;
    this.#request = Buffer.from(options.template.bytes);
  }

  async open(): Promise<void> {
    this.#socket = await openSocket(this.#options, {
      onChunk: (chunk) => this.#onChunk(chunk),
      onEnd: (reason) => this.#fail(reason),
    });
  }

  free(): number {
    return this.#busy || this.#closed ? 0 : 1;
  }

  send(user: number, startedAt: number): void {
    patchUserId(this.#request, this.#options.template.idAt, user);
    this.#startedAt = startedAt;
    this.#busy = true;
    this.#queued = true;
  }

  flush(): void {
    if (!this.#queued || this.#closed) return;
    this.#queued = false;
    this.#socket?.write(this.#request);
  }

  close(): void {
    this.#closed = true;
    this.#socket?.destroy();
  }

  #onChunk(chunk: Buffer): void {
    if (this.#closed) return;
    if (this.#inboxEnd + chunk.length > inboxBytes) {
      this.#fail('an answer larger than expected');
      return;
    }
    chunk.copy(this.#inbox, this.#inboxEnd);
    this.#inboxEnd += chunk.length;
    const bodyStart = this.#inbox.indexOf('\r\n\r\n') + 4;
    // Beyond inboxEnd stand bytes of earlier answers, which say nothing of this one.
    if (bodyStart < 4 || bodyStart > this.#inboxEnd) return;
    const head = this.#inbox.toString('latin1', 0, bodyStart).toLowerCase();
    const bodyEnd = this.#bodyEnd(head, bodyStart);
    if (bodyEnd === undefined || bodyEnd > this.#inboxEnd) return;
    const outcome = judge(this.#options.dialect, {
      status: head.slice(statusAt, statusAt + 3),
      grpcStatus: '',
      grpcMessage: '',
      length: bodyEnd - bodyStart,
      body: this.#inbox.subarray(bodyStart, bodyEnd),
    });
    this.#inboxEnd = 0;
    this.#finish(outcome);
    if (head.includes('connection: close')) this.#fail('the server closes the connection');
    this.flush();
  }

  #bodyEnd(head: string, bodyStart: number): number | undefined {
    const lengthAt = head.indexOf('\r\ncontent-length:');
    if (lengthAt >= 0) return bodyStart + Number.parseInt(head.slice(lengthAt + 17, lengthAt + 30), 10);
    if (!head.includes('\r\ntransfer-encoding: chunked'))
      throw new Error(`an answer without a length: ${head}`);
    const lastChunkAt = this.#inbox.subarray(bodyStart, this.#inboxEnd).indexOf('0\r\n\r\n');
    return lastChunkAt < 0 ? undefined : bodyStart + lastChunkAt + 5;
  }

  #finish(outcome: string | undefined): void {
    if (!this.#busy) return;
    this.#busy = false;
    this.#options.onDone(this, this.#startedAt, outcome);
  }

  #fail(reason: string): void {
    if (this.#closed) return;
    this.close();
    this.#finish(reason);
  }
}
