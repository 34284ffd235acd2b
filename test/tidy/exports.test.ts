import { expect, test } from '@jest/globals';
import { unusedExports } from './exports.ts';
import { parseSource } from './source.ts';

const unused = (files: Readonly<Record<string, string>>): string[] =>
  unusedExports(Object.entries(files).map(([path, text]) => parseSource({ path, text })));

test.each([
  'export const a = 1;',
  'export function a() {}',
  'export async function a() {}',
  'export class a {}',
  "export { a } from './c.ts';",
  "export type { a } from './c.ts';",
  "export { c as a } from './c.ts';",
])('%s is of no use to anybody, unless another file asks for it', (text) => {
  const other = { 'x/c.ts': 'const c = 1;' };
  expect(unused({ 'x/a.ts': text, ...other })).toEqual(['x/a.ts: nobody imports a']);
  // Its name in its own file, and the same name of another file, are no use of it.
  expect(unused({ 'x/a.ts': `${text} use(a);`, 'x/b.ts': "import { a } from './c.ts';" })).toHaveLength(1);
  for (const use of [
    "import { a } from '../x/a.ts';",
    "import { type a as b } from './a.ts';",
    "export { a as b } from './a.ts'; import { b } from './b.ts';",
    "import * as whole from './a.ts';",
    "const { a } = await import('./a.ts');",
    "type A = typeof import('./a.ts').a;",
  ]) {
    expect(unused({ 'x/a.ts': text, 'x/b.ts': use, ...other })).toEqual([]);
  }
});

test('a type that a signature names may be exported, and what is not exported is nobody’s', () => {
  expect(
    unused({ 'x/a.ts': 'export interface A {} export type B = A; const c = 1; function d() {}' }),
  ).toEqual([]);
});
