import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { openFilesMax } from './clients.ts';

// A process of its own, so that the client's half counts neither against this process's descriptors nor its memory.
const client = `
  const net = require('node:net');
  const [port, count] = process.argv.slice(1).map(Number);
  let opened = 0, started = 0;
  function open() {
    if (started === count) return;
    started += 1;
    net.connect(port, '127.0.0.1', () => {
      opened += 1;
      if (opened === count) console.log('open');
      open();
    }).on('error', (error) => { console.log(error.message); process.exit(1); });
  }
  for (let lane = 0; lane < 200; lane += 1) open();
  process.stdin.resume().on('end', () => process.exit(0));
`;

/** Opens so many connections that say nothing, or as many as the limit on open files permits, until disposed. */
export async function holdConnections(
  port: number,
  wanted: number,
): Promise<AsyncDisposable & { count: number }> {
  const count = Math.min(wanted, openFilesMax() - 500);
  const child = spawn(process.execPath, ['-e', client, String(port), String(count)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const [line] = await once(createInterface(child.stdout), 'line');
  if (line !== 'open') throw new Error(`the connections could not be opened: ${line}`);
  return {
    count,
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await exited;
    },
  };
}
