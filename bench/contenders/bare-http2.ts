/** Bare node:http2, stream API: reads the body, answers fixed bytes (with trailers for gRPC). The ceiling over HTTP/2. */
import { createServer, type ServerHttp2Stream } from 'node:http2';
import { answerEnvelope, answerJson, answerProto, parsePort } from './answer.ts';

const json = Buffer.from(answerJson);

const server = createServer();
server.on('stream', (stream, headers) => {
  const contentType = headers['content-type'] ?? '';
  stream.on('data', () => undefined);
  stream.on('end', () => answer(stream, contentType));
});
server.listen(parsePort(), '127.0.0.1', () => console.log('ready'));

function answer(stream: ServerHttp2Stream, contentType: string): void {
  if (!contentType.startsWith('application/grpc')) {
    stream.respond({ ':status': 200, 'content-type': contentType });
    stream.end(contentType === 'application/json' ? json : answerProto);
    return;
  }
  stream.respond({ ':status': 200, 'content-type': contentType }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(answerEnvelope);
}
