import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { hasTerminals, runAtRealTerminal } from '../cli/terminal.ts';
import { readSource } from '../tidy/source.ts';
import { type Checkout, type DemoServer, openCheckout, startDemo } from './checkout.ts';

const resources = new AsyncDisposableStack();
const timeoutMs = 60_000;
let checkout: Checkout;
let first: DemoServer;

beforeAll(async () => {
  checkout = resources.use(await openCheckout({ npx: 'npm' }));
  first = resources.use(await startDemo(checkout));
}, timeoutMs);
afterAll(() => resources.disposeAsync());

const titles = ['REST', 'Connect', 'gRPC', 'gRPC-Web'];
const tokenPath = (): string => join(checkout.folder, 'latchkey-data', 'admin-token');
const token = async (): Promise<string> => (await readFile(tokenPath(), 'utf8')).trim();

function commandOf(title: string): string {
  const line = new RegExp(`^# ${title}\n(.+)$`, 'm').exec(first.welcome)?.[1];
  if (line === undefined) throw new Error(`no command for ${title} in: ${first.welcome}`);
  return line;
}

test('npm start is serve with demo data', () => {
  const manifest = JSON.parse(readSource('package.json').text) as { scripts: Record<string, string> };
  expect(manifest.scripts.start).toBe('node src/latchkey.js serve --demo');
});

test(
  'npm run dev is the same under node --watch',
  async () => {
    const manifest = JSON.parse(readSource('package.json').text) as { scripts: Record<string, string> };
    expect(manifest.scripts.dev).toBe('node --watch --no-warnings src/main.ts serve --demo');
    await using other = await openCheckout({ npx: 'direct' });
    await using watched = await startDemo(other, ['--watch']);
    const answer = await fetch(`${watched.url}/readyz`);
    expect(answer.status).toBe(200);
  },
  timeoutMs,
);

test('the token is shown once, and kept in a file that nobody else reads', async () => {
  expect((await stat(tokenPath())).mode & 0o777).toBe(0o600);
  const held = await token();
  expect(held).toMatch(/^\d+\.[\w-]{22,}$/);
  const shown = first.welcome.split('\n').filter((line) => line.includes(held));
  // By itself, and in the commands to be pasted.
  expect(shown.filter((line) => !line.includes(`Bearer ${held}`))).toEqual([`  ${held}`]);
});

(hasTerminals ? test : test.skip)(
  'on a terminal the welcome comes first, and nothing twice',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'latchkey-first-'));
    const argv = ['serve', '--demo', '--port', '0', '--data', folder];
    const { shown } = await runAtRealTerminal(argv, {}, [{ at: ' serving ', text: '\x03' }]);
    await rm(folder, { recursive: true });
    expect(shown).toMatch(/^Latchkey serves every protocol at /);
    expect(shown.match(/laptop lost on a train/g)).toHaveLength(1);
  },
  timeoutMs,
);

test('it says where people and programmers go', async () => {
  for (const place of ['console', 'docs']) {
    expect(first.welcome).toContain(`${first.url}/${place}/`);
    expect((await fetch(`${first.url}/${place}/`)).status).toBe(200);
  }
});

test('people are there, and it says why each is locked', () => {
  const people = first.welcome.match(/^ {2}\d+ {2}\S+ \S+ +(locked: .+|active)$/gm) ?? [];
  expect(people.filter((line) => line.includes('locked: '))).toHaveLength(4);
  expect(people.filter((line) => line.endsWith('active'))).toHaveLength(1);
});

test('each command unlocks another user', () => {
  const userIds = titles.map((title) => /users\/(\d+)|"userId":"(\d+)"/.exec(commandOf(title))?.[0]);
  expect(new Set(userIds).size).toBe(titles.length);
});

test.each(titles)(
  'the printed %s command unlocks, and is then told that there is nothing to unlock',
  async (title) => {
    const unlocked = await checkout.run(commandOf(title));
    expect({ title, ...unlocked }).toMatchObject({ code: 0 });
    expect(JSON.parse(unlocked.stdout)).toEqual({
      details: {
        // Made, locked, unlocked.
        sequence: '3',
        changeDate: expect.stringMatching(/Z$/),
        resourceOwner: expect.stringMatching(/^\d+$/),
        creationDate: expect.stringMatching(/Z$/),
      },
    });
    const again = await checkout.run(commandOf(title));
    expect(again.stdout + again.stderr).toContain('User is not locked (COMMAND-olb9vb0oca)');
  },
  timeoutMs,
);

test(
  'npx finds the command line in a clone',
  async () => {
    const { code, stdout } = await checkout.run('npx latchkey version');
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^latchkey \d/) });
  },
  timeoutMs,
);

test(
  'a second start keeps data and token, and makes no new one',
  async () => {
    const before = await token();
    expect(await first.stop()).toBe(0);
    await using second = await startDemo(checkout);
    expect(second.welcome).not.toContain('First run');
    expect(second.welcome).not.toContain(before);
    expect(await token()).toBe(before);
    const listed = await fetch(`${second.url}/v2/users`, {
      method: 'POST',
      headers: { authorization: `Bearer ${before}` },
      body: '{"queries":[{"stateQuery":{"state":"USER_STATE_ACTIVE"}}]}',
    });
    // Five people and the administrator; nobody is locked any more.
    expect(await listed.json()).toMatchObject({ details: { totalResult: '6' } });
  },
  timeoutMs,
);
