import {
  ConnectionError,
  errorCode,
  type Frame,
  flag,
  frameBytesMax,
  frameType,
  setting,
  uint32,
  windowBytesMax,
} from './frame.ts';
import type { Sender } from './sender.ts';
import type { Http2Stream } from './stream.ts';

// There are seven of them in all; each one that changes the streams' window touches every stream.
const settingsMax = 32;
const nothing = new Uint8Array(0);

/** What the client has set (RFC 9113 §6.5), and whether it knows what this server has. */
export class PeerSettings {
  /** The first SETTINGS are here. */
  isReceived = false;
  /** The client knows ours. */
  isAcknowledged = false;
  readonly #sender: Sender;
  readonly #streams: ReadonlyMap<number, Http2Stream>;

  constructor(sender: Sender, streams: ReadonlyMap<number, Http2Stream>) {
    this.#sender = sender;
    this.#streams = streams;
  }

  /** Throws ConnectionError. */
  take({ streamId, flags, bytes, start, end }: Frame): void {
    if (streamId !== 0) throw new ConnectionError(errorCode.protocolError, 'SETTINGS on a stream');
    const isAck = (flags & flag.ack) !== 0;
    if (isAck ? end !== start : (end - start) % 6 !== 0) {
      throw new ConnectionError(errorCode.frameSizeError, 'SETTINGS of no such size');
    }
    if (isAck) {
      if (!this.isReceived) throw new ConnectionError(errorCode.protocolError, 'SETTINGS come first');
      this.isAcknowledged = true;
      return;
    }
    if (end - start > settingsMax * 6)
      throw new ConnectionError(errorCode.enhanceYourCalm, 'too many settings');
    this.isReceived = true;
    for (let at = start; at < end; at += 6) {
      this.#set(((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0), uint32(bytes, at + 2));
    }
    // Before any DATA that the new windows allow: a client may count on the order.
    this.#sender.acknowledge(frameType.settings, nothing);
    for (const stream of this.#streams.values()) stream.resume();
  }

  #set(id: number, value: number): void {
    switch (id) {
      case setting.headerTableSize:
        this.#sender.encoder.resize(value);
        return;
      case setting.enablePush:
        if (value > 1) throw new ConnectionError(errorCode.protocolError, 'ENABLE_PUSH is 0 or 1');
        return;
      case setting.initialWindowSize:
        this.#setStreamWindow(value);
        return;
      case setting.maxFrameSize:
        // Larger frames would be taken; this server makes none.
        if (value < frameBytesMax || value > 0xffffff) {
          throw new ConnectionError(errorCode.protocolError, 'MAX_FRAME_SIZE out of range');
        }
        return;
      default:
      // RFC 9113 §6.5.2: what is unknown is ignored; the rest binds what this server does not do.
    }
  }

  // RFC 9113 §6.9.2: the change counts for streams that are open, too, and may leave a window below zero.
  #setStreamWindow(value: number): void {
    if (value > windowBytesMax)
      throw new ConnectionError(errorCode.flowControlError, 'no window is so large');
    const change = value - this.#sender.streamWindow;
    this.#sender.streamWindow = value;
    for (const stream of this.#streams.values()) {
      if (stream.grant(change) !== errorCode.noError) {
        throw new ConnectionError(errorCode.flowControlError, 'a window grew too large');
      }
    }
  }
}
