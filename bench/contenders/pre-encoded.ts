/**
 * The least a server can do: finds where a request ends in the bytes of the socket and writes an answer made beforehand.
 * It shows how much the load generator can drive. Speaks gRPC over HTTP/2, and HTTP/1.1.
 */
import { createServer, type Socket } from 'node:net';
import { frame } from '../load/request.ts';
import { answerEnvelope, answerJson, parsePort } from './answer.ts';

const http1Answer = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${answerJson.length}\r\n\r\n${answerJson}`,
);
// Literal without indexing, no Huffman: `grpc-status: 0`; and the static entry `:status: 200`.
const trailers = Buffer.concat([Buffer.from([0x00, 11]), Buffer.from('grpc-status'), Buffer.from([1, 0x30])]);
const http2Frames = [
  frame(1, 0x4, Buffer.from([0x88])),
  frame(0, 0, answerEnvelope),
  frame(1, 0x5, trailers),
];
const http2Answer = Buffer.concat(http2Frames);
const streamIdsAt = [5, 5 + 10, 5 + 10 + 9 + answerEnvelope.length];
const prefaceLength = 24;

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  socket.once('data', (chunk) => {
    const isHttp2 = chunk.toString('latin1', 0, 3) === 'PRI';
    const onChunk = isHttp2 ? http2(socket) : http1(socket);
    onChunk(isHttp2 ? chunk.subarray(prefaceLength) : chunk);
    socket.on('data', onChunk);
  });
});
server.listen(parsePort(), '127.0.0.1', () => console.log('ready'));

function http1(socket: Socket): (chunk: Buffer) => void {
  return () => socket.write(http1Answer);
}

function http2(socket: Socket): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  socket.write(Buffer.concat([frame(4, 0, Buffer.alloc(0)), frame(4, 1, Buffer.alloc(0))]));
  let received = 0;
  return (chunk) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const answers: Buffer[] = [];
    let at = 0;
    while (bytes.length - at >= 9) {
      const end = at + 9 + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      // DATA is the last frame of every request that the generator sends.
      if (bytes[at + 3] === 0) answers.push(answerTo(bytes.readUInt32BE(at + 5)));
      received += end - at - 9;
      at = end;
    }
    rest = Buffer.from(bytes.subarray(at));
    if (received > 16_384) {
      const octets = Buffer.alloc(4);
      octets.writeUInt32BE(received);
      answers.push(frame(8, 0, octets));
      received = 0;
    }
    if (answers.length > 0) socket.write(Buffer.concat(answers));
  };
}

function answerTo(streamId: number): Buffer {
  const answer = Buffer.from(http2Answer);
  for (const at of streamIdsAt) answer.writeUInt32BE(streamId, at);
  return answer;
}
