import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startServer, type TestServer } from '../support/start-server.ts';
import { root } from '../tidy/source.ts';
import { blocks, page } from './blocks.ts';
import { type Checkout, ended, openCheckout } from './checkout.ts';
import { testWith } from './installed.ts';

const timeoutMs = 60_000;
const resources = new AsyncDisposableStack();
let server: TestServer;
let checkout: Checkout;
let token: string;

beforeAll(async () => {
  server = resources.use(await startServer());
  checkout = resources.use(await openCheckout({ npx: 'direct' }));
  await server.people.organization('home');
  token = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
}, timeoutMs);
afterAll(() => resources.disposeAsync());

const text = page('docs/clients.md');

interface Language {
  readonly name: string;
  /** Of the fenced block. */
  readonly fence: string;
  readonly file: string;
  readonly program: string;
  readonly argv?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** What a file of this language begins with and the page leaves out. */
  readonly head?: string;
  /** Why it does not run, where the program is missing. */
  readonly missing?: string;
}

const python = join(root, 'test', 'interop', 'python', 'dist');

const languages: readonly Language[] = [
  { name: 'Node.js', fence: 'js', file: 'unlock.mjs', program: 'node' },
  {
    name: 'Python',
    fence: 'python',
    file: 'unlock.py',
    program: join(python, 'venv', 'bin', 'python'),
    environment: { PYTHONPATH: join(python, 'stubs') },
    missing: 'the Python snippet wants what test/interop/run.sh builds',
  },
  { name: 'Ruby', fence: 'ruby', file: 'unlock.rb', program: 'ruby' },
  { name: 'PHP', fence: 'php', file: 'unlock.php', program: 'php', head: '<?php\n' },
  { name: 'C#', fence: 'csharp', file: 'unlock.cs', program: 'dotnet', argv: ['run'] },
  {
    name: 'PowerShell',
    fence: 'powershell',
    file: 'unlock.ps1',
    program: 'pwsh',
    argv: ['-NoProfile', '-File'],
  },
];

/** Compiled against libraries that this folder does not have: test/interop unlocks with the same calls. */
const compiled = ['Go', 'Java'];

test('every language has one snippet, and each is run here or in test/interop', () => {
  const shown = [...text.matchAll(/<summary>(.+)<\/summary>/g)].map(([, name]) => name);
  expect(shown.sort()).toEqual([...languages.map(({ name }) => name), ...compiled].sort());
  for (const { fence } of languages) expect(blocks(text, fence)).toHaveLength(1);
});

for (const language of languages) {
  const { name, fence, file, program, argv = [], environment = {}, head = '' } = language;
  testWith(program, language.missing)(
    `the ${name} snippet unlocks, and prints the number of the event`,
    async () => {
      const userId = await server.people.user({ organization: 'home', state: 'locked' });
      const [snippet = ''] = blocks(text, fence);
      expect(snippet).toContain('127.0.0.1:8080');
      const path = join(checkout.folder, file);
      await writeFile(path, head + snippet.replace('127.0.0.1:8080', `127.0.0.1:${server.port}`));
      const ours = { TOKEN: token, USER_ID: userId, ...environment };
      const { code, stdout, stderr } = await ended(checkout.start([program, ...argv, path], ours));
      expect({ code, stderr }).toMatchObject({ code: 0 });
      // Made, locked, unlocked.
      expect(stdout).toMatch(/^3n?\n$|"sequence": ?"3"/);
      expect((await server.app.store.listEvents({ afterPosition: 0, limit: 100 })).at(-1)).toMatchObject({
        userId,
        type: 'user.unlocked',
      });
      // It is not locked any more: the refusal is read, not stumbled over.
      const refused = await ended(checkout.start([program, ...argv, path], ours));
      expect(refused.code).not.toBe(0);
      expect(refused.stdout + refused.stderr).toContain('User is not locked (COMMAND-olb9vb0oca)');
      expect(refused.stdout + refused.stderr).not.toMatch(/NoMethodError|Warning|TypeError/);
    },
    timeoutMs,
  );
}

const [pythonSnippets] = languages.filter(({ name }) => name === 'Python');

testWith(pythonSnippets?.program ?? '', pythonSnippets?.missing)(
  'the page of the errors reads the reason of a refusal in Python',
  async () => {
    const userId = await server.people.user({ organization: 'home' });
    const [snippet = ''] = blocks(page('docs/errors.md'), 'python');
    const path = join(checkout.folder, 'refused.py');
    await writeFile(path, snippet.replace('127.0.0.1:8080', `127.0.0.1:${server.port}`));
    const { program = '', environment } = pythonSnippets ?? {};
    const ours = { TOKEN: token, USER_ID: userId, ...environment };
    const { code, stdout, stderr } = await ended(checkout.start([program, path], ours));
    expect({ code, stdout, stderr }).toMatchObject({
      code: 0,
      stdout: 'FAILED_PRECONDITION USER_NOT_LOCKED\n',
    });
  },
  timeoutMs,
);
