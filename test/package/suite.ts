import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Database, startDatabase } from '../faults/database.ts';
import { bringNode, execute, type Installation, install } from './installation.ts';

/** What people have: older than Latchkey needs, so that npm's own has to help, and new enough. */
const nodeVersions = ['20.19.5', '22.20.0', '24.11.0'];
const root = fileURLToPath(new URL('../..', import.meta.url));

let passed = 0;
let failed = 0;

async function check(name: string, work: () => Promise<unknown>): Promise<void> {
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

function expect(holds: boolean, told: string): void {
  if (!holds) throw new Error(told);
}

/** What a package may hold: the built program, how it came about, and what npm always takes. */
const needed =
  /^package\/(package\.json|README\.md|LICENSE|CHANGELOG\.md|src\/latchkey\.js|dist\/(built|src\/.+\.(js|sql)|gen\/(openapi|console)\/.+))$/;

async function pack(folder: string): Promise<string> {
  const place = { cwd: root, env: process.env };
  const { code, output } = await execute('npm', ['pack', '--silent', '--pack-destination', folder], place);
  const name = output.trim().split('\n').at(-1) ?? '';
  if (code !== 0 || !name.endsWith('.tgz')) throw new Error(`npm pack: ${output}`);
  return join(folder, name);
}

async function listTarball(tarball: string): Promise<void> {
  const { output } = await execute('tar', ['--list', '--gzip', '--file', tarball], {
    cwd: root,
    env: process.env,
  });
  const entries = output.trim().split('\n');
  const others = entries.filter((entry) => !needed.test(entry));
  expect(others.length === 0, `not needed at run time: ${others.slice(0, 10).join(', ')}`);
  const sql = entries.filter((entry) => entry.endsWith('.sql')).length;
  expect(sql > 0, 'no migrations');
  process.stdout.write(
    `     ${entries.length} files, ${sql} of them migrations; nothing of test/ or bench/\n`,
  );
}

async function done(installation: Installation, ...argv: string[]): Promise<string> {
  const { code, output } = await installation.run(...argv);
  if (code !== 0) throw new Error(`latchkey ${argv.join(' ')}: exit ${code}: ${output}`);
  return output;
}

interface People {
  readonly result: readonly { readonly userId: string; readonly state: string }[];
}

/** Unlocks somebody of the demo, and finds people by a filter, which is the work of a thread. */
async function serveDemo(installation: Installation, ...flags: string[]): Promise<void> {
  const server = await installation.serve('--demo', '--metrics-listen', '127.0.0.1:0', ...flags);
  const post = async (path: string, body: unknown): Promise<unknown> => {
    const headers = { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' };
    const answer = await fetch(`${server.url}${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    if (answer.status !== 200) throw new Error(`${path}: HTTP ${answer.status}: ${await answer.text()}`);
    return answer.json();
  };
  const people = { queries: [{ stateQuery: { state: 'USER_STATE_LOCKED' } }] };
  const { result } = (await post('/v2/users', people)) as People;
  const [locked] = result;
  if (locked === undefined) throw new Error('nobody of the demo is locked');
  await post(`/v2/users/${locked.userId}/unlock`, {});
  const { result: left } = (await post('/v2/users', people)) as People;
  expect(left.length === result.length - 1, 'the unlocked user is still listed as locked');
  const listed = await done(installation, 'user', 'list', '--url', server.url, '--token', server.token);
  expect(listed.includes(locked.userId), `user list does not know them: ${listed}`);
  // Each of these is loaded when it is first asked for.
  for (const path of ['/console/', '/docs/', '/openapi.json']) {
    const { status } = await fetch(`${server.url}${path}`);
    expect(status === 200, `${path}: HTTP ${status}`);
  }
  const code = await server.stop();
  expect(code === 0, `SIGTERM: exit ${code}`);
}

const csv = 'user_name,given_name,family_name,email\nada,Ada,Lovelace,ada@mail.example\n';

async function bringPeople(installation: Installation, ...where: string[]): Promise<void> {
  await installation.write('people.csv', csv);
  await done(installation, 'import', '--from', 'csv', 'people.csv', ...where);
  const listed = await done(installation, 'user', 'list', ...where);
  expect(/\bada\b/.test(listed), `who was brought in is not there: ${listed}`);
}

async function moveData(installation: Installation): Promise<void> {
  const at = (name: string) => ['--db', name];
  await done(installation, 'migrate', ...at('one.db'));
  await done(installation, 'migrate', ...at('one.db'));
  await serveDemo(installation, ...at('one.db'));
  await bringPeople(installation, ...at('one.db'));
  await done(installation, 'export', 'people.jsonl', ...at('one.db'));
  await done(installation, 'import', 'people.jsonl', ...at('two.db'));
  await done(installation, 'verify', ...at('two.db'));
  const [one, two] = [
    await done(installation, 'user', 'list', ...at('one.db')),
    await done(installation, 'user', 'list', ...at('two.db')),
  ];
  expect(one === two, `what was imported is not what was exported: ${one} ${two}`);
}

async function use(installation: Installation, database: Database, isWhole: boolean): Promise<void> {
  const { name } = installation;
  await check(`${name}: npm installs it`, async () => {
    expect(installation.installed.code === 0, installation.installed.output);
    expect(/^latchkey \d+\.\d+\.\d+/.test(await done(installation, 'version')), 'version');
  });
  await check(`${name}: serve, unlock, lists, SIGTERM`, () => serveDemo(installation));
  if (!isWhole) return;
  await check(`${name}: demo`, async () => {
    const played = await done(installation, 'demo');
    expect(/grpc-web/i.test(played), `not every protocol was played: ${played}`);
  });
  await check(`${name}: migrate, export, import, verify`, () => moveData(installation));
  await check(`${name}: PostgreSQL`, async () => {
    const url = await database.create();
    await serveDemo(installation, '--db', url);
    await bringPeople(installation, '--db', url);
  });
}

async function main(): Promise<void> {
  await using cleanup = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-package-'));
  cleanup.defer(() => rm(folder, { recursive: true }));
  const database = cleanup.use(await startDatabase());
  let tarball = '';
  await check('npm pack', async () => {
    tarball = await pack(folder);
  });
  await check('the tarball holds what is needed at run time alone', () => listTarball(tarball));
  for (const version of nodeVersions) {
    const node = await bringNode(folder, version);
    for (const how of ['in a folder', 'globally'] as const) {
      await using installation = await install(tarball, node, { folder, how });
      await use(installation, database, how === 'in a folder');
    }
  }
}

await main().catch((error: unknown) => {
  failed += 1;
  process.stdout.write(`FAIL the suite: ${error instanceof Error ? error.message : String(error)}\n`);
});
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
