import { describe, expect, test } from '@jest/globals';
import { bannedName, bannedSyntax } from './bans.ts';
import { brokenLinks, documentedErrors, missingPaths, strayNames, unjustifiedDependencies } from './docs.ts';
import { forbiddenImports, forbiddenKnowledge, parseRoomTable, roomCycles } from './rooms.ts';
import { largeFunctions, longFile } from './sizes.ts';
import { type Parsed, parseSource } from './source.ts';
import { bannedWords } from './words.ts';

// A rule that never objects is worse than none: each is shown a sample that it must object to, and one that it must not.

const sample = (text: string, path = 'src/rpc/sample.ts'): Parsed => parseSource({ path, text });
const lines = (count: number): string => 'a();\n'.repeat(count);

const table = parseRoomTable(`
| Room | May import |
|---|---|
| \`domain\` | nothing (no npm, no node:) |
| store | domain |
| commands, queries | domain, store's interface file |
| rpc | commands, queries, domain, gen/es |
| console | domain, gen/es |
| app, main | anything; only here is a store constructed |

After it, words.
`);

describe('sizes', () => {
  test('300 lines pass, 301 do not', () => {
    expect(longFile({ path: 'src/a.ts', text: lines(300) })).toEqual([]);
    expect(longFile({ path: 'src/a.ts', text: lines(301) })).toEqual(['src/a.ts: 301 lines, at most 300']);
  });

  test.each([
    ['function f() {', '}'],
    ['const f = () => {', '};'],
    ['class A { m() {', '} }'],
    ['class A { constructor() {', '} }'],
    ["test('x', () => {", '});'],
    ["test.each([1])('x', async () => {", '});'],
  ])('60 lines pass, 61 do not: %s', (open, close) => {
    expect(largeFunctions(sample(`// ü\n${open}\n${lines(58)}${close}\n`))).toEqual([]);
    expect(largeFunctions(sample(`// ü\n${open}\n${lines(59)}${close}\n`))).toEqual([
      'src/rpc/sample.ts:2: a function of 61 lines, at most 60',
    ]);
  });

  test.each([
    'describe',
    'describe.skip',
    'describe.each([1])',
  ])('the callback of %s may be longer', (name) => {
    expect(largeFunctions(sample(`${name}('x', () => {\n${lines(90)}});\n`))).toEqual([]);
  });

  test('four parameters pass, five do not; "this" is none', () => {
    const text = (list: string) =>
      `class A { m(${list}) { return 1; } }\nfunction f(${list}) { return 1; }\n`;
    expect(largeFunctions(sample(text('this: A, a: 1, b: 1, c: 1, d: 1')))).toEqual([]);
    expect(largeFunctions(sample(text('a: 1, b: 1, c: 1, d: 1, e: 1')))).toHaveLength(2);
  });
});

