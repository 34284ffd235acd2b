import { describe, expect, test } from '@jest/globals';
import { crowdedFolders, fileCircles, parseFolderOrder, sharedPrefixes, upwardImports } from './folders.ts';
import { type Parsed, parseSource } from './source.ts';

// The rules about folders, each shown what it must object to and what it must not, as in rules.test.ts.

const sample = (text: string, path: string): Parsed => parseSource({ path, text });

describe('folders', () => {
  test('28 files pass, 29 do not; folders within do not count', () => {
    const paths = Array.from({ length: 28 }, (_, nth) => `src/a/${'x'.repeat(nth + 1)}.ts`);
    expect(crowdedFolders([...paths, 'src/a/b/y.ts'])).toEqual([]);
    expect(crowdedFolders([...paths, 'src/a/y.ts'])).toEqual(['src/a/: 29 files, at most 28']);
  });

  test('two files may share a prefix, three may not, in src and in test', () => {
    expect(sharedPrefixes(['src/a/lock.ts', 'src/a/lock-end.ts', 'src/b/lock-start.ts'])).toEqual([]);
    expect(
      sharedPrefixes(['src/a/lock.ts', 'src/a/lockout-end.ts', 'src/a/lock.sql', 'src/a/lock-a.ts']),
    ).toEqual([]);
    expect(sharedPrefixes(['src/a/lock.ts', 'src/a/lock-end.ts', 'src/a/lock-start.ts'])).toEqual([
      'src/a/: lock, lock-end, lock-start share "lock"',
    ]);
    expect(sharedPrefixes(['a', 'b', 'c'].map((name) => `test/x/lock-${name}.test.ts`))).toHaveLength(1);
  });

  test('circles of files are found: of two, of three, of types, at any distance', () => {
    const file = (name: string, text: string) => sample(text, `src/a/${name}.ts`);
    const x = file('x', "import type { Y } from './y.ts';");
    const y = file('y', "import { z } from './z.ts';");
    const z = file('z', "export type { X } from './x.ts';");
    const lazy = file('y', "const x = await import('./x.ts');");
    const outside = file('o', "import { x } from './x.ts';");
    expect(fileCircles([x, y, outside])).toEqual([]);
    expect(fileCircles([x, lazy, outside])).toEqual([
      'src/a/x.ts → src/a/y.ts is part of a circle',
      'src/a/y.ts → src/a/x.ts is part of a circle',
    ]);
    expect(fileCircles([x, y, z, outside])).toHaveLength(3);
    expect(fileCircles([file('w', "type W = import('./w.ts').W;")])).toHaveLength(1);
  });

  const order = parseFolderOrder(`
| Inside | From the top down |
|---|---|
| \`server\` | port → http1, http2 → http |
| store | sqlite → store.ts → records.ts |
`);

  test.each([
    ['src/server/http/a.ts', '../port/b.ts'],
    ['src/server/http1/a.ts', '../port/b.ts'],
    ['src/server/http1/a.ts', '../http2/b.ts'],
    ['src/server/http1/deep/a.ts', '../../http2/b.ts'],
    ['src/server/http1/a.ts', '../door.ts'],
    ['src/server/attic/a.ts', '../http/b.ts'],
    ['src/store/store.ts', './sqlite/a.ts'],
    ['src/store/store.ts', './open.ts'],
    ['src/store/records.ts', './store.ts'],
    ['src/store/open.ts', './attic/a.ts'],
  ])('%s may not import %s', (path, target) => {
    for (const text of [`import { a } from '${target}';`, `import type { a } from '${target}';`]) {
      expect(upwardImports(sample(text, path), order)).toHaveLength(1);
    }
  });

  test.each([
    ['src/server/port/a.ts', '../http2/b.ts'],
    ['src/server/http1/a.ts', './b.ts'],
    ['src/server/http1/a.ts', '../../rpc/b.ts'],
    ['src/server/door.ts', './port/b.ts'],
    ['src/server/door.ts', './dispatch.ts'],
    ['src/store/sqlite/a.ts', '../store.ts'],
    ['src/store/open.ts', './store.ts'],
    ['src/store/store.ts', './records.ts'],
    ['src/cli/a.ts', './commands/b.ts'],
  ])('%s may import %s', (path, target) => {
    expect(upwardImports(sample(`import { a } from '${target}';`, path), order)).toEqual([]);
  });

  test('an order that cannot be read is an error', () => {
    expect(() => parseFolderOrder('no table')).toThrow('has no table');
    expect(() => parseFolderOrder('| inside | from the top down |\n|---|---|\n| a | b c → d |')).toThrow(
      'is no order',
    );
  });
});
