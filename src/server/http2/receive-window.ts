import { ConnectionError, errorCode, windowBytesInitial } from './frame.ts';
import type { Sender } from './sender.ts';

// Credit of the connection is handed back on receipt, so this bounds bytes on their way; bytes in memory are bounded by
// the streams' windows, and by the budget of bodies.
const windowBytes = 4 * 1_024 * 1_024;

/** What the client may send on all streams of a connection together (RFC 9113 §6.9). */
export class ReceiveWindow {
  readonly #sender: Sender;
  #bytes = windowBytes;
  #owedBytes = 0;

  constructor(sender: Sender) {
    this.#sender = sender;
    sender.windowUpdate(0, windowBytes - windowBytesInitial);
  }

  /** All of a DATA frame's payload counts, whatever becomes of it. Throws ConnectionError. */
  take(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#bytes < 0) throw new ConnectionError(errorCode.flowControlError, 'more DATA than the window');
    this.#owedBytes += bytes;
    if (this.#owedBytes < windowBytes / 2) return;
    this.#sender.windowUpdate(0, this.#owedBytes);
    this.#bytes += this.#owedBytes;
    this.#owedBytes = 0;
  }
}
