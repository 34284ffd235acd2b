/** Bare node:http: reads the body, answers fixed bytes. The ceiling over HTTP/1.1. */
import { createServer } from 'node:http';
import { answerJson, parsePort } from './answer.ts';

const body = Buffer.from(answerJson);
const headers = { 'content-type': 'application/json', 'content-length': body.length };

const server = createServer((req, res) => {
  req.on('data', () => undefined);
  req.on('end', () => {
    res.writeHead(200, headers);
    res.end(body);
  });
});
server.listen(parsePort(), '127.0.0.1', () => console.log('ready'));
