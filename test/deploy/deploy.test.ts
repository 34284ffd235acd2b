import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseServeConfig } from '../../src/app/config.ts';
import { settings } from '../../src/app/settings.ts';
import { parseArguments } from '../../src/cli/arguments.ts';
import { commands } from '../../src/cli/commands.ts';
import { page, shellWords } from '../readme/blocks.ts';
import { testWith } from '../readme/installed.ts';
import { freePort } from '../support/listen.ts';
import { startServer } from '../support/start-server.ts';
import { tableWithHeader } from '../tidy/markdown.ts';
import { readSource, repositoryFiles, root } from '../tidy/source.ts';
import { linkPackages } from './packages.ts';

const timeoutMs = 60_000;
const run = promisify(execFile);
const deploy = (name: string): string => readSource(`deploy/${name}`).text;
const files = repositoryFiles()
  .filter((path) => path.startsWith('deploy/'))
  .map((path) => path.slice('deploy/'.length));
const manifest = JSON.parse(readSource('package.json').text) as { version: string };
const containerfile = deploy('Containerfile').replace(/\\\n\s*/g, ' ');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-deploy-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('docs/operations.md has a row for every file', () => {
  const rows = tableWithHeader(page('docs/operations.md'), ['file', 'what it makes', 'how']) ?? [];
  expect(rows.map(([file]) => file).sort()).toEqual(files.map((name) => `\`deploy/${name}\``).sort());
});

