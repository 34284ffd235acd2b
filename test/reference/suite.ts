import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readContract } from '../../src/reference/contract.ts';
import { look } from './browser.ts';
import { bringGenerator, type ClientsAt, generate, runJava, runPython } from './clients.ts';
import { type Demo, startDemo } from './demo.ts';
import { firstPrinted, languagesHere, printedSnippet, runSnippet } from './snippets.ts';
import { readServices, tellBySnippets } from './story.ts';
import { check, run, sumUp } from './tools.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));
const minuteMs = 60_000;

async function validate({ url }: Demo, folder: string): Promise<void> {
  const tools = join(here, 'validator');
  await run('npm', ['ci', '--no-progress', '--silent'], { cwd: tools, timeoutMs: 4 * minuteMs });
  const file = join(folder, 'openapi.json');
  await writeFile(file, await (await fetch(new URL('/openapi.json', url))).text());
  const said = await run('node', ['validate.js', file], { cwd: tools, timeoutMs: 2 * minuteMs });
  process.stdout.write(`     ${said}`);
}

// Random bodies are refused far more often than not: what the document must not be is silent, or the server broken.
const judged = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
  'response_headers_conformance',
  'error_is_named',
  'error_is_a_status',
];

async function fuzz(folder: string, python: string, types: 'json' | 'all'): Promise<void> {
  const own = join(folder, `fuzz-${types}`);
  await mkdir(own);
  await using demo = await startDemo(root, own);
  const asMe = async () => (await demo.call('GET', '/latchkey/v1/me')) as { readonly userId: string };
  const { userId } = await asMe();
  const [tokenId = ''] = demo.token.split('.');
  const ids = { user_id: (await demo.userIds()).filter((id) => id !== userId) };
  const env = {
    REFERENCE_OWN: JSON.stringify([userId, tokenId]),
    SCHEMATHESIS_HOOKS: join(here, 'fuzz', 'hooks.py'),
    REFERENCE_IDS: JSON.stringify(ids),
    REFERENCE_TYPES: types,
  };
  const checks = types === 'json' ? [...judged, 'ignored_auth', 'misfit_is_refused'] : judged;
  const args = ['run', `${demo.url}/openapi.json`, '--header', `Authorization: Bearer ${demo.token}`];
  const said = await run(
    join(python, '..', 'st'),
    [
      ...[...args, '--checks', checks.join(','), '--phases', 'examples,coverage,fuzzing', '--no-color'],
      ...[
        '--max-examples',
        types === 'json' ? '8' : '2',
        '--workers',
        '2',
        '--seed',
        '4711',
        '--request-timeout',
        '60',
        // How quickly the tool makes up its cases says nothing of the server.
        '--suppress-health-check',
        'too_slow',
      ],
    ],
    { cwd: join(python, '..'), env, timeoutMs: 5 * minuteMs },
  );
  const [cases = 'no cases'] = /\d+ generated, .*/.exec(said) ?? [];
  process.stdout.write(`     ${cases}; ${/Tested: \d+/.exec(said)?.[0] ?? ''} operations\n`);
  // Whoever lost its token in the middle has asked the rest as nobody.
  await asMe();
}

/** These are printed in every way that a page prints: with a body and without, with a query, with each verb. */
const everyWay = [
  'zitadel.user.v2.UserService.UnlockUser',
  'zitadel.user.v2.UserService.GetUserByID',
  'zitadel.user.v2.UserService.UpdateUser',
  'latchkey.v1.LockService.ListLocks',
];

/** As the page says that each is run. */
async function snippets(demo: Demo, folder: string, names: readonly string[]): Promise<void> {
  for (const call of everyWay) {
    for (const name of names) {
      await check(`${call.split('.').at(-1)} in ${name}`, () => works(demo, folder, { call, name }));
    }
  }
}

/** Every call in every language that is here, on a server of its own, two languages at a time. */
async function stories(folder: string, names: readonly string[]): Promise<void> {
  const services = await readServices(root);
  // The slowest first.
  const open = [...names].sort((a, b) => Number(slow.has(b)) - Number(slow.has(a)));
  const next = async () => {
    for (let name = open.shift(); name !== undefined; name = open.shift()) await tell(name);
  };
  const tell = (name: string) =>
    check(`every call in ${name}, with what it needs in place: each succeeds`, async () => {
      const own = join(folder, 'stories', name.replace(/\W/g, ''));
      await mkdir(own, { recursive: true });
      await using demo = await startDemo(root, own);
      const count = await tellBySnippets({ demo, folder: own, services, name });
      process.stdout.write(`     ${count} calls\n`);
    });
  await Promise.all([next(), next()]);
}

const slow = new Set(['Go', 'C#', 'Java']);

