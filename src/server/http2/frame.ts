/** RFC 9113 §6: the types of frames. */
export const frameType = Object.freeze({
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
});

/** RFC 9113 §6: flags; what a bit means is the frame's to say. */
export const flag = Object.freeze({ endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 });

/** RFC 9113 §6.5.2: what a SETTINGS frame sets. */
export const setting = Object.freeze({
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
});

/** RFC 9113 §7. */
export const errorCode = Object.freeze({
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  connectError: 10,
  enhanceYourCalm: 11,
  inadequateSecurity: 12,
});

/** Length, type, flags and stream stand before each frame's payload. */
export const frameHeadBytes = 9;
/** The payload that everybody takes; this server never offers to take more. */
export const frameBytesMax = 16_384;
/** RFC 9113 §6.9.1: no window is larger. */
export const windowBytesMax: number = 2 ** 31 - 1;
/** RFC 9113 §5.1.1. */
export const streamIdMax: number = 2 ** 31 - 1;
/** RFC 9113 §6.9.2: what a window is before anybody has said anything. */
export const windowBytesInitial = 65_535;

/** What a client may send here of one body before it is told that there is room for more. */
export const streamWindowBytes: number = 256 * 1_024;

/** One frame within a buffer that holds it whole; the same object stands for frame after frame. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly bytes: Buffer;
  /** Where the payload begins and ends. */
  readonly start: number;
  readonly end: number;
}

/** Ends the connection: GOAWAY with this code (RFC 9113 §5.4.1). */
export class ConnectionError extends Error {
  readonly code: number;

  constructor(code: number, reason: string) {
    super(reason);
    this.code = code;
  }
}

/** What the client has done is against the protocol. */
export function protocolError(reason: string): ConnectionError {
  return new ConnectionError(errorCode.protocolError, reason);
}

/** Throws ConnectionError where it is not so. */
export function expectProtocol(isRight: boolean, reason: string): void {
  if (!isRight) throw protocolError(reason);
}

/** Throws ConnectionError where a frame has not the size that its type has. */
export function expectSize(isRight: boolean): void {
  if (!isRight) throw new ConnectionError(errorCode.frameSizeError, 'a frame of no such size');
}

/** Four bytes as an unsigned number. */
export function uint32(bytes: Buffer, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) |
      ((bytes[at + 1] ?? 0) << 16) |
      ((bytes[at + 2] ?? 0) << 8) |
      (bytes[at + 3] ?? 0)) >>>
    0
  );
}

/** Writes the nine bytes before a payload. */
export function writeFrameHead(
  to: Buffer,
  at: number,
  { length, type, flags, streamId }: { length: number; type: number; flags: number; streamId: number },
): void {
  to[at] = length >>> 16;
  to[at + 1] = length >>> 8;
  to[at + 2] = length;
  to[at + 3] = type;
  to[at + 4] = flags;
  writeUint32(to, at + 5, streamId);
}

/** Writes an unsigned number as four bytes. */
export function writeUint32(to: Buffer, at: number, value: number): void {
  to[at] = value >>> 24;
  to[at + 1] = value >>> 16;
  to[at + 2] = value >>> 8;
  to[at + 3] = value;
}
