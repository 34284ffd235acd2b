import { expect, test } from '@jest/globals';
import { tableWithHeader } from '../tidy/markdown.ts';
import { readSource } from '../tidy/source.ts';
import { page } from './blocks.ts';

const rows = tableWithHeader(page('docs/limits.md'), ['what', 'limit', 'beyond it', 'in the code']) ?? [];

const units: Readonly<Record<string, number>> = { KiB: 1_024, MiB: 1_048_576, s: 1_000 };

/** `128 MiB` → bytes, `30 s` → milliseconds, `300 characters` → 300. */
function parseAmount(text: string): number {
  const [, digits = '', unit = ''] = /^([\d,]+)(?: (\w+))?$/.exec(text) ?? [];
  return Number(digits.replaceAll(',', '')) * (units[unit] ?? 1);
}

/** The number that the file gives the name, by `=` or in an object: a product of literals. */
function codedValue(path: string, name: string): number {
  const given = new RegExp(`\\b${name}\\b(?:: number)?(?: =|:) ([\\d_ *]+)[;,\\s}]`).exec(
    readSource(path).text,
  );
  if (given?.[1] === undefined) throw new Error(`${path} gives ${name} no number`);
  return given[1]
    .split('*')
    .map((factor) => Number(factor.replaceAll('_', '')))
    .reduce((product, factor) => product * factor, 1);
}

test('there are rows', () => {
  expect(rows.length).toBeGreaterThan(20);
});

test.each(rows)('%s: %s', (_, limit = '', beyond = '', place = '') => {
  const [, path = '', name = ''] = /^`(\S+)` `(\w+)`$/.exec(place) ?? [];
  expect(codedValue(path, name)).toBe(parseAmount(limit));
  expect(beyond).not.toBe('');
});
