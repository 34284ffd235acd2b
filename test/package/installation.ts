import { type ExecFileException, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';

/** How a command ended. */
export interface Ended {
  readonly code: number;
  readonly output: string;
}

/** A Node that npm brings, as the machine's own. */
export interface MachineNode {
  readonly version: string;
  /** Where `node` is. */
  readonly binFolder: string;
}

/** The package in somebody's folder, or among the machine's commands. */
export interface Installation extends AsyncDisposable {
  readonly name: string;
  /** Installed it; what npm said. */
  readonly installed: Ended;
  /** Runs `latchkey` to its end. */
  run(...argv: string[]): Promise<Ended>;
  /** Serves on a free port, with what it needs in a folder of its own. */
  serve(...flags: string[]): Promise<ServedPackage>;
  /** Makes a file where commands run. */
  write(name: string, text: string): Promise<void>;
}

/** A server that runs from the package. */
export interface ServedPackage {
  readonly url: string;
  /** The administrator's. */
  readonly token: string;
  /** Ends it by SIGTERM; the exit code. */
  stop(): Promise<number | null>;
}

const commandMsMax = 240_000;

/** Installs this version of the npm package `node` for the suite alone. */
export async function bringNode(folder: string, version: string): Promise<MachineNode> {
  const prefix = join(folder, `node-${version}`);
  await mkdir(prefix, { recursive: true });
  const flags = ['install', '--silent', '--no-save', '--prefix', prefix, `node@${version}`];
  const { code, output } = await execute('npm', flags, { cwd: prefix, env: process.env });
  if (code !== 0) throw new Error(`npm cannot install node@${version}: ${output}`);
  return { version, binFolder: join(prefix, 'node_modules', 'node', 'bin') };
}

/** Installs the tarball as this machine's npm would, under this Node. */
export async function install(
  tarball: string,
  { version, binFolder }: MachineNode,
  { folder, how }: { readonly folder: string; readonly how: 'in a folder' | 'globally' },
): Promise<Installation> {
  const home = join(folder, `${version} ${how}`);
  await mkdir(home, { recursive: true });
  // Nothing of this repository's: neither its Node nor its settings.
  const path = [binFolder, ...systemFolders()].join(delimiter);
  const env = { ...machineEnvironment(), PATH: path, HOME: home };
  const flags = how === 'globally' ? ['--global', '--prefix', home] : ['--prefix', home];
  const installed = await execute('npm', ['install', ...flags, tarball], { cwd: home, env });
  const program = how === 'globally' ? join(home, 'bin/latchkey') : join(home, 'node_modules/.bin/latchkey');
  return {
    name: `Node ${version}, installed ${how}`,
    installed,
    run: (...argv) => execute(program, argv, { cwd: home, env }),
    serve: (...flagsOfServe) => serve(program, flagsOfServe, { cwd: home, env: { ...env, ...followed } }),
    write: (name, text) => writeFile(join(home, name), text),
    [Symbol.asyncDispose]: () => rm(home, { recursive: true }),
  };
}

/** What follows calls is loaded where somebody receives it; nothing is sent. */
const followed = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_TRACES_SAMPLER: 'always_off' };

const systemFolders = () =>
  (process.env.PATH ?? '').split(delimiter).filter((path) => !path.includes('node_modules'));

// How this machine reaches its registry, and nothing that this repository or its npm has set.
function machineEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^(npm_|NODE_OPTIONS$|NODE_PATH$|NODE_ENV$|LATCHKEY_|INIT_CWD$)/i;
  const kept = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  const home = process.env.HOME ?? '/root';
  const places = { npm_config_cache: join(home, '.npm'), npm_config_userconfig: join(home, '.npmrc') };
  return { ...Object.fromEntries(kept), ...places };
}

interface Place {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Runs it to its end, within four minutes; both its outputs. */
export function execute(program: string, argv: readonly string[], { cwd, env }: Place): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd, env, timeout: commandMsMax, maxBuffer: 64 * 1_048_576 };
    const child = execFile(program, argv, options, (error: ExecFileException | null, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, output: stdout + stderr });
    });
    child.stdin?.end();
  });
}

async function serve(program: string, flags: readonly string[], place: Place): Promise<ServedPackage> {
  const data = join(place.cwd, `data-${Date.now()}`);
  const argv = ['serve', '--port', '0', '--data', data, '--log-level', 'error', ...flags];
  const child = spawn(program, argv, { ...place, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  const firstLine = once(createInterface(child.stdout), 'line') as Promise<[string]>;
  const [line] = await Promise.race([firstLine, exited]);
  const url = /at (http:\S+)$/.exec(String(line))?.[1];
  if (url === undefined) throw new Error(`the server ended: ${complaint}`);
  child.stdout.resume();
  return {
    url,
    token: (await readFile(join(data, 'admin-token'), 'utf8')).trim(),
    async stop() {
      child.kill('SIGTERM');
      const killer = setTimeout(() => child.kill('SIGKILL'), commandMsMax);
      const [code] = await exited;
      clearTimeout(killer);
      return code;
    },
  };
}
