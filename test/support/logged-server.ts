import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Door, openDoor } from './door.ts';
import { temporaryDatabase } from './temporary.ts';

/** `latchkey serve` in a process of its own, at the most talkative level. */
export interface LoggedServer extends AsyncDisposable {
  readonly url: string;
  readonly database: string;
  readonly door: Door;
  /** Has the certificate read again; resolves when the log has told of it. */
  reload(): Promise<void>;
  /** Where stderr is a pipe: resolves when a line with this message has come. */
  logged(message: string): Promise<void>;
  /** Takes nothing more off the pipe; `readOn` does again. */
  stopReading(): void;
  readOn(): void;
  /** Closes the pipe that stderr is written to. */
  hangUpLog(): void;
  signal(signal: NodeJS.Signals): void;
  /** Its exit code, once there is one. */
  readonly ended: Promise<number | null>;
  /** Ends it with SIGTERM; how it ended, and what stood on stderr where that is a pipe. */
  stop(): Promise<{ readonly code: number | null; readonly errors: string }>;
}

const script = fileURLToPath(new URL('standby-server.ts', import.meta.url));

/** Serves an empty database, its log going where it is told. */
export async function serveLogged(
  stderr: 'pipe' | number,
  more: readonly string[] = [],
): Promise<LoggedServer> {
  const database = temporaryDatabase();
  const data = dirname(database);
  const flags = flagsOf(database);
  const child = spawn(
    process.execPath,
    ['--no-warnings', script, ...flags, '--log-level', 'debug', ...more],
    {
      stdio: ['pipe', 'pipe', stderr],
      env: process.env,
    },
  );
  const ended = once(child, 'exit') as Promise<[number | null]>;
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  child.stdin?.end('serve\n');
  if (child.stdout === null) throw new Error('no stdout');
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const url = line.split(' ').at(-1) ?? '';
  const door = openDoor(url, readFileSync(join(data, 'admin-token'), 'utf8').trim());
  return {
    url,
    database,
    door,
    async reload() {
      child.kill('SIGHUP');
      while (child.stderr !== null && !errors.includes('"tls.reload')) await once(child.stderr, 'data');
    },
    async logged(message) {
      while (child.stderr !== null && !errors.includes(`"msg":"${message}"`))
        await once(child.stderr, 'data');
    },
    stopReading: () => void child.stderr?.pause(),
    readOn: () => void child.stderr?.resume(),
    hangUpLog: () => void child.stderr?.destroy(),
    signal: (signal) => void child.kill(signal),
    ended: ended.then(([code]) => code),
    async stop() {
      child.kill('SIGTERM');
      const closed = child.stderr === null ? undefined : once(child.stderr, 'close');
      const [code] = await ended;
      await closed;
      return { code, errors };
    },
    async [Symbol.asyncDispose]() {
      await door[Symbol.asyncDispose]();
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function flagsOf(database: string): readonly string[] {
  const place = ['--host', '127.0.0.1', '--port', '0', '--data', dirname(database), '--db', database];
  return [...place, '--db-timeout-ms', '50'];
}
