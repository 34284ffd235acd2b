import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openWire, type Wire } from '../support/wire.ts';

/** The launcher: what is killed and started a hundred times runs as users run it, from what was built where that is fresh. */
export const launcherPath = fileURLToPath(new URL('../../src/latchkey.js', import.meta.url));

export interface ServerOptions {
  readonly name: string;
  /** The script and what comes before the flags of `serve`. */
  readonly command: readonly string[];
  readonly database: string;
  /** For its data folder and its log. */
  readonly folder: string;
}

/** One server, in a process that is started anew whenever it ends; disposing ends it for good. */
export interface ServerProcess extends AsyncDisposable {
  readonly name: string;
  readonly dataFolder: string;
  /** How it ended where nobody killed it and it had been serving: `exit 1` or the like. */
  readonly falls: readonly string[];
  /** What it wrote to its log. */
  readonly logPath: string;
  /** Undefined while it does not serve. */
  wire(): Wire | undefined;
  /** Resolves when it serves. */
  serving(): Promise<void>;
  /** Ends it from one moment to the next, whatever it does; it comes back by itself. */
  kill(): void;
}

const startTimeoutMs = 30_000;

/** Starts it on a free port. */
export function runServer({ name, command, database, folder }: ServerOptions): ServerProcess {
  const dataFolder = join(folder, name);
  const logPath = join(folder, `${name}.log`);
  const flags = ['--host', '127.0.0.1', '--port', '0', '--log-level', 'error', '--data', dataFolder];
  const argv = ['--no-warnings', ...command, ...flags, '--db', database];
  const stop = new AbortController();
  const falls: string[] = [];
  let wire: Wire | undefined;
  let kill: () => void = () => undefined;

  const runOnce = async (): Promise<void> => {
    const log = openSync(logPath, 'a');
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', log] });
    closeSync(log);
    kill = () => void child.kill('SIGKILL');
    stop.signal.addEventListener('abort', kill, { once: true });
    const closed = once(child, 'close');
    if (child.stdout === null) throw new Error('no output to read');
    const lines = createInterface(child.stdout);
    lines.on('line', (line) => {
      const url = /^Latchkey serves every protocol at (\S+)$/.exec(line)?.[1];
      if (url !== undefined) wire = openWire(url);
    });
    const [code, signal] = await closed;
    if (signal !== 'SIGKILL' && wire !== undefined) falls.push(`${name} ended: ${signal ?? `exit ${code}`}`);
    stop.signal.removeEventListener('abort', kill);
    const broken = wire;
    wire = undefined;
    await broken?.[Symbol.asyncDispose]();
  };
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await runOnce();
      // A database that is still starting may have ended it.
      if (!stop.signal.aborted) await delay(50);
    }
  };
  const running = run();

  return {
    name,
    dataFolder,
    falls,
    logPath,
    wire: () => wire,
    async serving() {
      const deadlineMs = performance.now() + startTimeoutMs;
      while (wire === undefined) {
        if (performance.now() > deadlineMs) throw new Error(`${name} does not serve: see ${logPath}`);
        await delay(20);
      }
    },
    kill: () => kill(),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}
