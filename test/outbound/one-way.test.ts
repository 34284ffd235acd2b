import { expect, test } from '@jest/globals';
import { readSource, repositoryFiles } from '../tidy/source.ts';

/**
 * Runs in a process of its own, for whoever types it; speaks to the database that it was given; runs in a browser, or is
 * text for readers.
 */
const others = /^src\/(outbound|cli|store\/postgres|console|reference\/snippets)\//;
const opens =
  /(?<![.\w])fetch\(|import \{[^}]*\b(request|get|connect|createConnection|Socket|Agent|globalAgent)\b[^}]*\} from 'node:(http|https|http2|net|tls|dgram)'/g;

test('no other part of the server opens a connection', () => {
  const found = repositoryFiles()
    .filter((path) => /^src\/.*\.ts$/.test(path) && !others.test(path))
    .flatMap((path) => {
      const text = readSource(path).text.replace(/^import type .*$/gm, '');
      return [...text.matchAll(opens)].map(([what]) => `${path}: ${what}`);
    });
  // Taken as a type, beside a value.
  expect(found.filter((line) => !/type Socket\b/.test(line))).toEqual([]);
});
