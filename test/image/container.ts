import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, chown, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** What the built image says of itself. */
export interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly ExposedPorts: Readonly<Record<string, unknown>>;
  readonly Volumes: Readonly<Record<string, unknown>>;
  readonly StopSignal: string;
  readonly WorkingDir: string;
}

/** One container under way. */
export interface Container extends AsyncDisposable {
  readonly url: string;
  /** The administrator's; only of the server that made the database. */
  token(): Promise<string>;
  /** Runs another command in a container beside it, with the same environment, as a health check does. */
  execute(command: readonly string[]): Promise<{ readonly code: number | null; readonly output: string }>;
  /** SIGTERM; the exit code, or the signal that ended it after all. */
  stop(): Promise<number | string | null>;
  output(): string;
}

export interface ContainerOptions {
  readonly name: string;
  readonly port: number;
  readonly env?: Readonly<Record<string, string>>;
}

const work = process.env.WORK ?? '';
const rootfs = process.env.ROOTFS ?? '';
const starter = fileURLToPath(new URL('start.sh', import.meta.url));
const startMsMax = 60_000;
/** terminationGracePeriodSeconds of deploy/kubernetes.yaml. */
const graceMs = 20_000;
/** In no /etc/passwd. */
export const uid = 54_321;

export function readConfig(): ImageConfig {
  const inspected = JSON.parse(readFileSync(join(work, 'config.json'), 'utf8')) as {
    OCIv1: { config: ImageConfig };
  };
  return inspected.OCIv1.config;
}

/** Runs the image's own command until it is ready. */
export async function runContainer(options: ContainerOptions): Promise<Container> {
  const { name, port } = options;
  const config = readConfig();
  const data = join(work, `data-${name}`);
  await mkdir(data);
  await chmod(data, 0o770);
  // As the image's own folder: root's group may write.
  await chown(data, 1000, 0);
  const own = Object.fromEntries(config.Env.map((pair) => pair.split(/=(.*)/s, 2) as [string, string]));
  const env = { ...own, IMAGE_UID: String(uid), LATCHKEY_PORT: String(port), ...options.env };
  const start = (command: readonly string[]) =>
    spawn('unshare', ['--mount', starter, rootfs, data, ...command], {
      env: { ...env, PATH: process.env.PATH ?? '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const child = start([...config.Entrypoint, ...config.Cmd]);
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const url = `http://127.0.0.1:${port}`;
  await untilReady(
    url,
    () => output,
    () => child.exitCode !== null,
  );
  return {
    url,
    output: () => output,
    token: async () => (await readFile(join(data, 'admin-token'), 'utf8')).trim(),
    async execute(command) {
      const beside = start(command);
      let said = '';
      for (const stream of [beside.stdout, beside.stderr])
        stream.on('data', (chunk) => (said += String(chunk)));
      const [code] = (await once(beside, 'close')) as [number | null];
      return { code, output: said };
    },
    async stop() {
      child.kill('SIGTERM');
      const killer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      const [code, signal] = await exited;
      clearTimeout(killer);
      return signal ?? code;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function untilReady(url: string, output: () => string, isOver: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + startMsMax;
  for (;;) {
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    if (answer?.status === 200) return;
    if (isOver() || performance.now() > deadlineMs)
      throw new Error(`the container is not ready: ${output()}`);
    await delay(100);
  }
}