async function streams(demo: Demo, folder: string, names: readonly string[]): Promise<void> {
  const calls = readContract().services.flatMap(({ name: service, calls: all }) =>
    all.filter(({ kind }) => kind === 'server_streaming').map(({ name }) => `${service}.${name}`),
  );
  const runId = await startRun(demo);
  for (const name of names.filter((each) => ['curl', 'Python', 'Go', 'Node.js', 'gRPC'].includes(each))) {
    await check(`${calls.length} streams in ${name}: each begins`, async () => {
      for (const call of calls) {
        const snippet = await printedSnippet(demo, `${call}?run_id=${runId}`, name);
        const at = join(folder, 'streams', name.replace(/\W/g, ''));
        const said = await firstPrinted(demo, at, { name, snippet });
        if (/"(?:error|code)":/.test(said)) throw new Error(`${call}: ${said}`);
      }
    });
  }
}

/** A run of unlocks, so that there is one to watch. */
async function startRun(demo: Demo): Promise<string> {
  await demo.userIn('locked');
  const post = (method: string, body: object) =>
    demo.call('POST', `/latchkey.v1.UnlockRunService/${method}`, body) as Promise<Record<string, string>>;
  const { runToken, count: confirmedCount } = await post('PreviewUnlock', {
    filter: { lockedSince: '2020-01-01T00:00:00Z' },
  });
  const { run: started } = await post('StartUnlockRun', { runToken, confirmedCount, reason: 'a try' });
  return (started as unknown as { runId: string }).runId;
}

type Printed = { readonly call: string; readonly name: string };

async function works(demo: Demo, folder: string, { call, name }: Printed): Promise<void> {
  await demo.userIn('active');
  await demo.userIn('locked');
  const snippet = await printedSnippet(demo, call, name);
  const said = await runSnippet(demo, join(folder, 'snippets', name.replace(/\W/g, '')), { name, snippet });
  if (name !== 'curl' && name !== 'gRPC' && !/\b200\b/.test(said)) throw new Error(said);
  if (/"code":/.test(said)) throw new Error(said);
  const locked = /users\/(\d+)\/unlock/.exec(snippet)?.[1];
  if (locked === undefined) return;
  const { user } = (await demo.call('GET', `/v2/users/${locked}`)) as { user: { state: string } };
  if (user.state !== 'USER_STATE_ACTIVE') throw new Error(`still ${user.state}`);
}

/** The programs that the machine lacks are brought; where it stands, it is found by its name. */
async function bringGrpcurl(folder: string): Promise<void> {
  const program = 'github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3';
  await run('go', ['install', program], { cwd: folder, env: { GOBIN: folder }, timeoutMs: 5 * minuteMs });
  process.env.PATH = `${folder}:${process.env.PATH}`;
}

async function bringSchemathesis(folder: string, python: string): Promise<void> {
  await run('python3', ['-m', 'venv', 'python'], { cwd: folder, timeoutMs: 2 * minuteMs });
  const wanted = join(here, 'fuzz', 'requirements.txt');
  const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', wanted];
  await run(python, args, { cwd: folder, timeoutMs: 4 * minuteMs });
}

async function clients(demo: Demo, at: ClientsAt, python: string): Promise<void> {
  const env = { LATCHKEY_TOKEN: demo.token, LATCHKEY_USER_ID: await demo.userIn('active') };
  await check('a generated client in Python locks, lists and unlocks', async () => {
    await generate(demo, at.folder, 'python');
    await runPython(at, python, env);
  });
  await check('a generated client in Java locks, lists and unlocks', async () => {
    await generate(demo, at.folder, 'java');
    await runJava(at, env);
  });
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-reference-'));
  const python = join(folder, 'python', 'bin', 'python');
  try {
    await using demo = await startDemo(root, folder);
    const at = { sources: join(here, 'client'), folder: join(folder, 'clients') };
    // Four registries, none of which waits for another.
    await Promise.all([
      check('an independent validator finds the document valid', () => validate(demo, folder)),
      check('schemathesis is to be had', () => bringSchemathesis(folder, python)),
      check('openapi-generator is to be had', () => bringGenerator(at)),
      check('grpcurl is to be had', () => bringGrpcurl(folder)),
    ]);
    await clients(demo, at, python);
    await check('a browser without scripts uses the pages; axe has nothing to say in four appearances', () =>
      look(demo.url, ['/docs/', ...everyWay.slice(0, 2).map((call) => `/docs/${call}`)]),
    );
    const { here: names, missing } = await languagesHere();
    for (const name of missing)
      process.stdout.write(`     ${name} is not on this machine: its snippets are not run\n`);
    await snippets(demo, folder, names);
    await stories(folder, names);
    await streams(demo, folder, names);
    await check('schemathesis, JSON: no 5xx, no answer that is not described', () =>
      fuzz(folder, python, 'json'),
    );
    await check('schemathesis, every content type: the same', () => fuzz(folder, python, 'all'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  sumUp();
}

await main();
