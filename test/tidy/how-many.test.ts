/** Numbers with what they count, wherever people read them: nobody is told of "1 locks". */
import { expect, test } from '@jest/globals';
import { howMany } from '../../src/domain/words/how-many.ts';
import { readSource, repositoryFiles } from './source.ts';

test.each([
  [0, 'lock', undefined, '0 locks'],
  [1, 'lock', undefined, '1 lock'],
  [2, 'lock', undefined, '2 locks'],
  [1, 'person is', 'people are', '1 person is'],
  [21, 'person is', 'people are', '21 people are'],
])('%s %s', (count, one, many, text) => {
  expect(howMany(count, one, many)).toBe(text);
});

/** What is counted in texts; a number of them in braces, right before the word, has been counted by hand. */
const nouns =
  'locks|users|people|persons|organizations|rows|events|runs|problems|links|tokens|roles|sessions|' +
  'passwords|attempts|failures|devices|pages|files|times|minutes|hours|days|seconds';
const byHand = new RegExp(`\\$\\{[^{}]*\\} (?:[a-z]+ )?(?:${nouns})\\b`);
/** Bounds, which are never one; SQL; and a factor. */
const others =
  /Max\}|Min\}|Seconds\}|length \} hosts|AS |JOIN |\bON\b|times as long|has over|wrong passwords lock|=== 1|lists users/;

test('no text of the command line, the console or the law counts by hand', () => {
  const found = repositoryFiles()
    .filter((path) => /^src\/(cli|console|domain|queries|commands)\/.*\.tsx?$/.test(path))
    .flatMap((path) => {
      const lines = readSource(path).text.split('\n');
      return lines
        .filter((line) => byHand.test(line) && !others.test(line))
        .map((line) => `${path}: ${line.trim()}`);
    });
  expect(found).toEqual([]);
});
