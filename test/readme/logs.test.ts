import { expect, test } from '@jest/globals';
import { readSource, repositoryFiles } from '../tidy/source.ts';
import { page } from './blocks.ts';

/** What the sources say to the log, of a text that stands there. */
function messages(): string[] {
  const sources = repositoryFiles().filter((path) => /^src\/(?!cli|console).*\.ts$/.test(path));
  const said = sources.flatMap((path) => {
    const { text } = readSource(path);
    return [...text.matchAll(/\blog(?:\.(?:info|warn|error))?\(\s*(?:\{[^}]*\},\s*|record,\s*)?'([^']+)'/g)];
  });
  return [...new Set(said.map(([, message = '']) => message))].sort();
}

test('every line of the log stands in docs/logs.md', () => {
  const known = page('docs/logs.md');
  expect(messages().length).toBeGreaterThan(20);
  expect(messages().filter((message) => !known.includes(`\`${message}\``))).toEqual([]);
});
