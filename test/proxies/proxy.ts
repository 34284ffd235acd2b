import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../support/listen.ts';
import { openWire } from '../support/wire.ts';

/** A proxy of which deploy/ has a file. */
export interface ProxyKind {
  readonly name: string;
  readonly file: string;
  readonly scheme: 'http' | 'https';
  /** What the file says of a port and of paths that are not there in a test, and what stands there then. */
  readonly substitute: (text: string, at: { readonly port: number; readonly folder: string }) => string;
  /** Whether the headers of a stream over this version of HTTP come with its first message, and not before. */
  readonly keepsHeadsBack: (http: 1 | 2) => boolean;
  /** Runs in the foreground. */
  readonly command: (configPath: string) => readonly string[];
}

/** Those that Debian packages. */
export const proxyKinds: readonly ProxyKind[] = [
  {
    name: 'nginx',
    file: 'nginx.conf',
    scheme: 'https',
    substitute: (text, { port, folder }) =>
      text
        .replace('listen 8443', `listen 127.0.0.1:${port}`)
        .replace('/etc/nginx/latchkey-cert.pem', join(folder, '../cert.pem'))
        .replace('/etc/nginx/latchkey-key.pem', join(folder, '../key.pem'))
        .replace('/run/nginx.pid', join(folder, 'pid')),
    keepsHeadsBack: (http) => http === 2,
    command: (path) => ['nginx', '-p', join(path, '..'), '-c', path, '-g', 'daemon off;'],
  },
  {
    name: 'HAProxy',
    file: 'haproxy.cfg',
    scheme: 'http',
    substitute: (text, { port }) => text.replace('bind :8080', `bind 127.0.0.1:${port}`),
    keepsHeadsBack: () => false,
    command: (path) => ['haproxy', '-db', '-f', path],
  },
  {
    name: 'Caddy',
    file: 'Caddyfile',
    scheme: 'http',
    substitute: (text, { port }) => text.replace('\n:8080 {', `\n:${port} {\n\tbind 127.0.0.1`),
    keepsHeadsBack: () => false,
    command: (path) => ['caddy', 'run', '--adapter', 'caddyfile', '--config', path],
  },
  {
    name: 'Apache',
    file: 'apache.conf',
    scheme: 'http',
    substitute: (text, { port, folder }) =>
      text
        .replace('Listen 8080', `Listen 127.0.0.1:${port}`)
        .replace('/run/apache2/latchkey.pid', join(folder, 'pid'))
        .replace('DefaultRuntimeDir /run/apache2', `DefaultRuntimeDir ${folder}`),
    keepsHeadsBack: () => true,
    command: (path) => ['apache2', '-f', path, '-D', 'FOREGROUND'],
  },
];

/** A proxy that runs; disposing ends it. */
export interface RunningProxy extends AsyncDisposable {
  readonly kind: ProxyKind;
  readonly url: string;
}

const readyAttemptsMax = 200;

/** Starts it on a free port, before the server on `serverPort`, which stands for both of the file's. */
export async function startProxy(
  kind: ProxyKind,
  { serverPort, folder }: { readonly serverPort: number; readonly folder: string },
): Promise<RunningProxy> {
  await mkdir(folder, { recursive: true });
  const port = await freePort();
  const text = await readFile(join(import.meta.dirname, '../../deploy', kind.file), 'utf8');
  const path = join(folder, kind.file);
  const own = text.replaceAll(/\b(one|two):8080/g, `127.0.0.1:${serverPort}`);
  await writeFile(path, kind.substitute(own, { port, folder }));
  const log = openSync(join(folder, 'log'), 'a');
  const [program = '', ...argv] = kind.command(path);
  const env = { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
  const child = spawn(program, argv, { stdio: ['ignore', log, log], env });
  closeSync(log);
  const exited = once(child, 'exit').catch((error: unknown) => [error]);
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const killer = setTimeout(() => child.kill('SIGKILL'), 5_000);
    await exited;
    clearTimeout(killer);
  };
  const url = `${kind.scheme}://127.0.0.1:${port}`;
  await using wire = openWire(url);
  const probe = { version: 1, verb: 'GET', path: '/readyz', headers: {}, body: new Uint8Array() } as const;
  for (let attempt = 1; ; attempt += 1) {
    const status = await wire.send(probe).then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 200) return { kind, url, [Symbol.asyncDispose]: stop };
    if (attempt === readyAttemptsMax || child.exitCode !== null) {
      await stop();
      throw new Error(`${kind.name} does not serve:\n${await readFile(join(folder, 'log'), 'utf8')}`);
    }
    await delay(50);
  }
}
