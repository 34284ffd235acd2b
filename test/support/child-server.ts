import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** `latchkey serve` in a process of its own, which a test may end as it likes. */
export interface ChildServer {
  readonly url: string;
  /** Kilobytes of memory that the process holds now. */
  residentKilobytes(): Promise<number>;
  /** Processor time of its main thread so far, the kernel's for it included; undefined where the system does not tell. */
  mainThreadMs(): number | undefined;
  kill(signal: NodeJS.Signals): void;
  /** How it ended: `exit 0`, `SIGKILL` or the like. */
  readonly exited: Promise<string>;
}

/** A process that is loaded and waits to be told to serve; disposing kills it, whatever it does. */
export interface Standby extends AsyncDisposable {
  /** Resolves once it serves; rejects where it ends before. */
  start(): Promise<ChildServer>;
}

const run = promisify(execFile);
const script = fileURLToPath(new URL('standby-server.ts', import.meta.url));

/** Loads a server that will serve under these flags on a free port of the loopback, and Node under its own. */
export function standBy(flags: readonly string[], nodeFlags: readonly string[] = []): Standby {
  const always = ['--host', '127.0.0.1', '--port', '0', '--log-level', 'error'];
  const argv = [...nodeFlags, '--no-warnings', script, ...always, ...flags];
  const child = spawn(process.execPath, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit').then(([code, signal]) => (signal as string | null) ?? `exit ${code}`);
  const firstLine = once(createInterface(child.stdout), 'line').then(([line]) => line as string);
  return {
    async start() {
      child.stdin.end('serve\n');
      const line = await Promise.race([firstLine, exited]);
      const url = /^Latchkey serves every protocol at (\S+)$/.exec(line)?.[1];
      if (url === undefined) throw new Error(`the server does not serve: ${line}`);
      const residentKilobytes = async () =>
        Number((await run('ps', ['-o', 'rss=', '-p', String(child.pid)])).stdout);
      const mainThreadMs = () => mainThreadMsOf(child.pid);
      return { url, residentKilobytes, mainThreadMs, exited, kill: (signal) => child.kill(signal) };
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

// The first number is nanoseconds on a processor (Linux, Documentation/scheduler/sched-stats).
function mainThreadMsOf(pid: number | undefined): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1_000_000;
  } catch {
    return undefined;
  }
}
