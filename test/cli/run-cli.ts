import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { runCli } from '../../src/cli/run.ts';

/** What a command line ended in. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** All of stdin. */
  readonly input?: string;
  /** Added to an environment that has nothing but PATH. */
  readonly env?: Readonly<Record<string, string>>;
  /** Options of node itself. */
  readonly nodeOptions?: readonly string[];
  readonly cwd?: string;
  /** Another user than the tests', by number; root alone can. */
  readonly uid?: number;
}

const launcher = join(import.meta.dirname, '../../src/latchkey.js');

/** The two ways to the same people, with the options of each: commands are to do the same by both. */
export const bothWays = (server: () => Pick<ServeProcess, 'url' | 'token' | 'database'>) => [
  { way: 'a server', flags: () => ['--url', server().url, '--token', server().token] },
  { way: 'the database', flags: () => ['--db', server().database] },
];

/** Starts the launcher as a process of its own. */
export function startCli(argv: readonly string[], options: RunOptions = {}): ChildProcess {
  const { env = {}, nodeOptions = [], cwd = tmpdir(), uid } = options;
  return spawn(process.execPath, [...nodeOptions, launcher, ...argv], {
    cwd,
    env: { PATH: process.env.PATH ?? '', ...env },
    ...(uid !== undefined && { uid, gid: uid }),
  });
}

/** Runs the launcher as a process of its own, to its end. */
export async function spawnCli(argv: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const child = startCli(argv, options);
  child.stdin?.end(options.input ?? '');
  const [stdout, stderr, [code]] = await Promise.all([
    child.stdout === null ? '' : text(child.stdout),
    child.stderr === null ? '' : text(child.stderr),
    once(child, 'close'),
  ]);
  return { code, stdout, stderr };
}

/** Runs the same command line in this process: what is left out is the start of Node. */
export async function runHere(argv: readonly string[], input: string | Buffer = ''): Promise<Ended> {
  const stdin = new PassThrough();
  stdin.end(input);
  return runWith(argv, stdin);
}

/** The same with a terminal on stdin, where somebody types ahead. Throws where a question comes before the echo is off. */
export async function runAtTerminal(argv: readonly string[], keys: string): Promise<Ended> {
  const stdin = new PassThrough();
  let isRaw = false;
  const setRawMode = (wanted: boolean) => {
    if (wanted && !isRaw) stdin.write(keys);
    isRaw = wanted;
  };
  let isShown = false;
  const ended = await runWith(argv, Object.assign(stdin, { isTTY: true, setRawMode }), (said) => {
    isShown ||= said.endsWith(': ') && !isRaw;
  });
  if (isShown || isRaw) throw new Error('the terminal would have shown the secret, or stays raw');
  return ended;
}

async function runWith(
  argv: readonly string[],
  stdin: PassThrough,
  watch: (said: string) => void = () => undefined,
): Promise<Ended> {
  const output = new PassThrough();
  const errors = new PassThrough();
  const said = [text(output), text(errors)];
  errors.on('data', (chunk) => watch(String(chunk)));
  const input = stdin as unknown as NodeJS.ReadStream;
  const code = await runCli(argv, { input, output, errors });
  output.end();
  errors.end();
  const [stdout = '', stderr = ''] = await Promise.all(said);
  return { code, stdout, stderr };
}

/** JSON Lines → documents. */
export function parseLines(stdout: string): Record<string, unknown>[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** A folder of its own, gone when disposed. */
export async function openFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'latchkey-cli-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

/** Somebody's home in that folder, without a login, and where one would be. */
export async function makeHome(folder: string) {
  const home = await mkdtemp(join(folder, 'home-'));
  const path = join(home, '.config', 'latchkey', 'login.json');
  const run = (argv: readonly string[], env: Record<string, string> = {}, input = ''): Promise<Ended> =>
    spawnCli(argv, { cwd: home, env: { HOME: home, ...env }, input });
  return { home, path, run };
}

/** `latchkey serve` as a process of its own. */
export interface ServeProcess extends AsyncDisposable {
  readonly url: string;
  readonly database: string;
  /** Of the administrator whom the first start made. */
  readonly token: string;
  /** SIGTERM, and the exit code. */
  stop(): Promise<number | null>;
}

/** Starts a server on the folder and waits until it serves. */
export async function startServe(
  folder: string,
  flags: readonly string[] = [],
  options: RunOptions = {},
): Promise<ServeProcess> {
  const child = startCli(['serve', '--data', folder, '--port', '0', ...flags], options);
  const exited = once(child, 'exit');
  if (child.stdout === null) throw new Error('no stdout');
  let url: string | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    url = /https?:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
    if (url !== undefined) break;
  }
  if (url === undefined)
    throw new Error(`serve ended: ${child.stderr === null ? '' : await text(child.stderr)}`);
  child.stdout.resume();
  child.stderr?.resume();
  const stop = async () => {
    child.kill('SIGTERM');
    const [code] = await exited;
    return code;
  };
  return {
    url,
    database: join(folder, 'latchkey.db'),
    token: (await readFile(join(folder, 'admin-token'), 'utf8')).trim(),
    stop,
    [Symbol.asyncDispose]: async () => void (await stop()),
  };
}
