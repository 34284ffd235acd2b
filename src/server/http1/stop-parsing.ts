import type { Socket } from 'node:net';

const stop = (): number => 2;

/**
 * Nothing more of this connection is looked at. Else Node makes requests of all that it has read, of 64 KiB up to 2,500, which
 * takes a tenth of a second, and as long again once they are cut off. Its parser stops behind a request of which it is told
 * that another protocol follows it, by that number.
 */
export function stopParsing(socket: Socket & { readonly parser?: { onIncoming: unknown } | null }): void {
  if (socket.parser) socket.parser.onIncoming = stop;
}
