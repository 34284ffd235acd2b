import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, Result } from './load/drive.ts';

const startTimeoutMs = 30_000;
const stopTimeoutMs = 10_000;
const ticksPerSecond = 100;

/** Whether processes can be pinned: the generator to core 0, servers to core 1. */
export const pinned = availableParallelism() >= 2 && spawnSync('taskset', ['-V']).status === 0;

/** A server under test; disposing stops it. */
export interface ServerProcess extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  /** Seconds of processor time used so far, by all its threads; NaN where the system does not tell. */
  cpuSeconds(): number;
  /** Resident memory in bytes; NaN where the system does not tell. */
  residentBytes(): number;
}

/** Which processor a process is held to. */
export type Core = 0 | 1 | 'any';

/** Starts `node <args>` with `--port`, on core 1 unless said, and waits until the port takes connections. */
export async function startServer(args: readonly string[], core: Core = 1): Promise<ServerProcess> {
  const port = await freePort();
  const child = spawnNode([...args, '--port', String(port)], {
    core,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const complaint = keepStderr(child);
  const deadlineMs = performance.now() + startTimeoutMs;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || performance.now() > deadlineMs) {
      await stop(child);
      throw new Error(`${args.join(' ')} did not start: ${complaint()}`);
    }
    await sleep(20);
  }
  const pid = child.pid ?? 0;
  return {
    port,
    pid,
    cpuSeconds: () => readCpuSeconds(pid),
    residentBytes: () => readResidentBytes(pid),
    [Symbol.asyncDispose]: () => stop(child),
  };
}

/** The load generator on core 0, one process for all jobs; disposing stops it. */
export interface Generator extends AsyncDisposable {
  run(job: Job): Promise<Result>;
}

/** Starts the generator. */
export function startGenerator(): Generator {
  const script = new URL('load.ts', import.meta.url).pathname;
  const child = spawnNode([script, '--jobs'], { core: 0, stdio: ['pipe', 'pipe', 'inherit'] });
  if (child.stdin === null || child.stdout === null) throw new Error('bug: the generator has no pipes');
  const { stdin } = child;
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async run(job) {
      stdin.write(`${JSON.stringify(job)}\n`);
      const line = await lines.next();
      if (line.done) throw new Error('the load generator has ended');
      const result: Result | { readonly failed: string } = JSON.parse(line.value);
      if ('failed' in result) throw new Error(`the load generator: ${result.failed}`);
      return result;
    },
    [Symbol.asyncDispose]: () => stop(child),
  };
}

/** Spawns this very Node, on one core where processes can be pinned. */
export function spawnNode(
  args: readonly string[],
  options: { readonly core: Core; readonly stdio: ('ignore' | 'pipe' | 'inherit')[] },
): ChildProcess {
  const command =
    pinned && options.core !== 'any'
      ? ['taskset', '-c', String(options.core), process.execPath]
      : [process.execPath];
  const [file = process.execPath, ...rest] = [...command, '--no-warnings', ...args];
  const cwd = new URL('..', import.meta.url).pathname;
  return spawn(file, rest, { cwd, stdio: options.stdio });
}

/** What `node <args>` prints, on core 1 like the servers. Rejects where it fails. */
export async function runNode(args: readonly string[]): Promise<string> {
  const child = spawnNode(args, { core: 1, stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout?.on('data', (text) => {
    printed += text;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`${args.join(' ')}: exit ${code}`);
  return printed;
}

/** Reads a child's stderr, so that it never blocks; answers the end of it when asked. */
export function keepStderr(child: ChildProcess): () => string {
  let kept = '';
  child.stderr?.on('data', (text) => {
    kept = (kept + text).slice(-2_000);
  });
  return () => kept;
}

/** A port that nothing listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** Ends a process: SIGTERM, and SIGKILL where that does not help in time. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
  await exited;
  clearTimeout(timer);
}

// proc(5): utime and stime are the fields 14 and 15; the name in field 2 may hold spaces, so count from its end.
function readCpuSeconds(pid: number): number {
  if (process.platform !== 'linux') return Number.NaN;
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

function readResidentBytes(pid: number): number {
  if (process.platform !== 'linux') return Number.NaN;
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}
