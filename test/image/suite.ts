import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startDatabase } from '../faults/database.ts';
import { freePort } from '../support/listen.ts';
import { type Container, readConfig, runContainer, uid } from './container.ts';
import { lockedUsers, unlockUntil } from './traffic.ts';

const work = process.env.WORK ?? '';
const rootfs = process.env.ROOTFS ?? '';
const deploy = new URL('../../deploy/', import.meta.url);

let passed = 0;
let failed = 0;

async function check(name: string, work: () => Promise<unknown> | unknown): Promise<void> {
  const startedMs = performance.now();
  try {
    await work();
    passed += 1;
    process.stdout.write(`PASS ${name} (${((performance.now() - startedMs) / 1_000).toFixed(1)} s)\n`);
  } catch (error) {
    failed += 1;
    process.stdout.write(`FAIL ${name}: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}

function equal(found: unknown, wanted: unknown): void {
  const [one, other] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (one !== other) throw new Error(`${one} instead of ${other}`);
}

const healthCommand = (): readonly string[] => {
  const text = readFileSync(new URL('Containerfile', deploy), 'utf8');
  return JSON.parse(
    /^ *CMD (\["node", "dist\/src\/latchkey.js", "health"\])$/m.exec(text)?.[1] ?? '[]',
  ) as string[];
};

function lookAtImage(): void {
  const { User, ExposedPorts, StopSignal, Volumes, WorkingDir } = readConfig();
  equal({ User, StopSignal, WorkingDir }, { User: '1000:0', StopSignal: 'SIGTERM', WorkingDir: '/latchkey' });
  equal([Object.keys(ExposedPorts), Object.keys(Volumes)], [['8080/tcp'], ['/var/lib/latchkey']]);
  const inside = (path: string) => existsSync(join(rootfs, path));
  equal(
    ['usr/local/bin/npm', 'usr/local/lib/node_modules', 'latchkey/test', 'latchkey/bench'].filter(inside),
    [],
  );
  const packages = readdirSync(join(rootfs, 'latchkey/node_modules'));
  equal(
    ['jest', 'typescript', '@biomejs', '@swc'].filter((name) => packages.includes(name)),
    [],
  );
  equal(readFileSync(join(rootfs, 'etc/passwd'), 'utf8').includes(`:${uid}:`), false);
}

async function single(): Promise<void> {
  await using server = await runContainer({ name: 'single', port: await freePort() });
  const token = await server.token();
  await check('an uid without a name serves on a root that it cannot write', async () => {
    const made = await stat(join(work, 'data-single', 'admin-token'));
    equal([made.uid, (made.mode & 0o777).toString(8)], [uid, '600']);
    const tried = await server.execute(['sh', '-c', 'echo x > /latchkey/x || echo x > /etc/x || id -u']);
    equal([tried.code, tried.output.trim().split('\n').at(-1)], [0, String(uid)]);
    const capabilities = await server.execute(['sh', '-c', 'grep CapEff /proc/self/status']);
    equal(capabilities.output.trim(), 'CapEff:\t0000000000000000');
  });
  await check('the health check finds it healthy', async () => {
    equal(await server.execute(healthCommand()), { code: 0, output: `${server.url} is ready\n` });
  });
  await check(
    'SIGTERM under load: every call is answered, and exit code 0 within the grace period',
    async () => {
      const users = await lockedUsers(server.url, token, 400);
      const traffic = unlockUntil([server.url], token, users);
      await traffic.started(50);
      equal(await server.stop(), 0);
      const { unlocked, lost } = await traffic.finish();
      equal(lost, []);
      if (unlocked.length < 50 || unlocked.length === users.length)
        throw new Error(
          `SIGTERM came too late or too early: ${unlocked.length} of ${users.length} were unlocked`,
        );
      process.stdout.write(
        `     ${unlocked.length} of ${users.length} were unlocked before it went, no call was lost\n`,
      );
    },
  );
  await check('the health check finds it gone', async () => {
    equal((await server.execute(healthCommand())).code, 6);
  });
}

/** The proxy of deploy/, but that it finds the servers by their ports on this machine. */
async function startProxy(ports: readonly number[]): Promise<AsyncDisposable & { readonly url: string }> {
  const port = await freePort();
  const given = readFileSync(new URL('haproxy.cfg', deploy), 'utf8');
  const own = given
    .replace('bind :8080', `bind 127.0.0.1:${port}`)
    .replace('one:8080', `127.0.0.1:${ports[0]}`)
    .replace('two:8080', `127.0.0.1:${ports[1]}`);
  const path = join(work, 'haproxy.cfg');
  await writeFile(path, own);
  const proxy = spawn('haproxy', ['-f', path], { stdio: 'ignore' });
  const exited = once(proxy, 'exit');
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      proxy.kill('SIGKILL');
      await exited;
    },
  };
}

async function compose(): Promise<void> {
  await using database = await startDatabase();
  const env = {
    LATCHKEY_DB: await database.create(),
    LATCHKEY_TRUSTED_PROXIES: '127.0.0.0/8',
    LATCHKEY_HOST: '127.0.0.1',
  };
  const ports = [await freePort(), await freePort()] as const;
  await using one = await runContainer({ name: 'one', port: ports[0], env });
  let two: Container = await runContainer({ name: 'two', port: ports[1], env });
  await using proxy = await startProxy(ports);
  const token = await one.token();
  await check('compose: both servers are behind the proxy, on one database', async () => {
    const users = await lockedUsers(one.url, token, 20);
    const traffic = unlockUntil([proxy.url], token, users);
    const { unlocked, lost } = await traffic.finish();
    equal([unlocked.length, lost], [20, []]);
  });
  await check('compose: one after the other is replaced under load, and no call is lost', async () => {
    const users = await lockedUsers(one.url, token, 600);
    const traffic = unlockUntil([proxy.url], token, users);
    await traffic.started(50);
    equal(await two.stop(), 0);
    two = await runContainer({ name: 'two-again', port: ports[1], env });
    await delay(1_500);
    equal(await one.stop(), 0);
    const { unlocked, lost } = await traffic.finish();
    equal([unlocked.length, lost], [users.length, []]);
  });
  await two[Symbol.asyncDispose]();
}

process.stdout.write(
  'not run: "podman run" and "docker compose up" themselves, which take the rights of an engine; what they would do with the image is done by start.sh\n',
);
await check('the image holds what it needs and says so', lookAtImage);
for (const [name, part] of Object.entries({ single, compose })) {
  await part().catch((error: unknown) => {
    failed += 1;
    process.stdout.write(`FAIL ${name}: ${error instanceof Error ? error.message : String(error)}\n`);
  });
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
