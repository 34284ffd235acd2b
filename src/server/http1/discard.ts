import type { IncomingMessage, ServerResponse } from 'node:http';
import { discardBytesMax, discardChunksMax } from '../http/exchange.ts';

/** So long a client whose body is not read any more has to read its answer. */
const lingerMs = 1_000;

/** Reads and throws away what is left of a body, up to a limit; beyond it the connection is cut. */
export function discardBody(req: IncomingMessage): void {
  let bytes = 0;
  let chunks = 0;
  req.on('error', ignore);
  req.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    chunks += 1;
    if (bytes <= discardBytesMax && chunks <= discardChunksMax) return;
    // Cut at once, a client that is still sending would miss the answer; read on, it would cost what it likes.
    req.pause();
    setTimeout(() => req.destroy(), lingerMs).unref();
  });
}

/**
 * Lets the answer say that the connection ends with it, and ends it in stages (RFC 9112 §9.6): cut at once, a client that
 * is still sending would miss the answer.
 */
export function closeInStages({ socket }: IncomingMessage, res: ServerResponse): void {
  res.shouldKeepAlive = false;
  // What Node calls once the answer is out.
  socket.destroySoon = () => {
    socket.end();
    setTimeout(() => socket.destroy(), lingerMs).unref();
  };
}

export function ignore(): void {
  // The response's 'close' says all that matters.
}
