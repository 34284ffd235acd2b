import type { Socket } from 'node:net';
import { errorCode } from '../http2/frame.ts';
import type { WireProtocol } from './first-bytes.ts';

const text = 'this port speaks TLS';

/**
 * Says in the client's own protocol that the port speaks TLS, and closes this half. What the client still sends is
 * read and dropped, lest the answer be lost in a reset; when to cut it off is the caller's to say.
 */
export function refusePlaintext(socket: Socket, protocol: WireProtocol): void {
  socket.resume();
  socket.end(protocol === 'http2' ? http2Refusal : http1Refusal());
}

const http1Refusal = (): string =>
  [
    'HTTP/1.1 400 Bad Request',
    // RFC 9110 §6.6.1.
    `date: ${new Date().toUTCString()}`,
    'content-type: text/plain; charset=utf-8',
    `content-length: ${text.length + 1}`,
    'connection: close',
    '',
    `${text}\n`,
  ].join('\r\n');

// RFC 9113 §3.4: even this server's first frame is its SETTINGS; §6.8: a GOAWAY that has taken no stream.
const http2Refusal = Buffer.concat([
  frame(0x4, Buffer.alloc(0)),
  frame(0x7, Buffer.concat([bigEndian(0), bigEndian(errorCode.inadequateSecurity), Buffer.from(text)])),
]);

function frame(type: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  return Buffer.concat([head, payload]);
}

function bigEndian(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
