import { expect, test } from '@jest/globals';
import { repositoryFiles } from '../tidy/source.ts';
import { page } from './blocks.ts';

const rows = page('docs/attacks.md')
  .split('\n')
  .filter((line) => /^\| .* \| `test\//.test(line))
  .map((line) =>
    line
      .split('|')
      .slice(1, 3)
      .map((cell) => cell.trim()),
  );
const files = new Set(repositoryFiles());

test('there are rows', () => {
  expect(rows.length).toBeGreaterThan(30);
});

test.each(rows)('%s: the test is there', (_, tests = '') => {
  const named = [...tests.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path);
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((path) => !files.has(path))).toEqual([]);
});

test('no test of what an attacker does is missing', () => {
  const told = page('docs/attacks.md');
  const missing = [...files].filter(
    (path) => /^test\/(security|fairness|hidden)\/.*\.test\.ts$/.test(path) && !told.includes(path),
  );
  expect(missing).toEqual([
    // Pieces of the above.
    'test/fairness/turns.test.ts',
    'test/hidden/unread.test.ts',
    'test/security/call-limits.test.ts',
    'test/security/security.test.ts',
    'test/security/sizes.test.ts',
  ]);
});
