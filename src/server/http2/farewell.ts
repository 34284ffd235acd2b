import { performance } from 'node:perf_hooks';
import { errorCode, streamIdMax } from './frame.ts';
import type { Sender } from './sender.ts';

// A client that has not answered a PING by then has gone, or does not speak the protocol.
const answerMsMax = 1_000;
// So much is read and dropped after a failure, so that no reset overtakes the GOAWAY, and no more.
const ignoredBytesMax = 1_048_576;
const ping = Buffer.from('farewell', 'latin1');

/**
 * How this server's end of a connection goes, in three steps (RFC 9113 §6.8): it says that it will take no more streams,
 * then that it takes none after the last one, and then closes its half. Between the first two lies a PING, so that a call
 * which was on its way when the first went out is still taken.
 */
export class Farewell {
  /** From when on it takes no more streams, and only ends. */
  closingSinceMs: number | undefined;
  /** When its half of the socket was closed. */
  endedAtMs: number | undefined;
  readonly #sender: Sender;
  #leavingSinceMs: number | undefined;
  #ignoredBytes = 0;

  constructor(sender: Sender) {
    this.#sender = sender;
  }

  get isClosing(): boolean {
    return this.closingSinceMs !== undefined;
  }

  /** Takes leave, once. */
  begin(): void {
    if (this.#leavingSinceMs !== undefined || this.isClosing) return;
    this.#leavingSinceMs = performance.now();
    this.#sender.goaway(streamIdMax, errorCode.noError, '');
    this.#sender.ping(ping);
  }

  /** Whether the answer to a PING, or the time, says that the client has heard. */
  isHeard(answer: Uint8Array | undefined, nowMs: number): boolean {
    if (this.#leavingSinceMs === undefined || this.isClosing) return false;
    if (answer !== undefined) return ping.equals(answer);
    return nowMs - this.#leavingSinceMs >= answerMsMax;
  }

  /** Takes no stream after the last one. */
  close(lastStreamId: number, code: number, reason = ''): void {
    this.closingSinceMs ??= performance.now();
    this.#sender.goaway(lastStreamId, code, reason);
  }

  /** Whether so many bytes more may be dropped, before the client is cut off. */
  ignore(bytes: number): boolean {
    this.#ignoredBytes += bytes;
    return this.#ignoredBytes <= ignoredBytesMax;
  }

  /** Closes this half of the socket, once all is sent. */
  end(): void {
    this.endedAtMs ??= performance.now();
    this.#sender.outbox.end();
  }
}
