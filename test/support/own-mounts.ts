import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

// In a mount namespace of its own a process may have a small disk, or a read-only one, that goes when it ends.
const unshare = ['-m', ...(process.getuid?.() === 0 ? [] : ['-r'])];

/** Why disks cannot be made here; undefined where they can. */
export const noDisks: string | undefined =
  spawnSync('unshare', [...unshare, 'sh', '-c', 'mount -t tmpfs -o size=64k tmpfs /mnt']).status === 0
    ? undefined
    : 'this machine lets nobody make file systems (unshare -m)';

/** Why disks cannot be made for a process that may not be root; undefined where they can. */
export const noDisksForOthers: string | undefined =
  noDisks ??
  (process.getuid?.() === 0 && spawnSync('setpriv', ['--version']).status === 0
    ? undefined
    : 'only root can make a file system for another user, by setpriv');

export interface Disk {
  /** Size of the disk. */
  readonly bytes: number;
  /** Where it stands; to everybody else the folder is as it was. */
  readonly folder: string;
}

/** The arguments of `unshare` that run the command as that user, with the disk as its own. */
export function onDiskAs(
  uid: number,
  { bytes, folder }: Disk,
  command: readonly string[],
): readonly string[] {
  const mount = `mount -t tmpfs -o size=${bytes},uid=${uid},gid=${uid},mode=700 tmpfs "$0" && exec "$@"`;
  const become = ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
  return [...unshare, 'sh', '-c', mount, folder, ...become, ...command];
}

/** `latchkey` with a disk of its own at `folder`. */
export interface OnDisk extends Disk {
  /** Shell commands that furnish it; the folder is $0 and where they run. */
  readonly furnish?: string;
  /** A file that they find as $SOURCE. */
  readonly source?: string;
  readonly argv: readonly string[];
}

const launcher = join(import.meta.dirname, '../../src/latchkey.js');

/** Starts the process; nothing of its disk is left when it ends. */
function startOnDisk({ bytes, folder, furnish = ':', source = '', argv }: OnDisk): ChildProcess {
  const mount = `mount -t tmpfs -o size=${bytes} tmpfs "$0" && cd "$0" && { ${furnish}; } && exec "$@"`;
  const command = [process.execPath, '--no-warnings', launcher, ...argv];
  return spawn('unshare', [...unshare, 'sh', '-c', mount, folder, ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH ?? '', SOURCE: source },
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
}

/** How a process ended. */
export interface EndedOnDisk {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the process to its end. */
export async function runOnDisk(options: OnDisk): Promise<EndedOnDisk> {
  const child = startOnDisk(options);
  const [stdout, stderr, [code]] = await Promise.all([
    child.stdout === null ? '' : text(child.stdout),
    child.stderr === null ? '' : text(child.stderr),
    once(child, 'close'),
  ]);
  return { code, stdout, stderr };
}

/** A server on a small disk. */
export interface ServerOnDisk extends AsyncDisposable {
  readonly url: string;
  /** The disk, as seen from here. */
  readonly disk: string;
  /** SIGTERM; answers exit code and all of stderr. */
  stop(): Promise<{ readonly code: number | null; readonly stderr: string }>;
}

/** `latchkey serve --demo` with its database on the disk. */
export async function serveOnDisk(bytes: number, folder: string): Promise<ServerOnDisk> {
  const argv = ['serve', '--demo', '--data', folder, '--port', '0', '--log-level', 'warn'];
  const child = startOnDisk({ bytes, folder, argv });
  if (child.stdout === null || child.stderr === null) throw new Error('no pipes');
  const stderr = text(child.stderr);
  const exited = once(child, 'exit');
  let url: string | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    url = /^Latchkey serves every protocol at (\S+)$/.exec(line)?.[1];
    if (url !== undefined) break;
  }
  child.stdout.resume();
  if (url === undefined) throw new Error(`the server does not serve: ${await stderr}`);
  const stop = async () => {
    child.kill('SIGTERM');
    const [code] = await exited;
    return { code, stderr: await stderr };
  };
  return {
    url,
    disk: join(`/proc/${child.pid}/root`, folder),
    stop,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
