import { parseArgs } from 'node:util';
import { startListener } from '../../src/server/port/listener.ts';
import { EchoDoor } from '../server/doors/echo-door.ts';

// The listener alone, before a door that answers every path; prints its port and ends with its input.
const { values } = parseArgs({ options: { cert: { type: 'string' }, key: { type: 'string' } } });
const { cert, key } = values;
const listener = await startListener(new EchoDoor(), {
  port: 0,
  ...(cert !== undefined && key !== undefined && { tls: { certPath: cert, keyPath: key } }),
  log: () => undefined,
});
console.log(listener.port);
process.stdin.resume().once('end', () => void listener.drain());
