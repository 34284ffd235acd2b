/**
 * The load generator. By hand: `node bench/load.ts --port 8080 --dialect grpc --token id.secret --seconds 5`.
 * With `--jobs` it reads one job as JSON from each line of stdin and answers each with a line of JSON, so that one warm
 * process serves a whole benchmark.
 */
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { drive, type Job, type Load } from './load/drive.ts';
import { yieldToKernel } from './load/machine.ts';
import type { Dialect } from './load/request.ts';

const { values } = parseArgs({
  options: {
    jobs: { type: 'boolean', default: false },
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '8080' },
    http1: { type: 'boolean', default: false },
    dialect: { type: 'string', default: 'grpc' },
    token: { type: 'string', default: '0.none' },
    connections: { type: 'string' },
    streams: { type: 'string', default: '32' },
    rate: { type: 'string' },
    warmup: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '3' },
    users: { type: 'string', default: '1000000' },
  },
});

yieldToKernel();
if (values.jobs) await serveJobs();
else console.log(JSON.stringify(await drive(jobOfFlags()), null, 2));

async function serveJobs(): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const job: Job = JSON.parse(line);
    try {
      console.log(JSON.stringify(await drive(job)));
    } catch (error) {
      console.log(JSON.stringify({ failed: String(error) }));
    }
  }
}

function jobOfFlags(): Job {
  const load: Load =
    values.rate === undefined ? { kind: 'closed' } : { kind: 'open', ratePerSecond: Number(values.rate) };
  return {
    host: values.host,
    port: Number(values.port),
    transport: values.http1 ? 'h1' : 'h2',
    dialect: parseDialect(values.dialect),
    token: values.token,
    connections: Number(values.connections ?? (values.http1 ? 128 : 4)),
    streams: Number(values.streams),
    load,
    warmupSeconds: Number(values.warmup),
    seconds: Number(values.seconds),
    users: { first: 0, count: Number(values.users), step: 1, skip: 0 },
  };
}

function parseDialect(text: string): Dialect {
  switch (text) {
    case 'grpc':
    case 'grpc-web':
    case 'connect-proto':
    case 'connect-json':
    case 'rest':
      return text;
    default:
      throw new Error(`--dialect: ${text} is none of grpc, grpc-web, connect-proto, connect-json, rest`);
  }
}
