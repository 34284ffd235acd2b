import type { Socket } from 'node:net';

export type WireProtocol = 'http1' | 'http2';
/** What a connection's first bytes begin. */
export type Opening = WireProtocol | 'tls';

// RFC 9113 §3.4: so an HTTP/2 client begins, which no request of HTTP/1.1 does, though its method may begin with PRI too.
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\n', 'latin1');
// RFC 8446 §5.1: a TLS client begins with a record of type handshake. No method of HTTP begins with this byte.
const handshakeRecord = 0x16;

/**
 * Calls `onKnown` once, as soon as the socket's first bytes tell what they begin; the bytes are put back first, so that
 * whoever takes the socket over reads them again. Waits without limit: the deadline is the caller's.
 */
export function onOpeningKnown(socket: Socket, onKnown: (opening: Opening) => void): void {
  let held: Buffer | undefined;
  // 'readable' and read(), not 'data': what is put back must wait for whoever takes the socket over.
  const onReadable = (): void => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    held = held === undefined ? chunk : Buffer.concat([held, chunk]);
    const opening = openingOf(held);
    // Undecided bytes stay here: putting them back would fire 'readable' at once, over and over.
    if (opening === undefined) return;
    socket.removeListener('readable', onReadable);
    socket.removeListener('end', onEnd);
    socket.unshift(held);
    onKnown(opening);
  };
  const onEnd = (): void => {
    socket.destroy();
  };
  socket.on('readable', onReadable);
  socket.on('end', onEnd);
}

/** What these bytes begin, or undefined while they could still begin either HTTP. */
function openingOf(bytes: Buffer): Opening | undefined {
  if (bytes[0] === handshakeRecord) return 'tls';
  const length = Math.min(bytes.length, preface.length);
  if (bytes.compare(preface, 0, length, 0, length) !== 0) return 'http1';
  return length === preface.length ? 'http2' : undefined;
}
