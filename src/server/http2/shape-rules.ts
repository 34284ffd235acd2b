import { expectProtocol, expectSize, type Frame, frameType, protocolError, uint32 } from './frame.ts';

/** What RFC 9113 §6 asks of a frame whatever the state of its connection. Throws ConnectionError. */
export function expectShape({ type, streamId, start, end }: Frame): void {
  const length = end - start;
  if (type === frameType.windowUpdate || type === frameType.reset) expectSize(length === 4);
  else if (type === frameType.ping) {
    expectProtocol(streamId === 0, 'PING on a stream');
    expectSize(length === 8);
  } else if (type === frameType.goaway) {
    expectProtocol(streamId === 0, 'GOAWAY on a stream');
    expectSize(length >= 8);
  } else if (type === frameType.priority) {
    expectProtocol(streamId !== 0, 'PRIORITY on the connection');
  } else if (type === frameType.pushPromise) throw protocolError('a client pushes nothing');
  // §5.5: unknown frames are ignored.
}

/** Whether a PRIORITY is whole and no stream depends on itself: they mean nothing any more, but what is wrong is still wrong (§5.3.2). */
export function isWholePriority({ streamId, bytes, start, end }: Frame): boolean {
  return end - start === 5 && (uint32(bytes, start) & 0x7fffffff) !== streamId;
}