describe('bans', () => {
  test.each([
    ['const a: any = 1;', 'the type "any"'],
    ['const a = b as any;', 'the type "any"'],
    ['const a = b!.c;', 'non-null "!"'],
    ['let a!: string;', 'definite assignment "!"'],
    ['enum A { b }', 'enum'],
    ['namespace A { export const b = 1; }', 'namespace'],
    ['class A { constructor(readonly a: string) { b(); } }', 'parameter property'],
    ['try { a(); } catch {}', 'empty catch'],
    ['try { a(); } catch { /* nothing */ }', 'empty catch'],
    ['a().catch(() => {});', 'empty catch callback'],
    ['export default 1;', 'default export'],
    ['const a = 1;\nexport { a as default };', 'default export'],
    ["const a = 1;\nexport { default } from './b.ts';", 'default export'],
    ["export * from './a.ts';", 'only re-exports (a barrel)'],
    ["import { a } from './a.ts';\nexport { a };", 'only re-exports (a barrel)'],
    ['const a = process.env.HOME;', 'reads the environment'],
    ["import { env as e } from 'node:process';", 'reads the environment'],
  ])('%s', (text, what) => {
    expect(bannedSyntax(sample(text)).map((line) => line.replace(/^[^ ]+ /, ''))).toEqual([what]);
  });

  test('a list as long as there are people is not spread into a call of Math', () => {
    const text = 'const a = Math.min(0, ...b.map(c));';
    expect(bannedSyntax(sample(text, 'src/queries/sample.ts'))).toEqual([
      'src/queries/sample.ts:1: a list spread into Math',
    ]);
    expect(bannedSyntax(sample(text, 'src/cli/sample.ts'))).toEqual([]);
    expect(bannedSyntax(sample('Math.min(0, b);', 'src/queries/sample.ts'))).toEqual([]);
  });

  test('what looks alike passes', () => {
    const text = `declare module 'x';
      try { a(); } catch (error) { log(error); }
      a().catch(() => undefined);
      export const any = 1;
      export { b } from './b.ts';`;
    expect(bannedSyntax(sample(text))).toEqual([]);
    expect(bannedSyntax(sample('export const a = process.env;', 'src/app/config.ts'))).toEqual([]);
    expect(bannedSyntax(sample('export default { a: 1 };', 'src/console/vite.config.ts'))).toEqual([]);
  });

  test.each([
    'src/rpc/userState.ts',
    'src/Rpc/a.ts',
    'src/a_b.ts',
    'test/utils.ts',
    'src/common/a.ts',
  ])('the name %s is refused', (path) => {
    expect(bannedName(path)).toHaveLength(1);
  });

  test.each([
    'src/rpc/user/state.ts',
    'test/a.test.ts',
    'src/store/sqlite/001-users.sql',
    'bench/run.ts',
  ])('the name %s passes', (path) => {
    expect(bannedName(path)).toEqual([]);
  });

  test.each([
    ['https://registry.npm', 'js.org/a'],
    ['cd /wo', 'rk/here'],
    ['"/tm', 'p/x"'],
    ['see style', '.md'],
    ['written by an A', 'I'],
  ])('the text %s%s is refused', (before, after) => {
    expect(bannedWords({ path: 'a', text: `one\n${before}${after}` })).toHaveLength(1);
  });

  test('harmless words pass', () => {
    const text = 'AIP-193, framework/x, https://example.com/home/, lifestyle.md, mktemp, ./work/';
    expect(bannedWords({ path: 'a', text })).toEqual([]);
  });
});

describe('rooms', () => {
  test.each([
    ['src/domain/a.ts', 'node:crypto'],
    ['src/domain/a.ts', '../store/store.ts'],
    ['src/store/a.ts', '../rpc/b.ts'],
    ['src/store/a.ts', '@bufbuild/protobuf'],
    ['src/store/a.ts', '../../gen/es/a_pb.js'],
    ['src/commands/a.ts', '../store/sqlite.ts'],
    ['src/commands/a.ts', '@connectrpc/connect'],
    ['src/commands/a.ts', 'node:sqlite'],
    ['src/commands/a.ts', 'node:http'],
    ['src/rpc/a.ts', 'pg'],
    ['src/rpc/a.ts', '../../gen/grpc-js/a.ts'],
    ['src/rpc/a.ts', '../app.ts'],
    ['src/rpc/a.ts', '../../package.json'],
    ['src/console/a.ts', '../rpc/b.ts'],
    ['src/attic/a.ts', './b.ts'],
    ['src/launcher.js', './main.ts'],
  ])('%s may not import %s', (path, target) => {
    const forms = [`import { a } from '${target}';`, `import type { a } from '${target}';`];
    const more = [`export { a } from '${target}';`, `const a = await import('${target}');`];
    for (const text of [...forms, ...more]) {
      expect(forbiddenImports(sample(text, path), table)).toHaveLength(1);
    }
  });

  test.each([
    ['src/domain/a.ts', './b.ts'],
    ['src/store/sqlite/a.ts', '../store.ts'],
    ['src/store/a.ts', 'node:sqlite'],
    ['src/commands/a.ts', '../store/store.ts'],
    ['src/rpc/a.ts', '../../gen/es/a_pb.js'],
    ['src/rpc/a.ts', '@connectrpc/connect'],
    ['src/app/app.ts', './store/sqlite.ts'],
    ['src/launcher.js', 'node:fs'],
  ])('%s may import %s', (path, target) => {
    expect(forbiddenImports(sample(`import { a } from '${target}';`, path), table)).toEqual([]);
  });

  test('an import for its side effect is refused', () => {
    expect(forbiddenImports(sample("import './b.ts';"), table)).toHaveLength(1);
  });

  test('a table that cannot be read is an error', () => {
    expect(() => parseRoomTable('no table')).toThrow('has no table');
    expect(() => parseRoomTable('| room | may import |\n|---|---|\n| a | attic |')).toThrow('is no room');
  });

  test('circles are found, however long', () => {
    const a = sample("import type { x } from '../b/x.ts';", 'src/a/x.ts');
    const b = sample("import { x } from '../c/x.ts';", 'src/b/x.ts');
    const c = sample("import { x } from '../a/x.ts';", 'src/c/x.ts');
    expect(roomCycles([a, b, c])).toContain('a → b → c → a');
    expect(roomCycles([a, b])).toEqual([]);
  });

  test.each([
    ['src/rpc/a.ts', "const a = 'SELECT 1 FROM users';"],
    ['src/rpc/a.ts', 'const a = `insert into users values (1)`;'],
    ['src/commands/a.ts', 'const a = new Headers();'],
    ['src/auth/a.ts', 'const a = { code: 403 };'],
    ['src/domain/a.ts', 'const a = Date.now();'],
    ['src/domain/a.ts', 'const a = new Date();'],
    ['src/domain/a.ts', 'async function a() { return 1; }'],
  ])('%s may not hold %s', (path, text) => {
    expect(forbiddenKnowledge(sample(text, path))).toHaveLength(1);
  });

  test.each([
    ['src/store/a.ts', "const a = 'select 1 from users';"],
    ['src/rpc/a.ts', 'const a = { code: 403 };'],
    ['src/domain/a.ts', 'const a = new Date(time);'],
    ['src/main.ts', "const a = 'Delete from here on';"],
  ])('%s may hold %s', (path, text) => {
    expect(forbiddenKnowledge(sample(text, path))).toEqual([]);
  });
});

