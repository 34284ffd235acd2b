import { fsyncSync, openSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

// `node process-of-receiver.ts PORT FILE`: says yes once what came is on disk, so whatever it said yes to outlives it.
const [, , port = '0', path = ''] = process.argv;
const file = openSync(path, 'a');
const server = createServer((req, res) => {
  req.resume().on('end', () => {
    writeSync(file, `${String(req.headers['webhook-id'])}\n`);
    fsyncSync(file);
    res.writeHead(204).end();
  });
});
server.listen(Number(port), '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
