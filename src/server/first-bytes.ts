import type { Socket } from 'node:net';

export type WireProtocol = 'http1' | 'http2';

// RFC 9113 §3.4: an HTTP/2 client begins with "PRI * HTTP/2.0". POST, PUT and PATCH share the P; no method of
// HTTP/1.1 shares all three.
const prefaceStart = Buffer.from('PRI', 'latin1');

/**
 * Calls `onKnown` once, as soon as the socket's first bytes tell the protocol; the bytes are put back first, so that
 * whoever takes the socket over reads them again. Waits without limit: the deadline is the caller's.
 */
export function onProtocolKnown(socket: Socket, onKnown: (protocol: WireProtocol) => void): void {
  let held: Buffer | undefined;
  // 'readable' and read(), not 'data': once a socket flows, an HTTP/2 session cannot take over its handle cleanly.
  const onReadable = (): void => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    held = held === undefined ? chunk : Buffer.concat([held, chunk]);
    const protocol = protocolOf(held);
    // Undecided bytes stay here: putting them back would fire 'readable' at once, over and over.
    if (protocol === undefined) return;
    socket.removeListener('readable', onReadable);
    socket.removeListener('end', onEnd);
    socket.unshift(held);
    onKnown(protocol);
  };
  const onEnd = (): void => {
    socket.destroy();
  };
  socket.on('readable', onReadable);
  socket.on('end', onEnd);
}

/** The protocol that these bytes begin, or undefined while they could still begin either. */
export function protocolOf(bytes: Buffer): WireProtocol | undefined {
  const length = Math.min(bytes.length, prefaceStart.length);
  if (bytes.compare(prefaceStart, 0, length, 0, length) !== 0) return 'http1';
  return length === prefaceStart.length ? 'http2' : undefined;
}