describe('docs', () => {
  const files = ['README.md', 'src/store/store.ts', 'docs/a.md'];
  const doc = (text: string) => ({ path: 'README.md', text });

  test('paths in backticks exist', () => {
    const there = '`src/store/store.ts` `src/store/` `src/*/store.ts` `store.ts` `src/store/store.ts:12`';
    const others = ' `/v2/users` `application/json` `@connectrpc/connect` `npm start`';
    expect(missingPaths(doc(there + others), files)).toEqual([]);
    expect(missingPaths(doc('`src/store/postgres/postgres.ts` `other.ts` `bench/`'), files)).toHaveLength(3);
  });

  test('a file that a comment names exists', () => {
    const named = (name: string) =>
      strayNames({ path: 'src/a.ts', text: `/**\n * See ${name}.\n */\na();` }, files);
    expect([...named('store.ts'), ...named('store/store.ts')]).toEqual([]);
    expect([...named('ore.ts'), ...named('rpc/store.ts')]).toHaveLength(2);
    expect(strayNames({ path: 'src/a.ts', text: "import { b } from './gone.ts';" }, files)).toEqual([]);
  });

  test('links lead somewhere', () => {
    const read = () => '# One & two\n';
    const good = '[a](docs/a.md) [b](docs/) [c](#one--two) [d](https://example.com)';
    expect(brokenLinks(doc(good), files, read)).toEqual([]);
    expect(brokenLinks(doc('[a](docs/b.md) [c](#three) `[d](x)`'), files, read)).toHaveLength(2);
  });

  test('a dependency needs one version and one reason', () => {
    const reasons = '- `a`: it does what we need\n- `b`, `c`\n';
    expect(unjustifiedDependencies({ dependencies: { a: '1.2.3-beta.4' } }, reasons)).toEqual([]);
    expect(unjustifiedDependencies({ devDependencies: { a: '^1.2.3', b: '1.2.3' } }, reasons)).toHaveLength(
      2,
    );
  });

  test('the error table is read as it is written', () => {
    const head = '| Code | Id | Reason | Text |\n|---|---|---|---|\n';
    const rows = '| `not_found` | `A-1` | `A_B` | gone |\n| aborted | — | C | again |\n\nwords';
    expect(documentedErrors(head + rows)).toEqual([
      { kind: 'not_found', id: 'A-1', reason: 'A_B', text: 'gone' },
      { kind: 'aborted', id: '', reason: 'C', text: 'again' },
    ]);
    expect(() => documentedErrors('')).toThrow('has no table');
  });
});
