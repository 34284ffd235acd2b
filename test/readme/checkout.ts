import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { root } from '../tidy/source.ts';

/** What a command ended in. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder that looks like a clone after `npm ci`, without data and without the caller's environment. */
export interface Checkout extends AsyncDisposable {
  readonly folder: string;
  /** One line of shell, as a reader pastes it. */
  run(line: string, environment?: Readonly<Record<string, string>>): Promise<Ended>;
  /** A program alone. */
  start(argv: readonly string[], environment?: Readonly<Record<string, string>>): ChildProcess;
}

export interface CheckoutOptions {
  /** `npm`: the real npx. `direct`: the same programs without the second that npx takes to find them. */
  readonly npx: 'npm' | 'direct';
}

const commandMsMax = 60_000;

const directNpx = `#!/bin/sh
name=$1
shift
if [ "$name" = latchkey ]; then exec node src/latchkey.js "$@"; fi
exec "node_modules/.bin/$name" "$@"
`;

/** Links everything of the repository into a new folder; disposing removes it. */
export async function openCheckout({ npx }: CheckoutOptions): Promise<Checkout> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-readme-'));
  const ours = (await readdir(root)).filter((name) => name !== 'latchkey-data' && name !== '.git');
  await Promise.all(ours.map((name) => symlink(join(root, name), join(folder, name))));
  const home = join(folder, 'home');
  await mkdir(home);
  if (npx === 'direct') {
    await writeFile(join(home, 'npx'), directNpx);
    await chmod(join(home, 'npx'), 0o755);
  }
  const path = [home, join(folder, 'node_modules', '.bin'), dirname(process.execPath), process.env.PATH];
  const base = { PATH: path.join(delimiter), HOME: home, npm_config_update_notifier: 'false' };
  const start: Checkout['start'] = ([program = '', ...argv], environment = {}) =>
    spawn(program, argv, { cwd: folder, env: { ...base, ...environment }, timeout: commandMsMax });
  return {
    folder,
    start,
    run: (line, environment) => ended(start(['bash', '-euo', 'pipefail', '-c', line], environment)),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

/** Waits for the end, with nothing on stdin. */
export async function ended(child: ChildProcess): Promise<Ended> {
  child.stdin?.end();
  const [stdout, stderr, [code]] = await Promise.all([
    child.stdout === null ? '' : text(child.stdout),
    child.stderr === null ? '' : text(child.stderr),
    once(child, 'close'),
  ]);
  return { code, stdout, stderr };
}

/** `latchkey serve --demo`, which is what `npm start` runs. */
export interface DemoServer extends AsyncDisposable {
  readonly url: string;
  /** What it printed until everything was said. */
  readonly welcome: string;
  /** SIGTERM, and the exit code. */
  stop(): Promise<number | null>;
}

/** Starts on the checkout's own data folder and a free port, with flags of Node's; waits until it has said everything. */
export async function startDemo(checkout: Checkout, flags: readonly string[] = []): Promise<DemoServer> {
  const argv = ['node', ...flags, 'src/latchkey.js', 'serve', '--demo'];
  const child = checkout.start(argv, { LATCHKEY_PORT: '0' });
  const exited = once(child, 'exit');
  const welcome = await said(child, /^# gRPC-Web\n.+\n|^Nobody is locked.*\n/m);
  const url = /^Latchkey serves every protocol at (http:\S+)$/m.exec(welcome)?.[1];
  if (url === undefined) throw new Error(`no address in: ${welcome}`);
  const stop = async () => {
    child.kill('SIGTERM');
    const [code] = await exited;
    return code;
  };
  return { url, welcome, stop, [Symbol.asyncDispose]: async () => void (await stop()) };
}

async function said(child: ChildProcess, end: RegExp): Promise<string> {
  if (child.stdout === null || child.stderr === null) throw new Error('no pipes');
  let complaint = '';
  child.stderr.on('data', (chunk) => {
    complaint = `${complaint}${chunk}`.slice(-2_000);
  });
  let sofar = '';
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    sofar += String(chunk);
    if (end.test(sofar)) break;
  }
  if (!end.test(sofar)) throw new Error(`the server ended: ${complaint}`);
  child.stdout.resume();
  return sofar;
}