test('every LATCHKEY_ variable is a setting', () => {
  const known: string[] = Object.values(settings).map(({ env }) => env);
  const named = files.flatMap((name) => deploy(name).match(/LATCHKEY_[A-Z_]+/g) ?? []);
  expect(named).toContain('LATCHKEY_DB');
  // The compose file's own input, which goes into LATCHKEY_DB.
  const unknown = new Set(named.filter((name) => !known.includes(name)));
  expect([...unknown]).toEqual(['LATCHKEY_DB_PASSWORD']);
  expect(deploy('compose.yaml')).toMatch(/^ {4}LATCHKEY_DB: \S*\$\{LATCHKEY_DB_PASSWORD:\?/m);
});

test('the first token is always where the file says, whichever server makes it', () => {
  const compose = deploy('compose.yaml');
  // In what both servers share, and nowhere else.
  expect(compose.split(/^services:$/m)[0]).toMatch(/^ {2}volumes: \[first-run:\/var\/lib\/latchkey\]$/m);
  expect(compose).not.toMatch(/tmpfs/);
  const kubernetes = deploy('kubernetes.yaml');
  const [, path] = /LATCHKEY_ADMIN_TOKEN_FILE, value: (\S+)\/token \}/.exec(kubernetes) ?? [];
  expect(kubernetes).toContain(`name: admin, mountPath: ${path}, readOnly: true`);
  expect(kubernetes).toMatch(/name: admin\n +secret: \{ secretName: latchkey-admin,/);
  expect(kubernetes).not.toContain('emptyDir');
});

test('Kubernetes is told how to get to a new version, by a job that never runs by itself', () => {
  const kubernetes = deploy('kubernetes.yaml');
  const [head = ''] = kubernetes.split(/^apiVersion/m);
  for (const told of ['docs/upgrade.md', 'kubectl set image deployment/latchkey', 'LATCHKEY_MIGRATE'])
    expect(head).toContain(told);
  const [, from] = /kubectl create job \S+ --from=cronjob\/(\S+)/.exec(head) ?? [];
  const job = kubernetes.split(/^---$/m).find((document) => document.includes('kind: CronJob')) ?? '';
  expect(job).toContain(`name: ${from}\n`);
  expect(job).toMatch(/^ {2}suspend: true$/m);
  expect(job).toContain(`image: latchkey:${manifest.version}\n`);
  const [, words = ''] = /args: \[(.+)\]/.exec(job) ?? [];
  const command = commands.find(({ path }) => path === words);
  expect(parseArguments([], command?.options ?? {}).operands).toEqual([]);
  expect(command?.path).toBe('migrate');
});

test('no Service of the namespace comes along in the environment', () => {
  expect(deploy('kubernetes.yaml').match(/^ +enableServiceLinks: false$/gm)).toHaveLength(2);
});

/** What follows the instruction, of the last stage. */
function instruction(name: string): string {
  const [stage = ''] = containerfile.split(/^FROM /m).slice(-1);
  const found = new RegExp(`^${name} (.+)$`, 'm').exec(stage)?.[1];
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

const jsonWords = (text: string): string[] => JSON.parse(text.replace(/^.*?\[/, '[')) as string[];
const serveWords = (): string[] => [
  ...jsonWords(instruction('ENTRYPOINT')),
  ...jsonWords(instruction('CMD')),
];
const healthWords = (): string[] => jsonWords(instruction('HEALTHCHECK'));
const unitWords = (): string[] => shellWords(/^ExecStart=(.+)$/m.exec(deploy('latchkey.service'))?.[1] ?? '');

test.each([
  ["the image's", serveWords],
  ["the health check's", healthWords],
  ["the unit's", unitWords],
])('%s command line is one that the program knows', (_, wordsOf) => {
  const words = wordsOf();
  const at = words.findIndex((word) => /(^|\/)src\/(main\.ts|latchkey\.js)$/.test(word));
  const [script = '', name, ...rest] = words.slice(at);
  expect(existsSync(join(root, script.replace(/^.*\/src\//, 'src/')))).toBe(true);
  const command = commands.find(({ path }) => path === name);
  if (command === undefined) throw new Error(`unknown command in ${words.join(' ')}`);
  expect(parseArguments(rest, command.options).operands).toEqual([]);
});

test('ports, version and drain are those of the program', () => {
  const port = settings.port.fallback;
  expect(instruction('EXPOSE')).toBe(port);
  expect(deploy('kubernetes.yaml')).toContain(`containerPort: ${port} }`);
  expect(deploy('kubernetes.yaml')).toContain(`image: latchkey:${manifest.version}\n`);
  const seconds = [
    /terminationGracePeriodSeconds: (\d+)/.exec(deploy('kubernetes.yaml')),
    /TimeoutStopSec=(\d+)/.exec(deploy('latchkey.service')),
  ].map((found) => Number(found?.[1]));
  seconds.push(Number(/stop_grace_period: (\d+)s/.exec(deploy('compose.yaml'))?.[1]));
  const delays = [
    /LATCHKEY_SHUTDOWN_DELAY_MS, value: '(\d+)'/.exec(deploy('kubernetes.yaml')),
    null,
    /LATCHKEY_SHUTDOWN_DELAY_MS: (\d+)/.exec(deploy('compose.yaml')),
  ].map((found) => Number(found?.[1] ?? 0));
  // Long enough for a balancer that looks every two seconds to learn of it; systemd has none.
  expect(delays.map((delayMs) => delayMs >= 2_000)).toEqual([true, false, true]);
  const { drainTimeoutMs } = parseServeConfig([]);
  const long = seconds.filter((allowed, nth) => allowed * 1_000 > drainTimeoutMs + (delays[nth] ?? 0));
  expect(long).toHaveLength(3);
});

test('the compose file names files and services that are there', () => {
  const text = deploy('compose.yaml');
  const paths = [...text.matchAll(/dockerfile: (\S+)|\.\/([\w.-]+):\//g)].map(
    ([, dockerfile, mount]) => dockerfile ?? `deploy/${mount}`,
  );
  expect(paths).toEqual(['deploy/Containerfile', 'deploy/haproxy.cfg']);
  expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  const servers = [...deploy('haproxy.cfg').matchAll(/^ +server (\w+) (\w+):(\d+) /gm)];
  expect(servers.map(([, name, host, port]) => [name, host, port])).toEqual([
    ['one', 'one', settings.port.fallback],
    ['two', 'two', settings.port.fallback],
  ]);
  for (const [, , host] of servers) expect(text).toMatch(new RegExp(`^ {2}${host}:$`, 'm'));
});

describe('the image', () => {
  /** What COPY takes out of the repository, in either stage. */
  const copies = [...containerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources = '']) =>
    sources.split(' '),
  );
  const ignore = readSource('.dockerignore').text.trim().split('\n');

  test('copies what exists, and .dockerignore lets that through and nothing else', () => {
    expect(copies.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    expect(ignore[0]).toBe('*');
    expect(ignore.slice(1).sort()).toEqual([...new Set(copies)].map((path) => `!${path}`).sort());
  });

  test(
    'holds enough to serve, and to be found healthy',
    async () => {
      const [image, built] = [join(folder, 'image'), join(folder, 'built')];
      const [, first = '', second = ''] = containerfile.split(/^FROM /m);
      for (const [stage, place] of [
        [first, built],
        [second, image],
      ] as const) {
        for (const [, sources = ''] of stage.matchAll(/^COPY (?!--from)(.+) \S+$/gm)) {
          for (const path of sources.split(' ')) {
            await cp(join(root, path), join(place, path), { recursive: true });
          }
        }
      }
      await symlink(join(root, 'node_modules'), join(built, 'node_modules'));
      await linkPackages(join(image, 'node_modules'));
      expect(await readdir(join(image, 'node_modules'))).not.toContain('jest');
      expect(first).toMatch(/^RUN node generate\/bundle\.ts /m);
      await run(process.execPath, ['generate/bundle.ts'], { cwd: built });
      for (const [, path = ''] of second.matchAll(/^COPY --from=built \/latchkey\/dist (\S+)$/gm)) {
        await cp(join(built, path), join(image, path), { recursive: true });
      }
      const environment = { PATH: dirname(process.execPath), LATCHKEY_DATA: join(folder, 'data') };
      const own = { ...environment, LATCHKEY_HOST: '127.0.0.1', LATCHKEY_PORT: '0' };
      const [program = '', ...argv] = serveWords();
      const server = spawn(program, argv, { cwd: image, env: own, timeout: timeoutMs });
      const exited = once(server, 'exit');
      let complaint = '';
      server.stderr.on('data', (chunk) => {
        complaint += String(chunk);
      });
      const said = await Promise.race([once(server.stdout, 'data'), exited]);
      const url = /at (http:\S+)/.exec(String(said[0]))?.[1];
      if (url === undefined) throw new Error(`the server ended: ${complaint}`);
      const [health = '', ...words] = healthWords();
      const asked = { cwd: image, env: { ...environment, LATCHKEY_URL: url } };
      expect((await run(health, words, asked)).stdout).toBe(`${url} is ready\n`);
      server.kill('SIGTERM');
      expect(await exited).toEqual([0, null]);
      await expect(run(health, words, asked)).rejects.toMatchObject({ code: 6 });
    },
    timeoutMs,
  );
});

describe('what reads these files finds them right', () => {
  testWith('systemd-analyze')('systemd', async () => {
    const { stdout, stderr } = await run('systemd-analyze', [
      'verify',
      join(root, 'deploy/latchkey.service'),
    ]);
    expect(stdout + stderr).toBe('');
  });

  testWith('kubectl')('kubectl', async () => {
    await mkdir(join(folder, 'kubernetes'));
    await cp(join(root, 'deploy/kubernetes.yaml'), join(folder, 'kubernetes', 'kubernetes.yaml'));
    await writeFile(join(folder, 'kubernetes', 'kustomization.yaml'), 'resources: [kubernetes.yaml]\n');
    const { stdout } = await run('kubectl', ['kustomize', join(folder, 'kubernetes')]);
    expect(stdout.match(/^kind: .+$/gm)).toEqual([
      'kind: Service',
      'kind: Deployment',
      'kind: CronJob',
      'kind: PodDisruptionBudget',
    ]);
  });

  testWith('haproxy')(
    'HAProxy, which passes every protocol on',
    async () => {
      await using server = await startServer();
      const port = await freePort();
      const path = join(folder, 'haproxy.cfg');
      const text = deploy('haproxy.cfg')
        .replace('bind :8080', `bind 127.0.0.1:${port}`)
        // So many files open may not be allowed here.
        .replace('maxconn 20000', 'maxconn 100')
        .replaceAll(/(one|two):8080/g, `127.0.0.1:${server.port}`);
      await writeFile(path, text);
      await run('haproxy', ['-c', '-f', path]);
      const proxy = spawn('haproxy', ['-db', '-f', path], { stdio: 'ignore', timeout: timeoutMs });
      const exited = once(proxy, 'exit');
      try {
        expect(await Promise.race([readyThrough(port), exited])).toBe('ok\n');
        await server.people.organization('home');
        const token = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
        const locked = await server.people.user({ organization: 'home', state: 'locked' });
        const unlocked = await fetch(`http://127.0.0.1:${port}/v2/users/${locked}/unlock`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}` },
        });
        expect(unlocked.status).toBe(200);
        for (const protocol of ['grpc', 'grpcweb', 'connect']) {
          const userId = await server.people.user({ organization: 'home', state: 'locked' });
          const method = `http://127.0.0.1:${port}/zitadel.user.v2.UserService/UnlockUser`;
          const http2 = protocol === 'grpc' ? ['--http2-prior-knowledge'] : [];
          const argv = ['curl', '--protocol', protocol, ...http2, '-H', `Authorization: Bearer ${token}`];
          const buf = join(root, 'node_modules/.bin/buf');
          const { stdout } = await run(buf, [...argv, '-d', JSON.stringify({ userId }), method], {
            cwd: root,
          });
          expect(JSON.parse(stdout)).toMatchObject({ details: { sequence: '3' } });
        }
      } finally {
        proxy.kill('SIGTERM');
        await exited;
      }
    },
    timeoutMs,
  );
});

// Nothing tells when the proxy listens but that it answers.
async function readyThrough(port: number): Promise<string> {
  const attemptsMax = 200;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await (await fetch(`http://127.0.0.1:${port}/readyz`)).text();
    } catch (error) {
      if (attempt === attemptsMax) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
