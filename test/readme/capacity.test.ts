import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { tableWithHeader } from '../tidy/markdown.ts';
import { root } from '../tidy/source.ts';
import { page } from './blocks.ts';

const text = page('docs/capacity.md');
const rows = tableWithHeader(text, ['what', 'figure', 'measured by']) ?? [];
const flowing = text.replaceAll(/\s+/g, ' ');

/** The first number of the row whose text begins so. */
function figure(what: string, nth = 0): number {
  const [, shown = ''] = rows.find(([name]) => name?.startsWith(what)) ?? [];
  return Number(shown.match(/[\d,]+/g)?.[nth]?.replaceAll(',', ''));
}

const grouped = (number: number): string => number.toLocaleString('en-US');
/** As a page rounds it, to so many digits. */
const rounded = (number: number, digits: number): string => grouped(Number(number.toPrecision(digits)));

test('every figure has a command that measures it', () => {
  expect(rows.length).toBeGreaterThanOrEqual(8);
  for (const [what, , by = ''] of rows) {
    const [, path = ''] = /^`(bench\/\S+\.ts)`$/.exec(by) ?? [];
    expect([what, existsSync(join(root, path))]).toEqual([what, true]);
  }
});

test('the sizes on the page are those that its command measures, within a tenth', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', 'bench/sizes.ts'], {
    cwd: root,
  });
  const measured = (what: RegExp): number => Number(what.exec(stdout)?.[1]);
  for (const [what, found] of [
    ['a user with its first event', measured(/^a user with its first event: (\d+) bytes$/m)],
    ['an event', measured(/^an event: (\d+) bytes$/m)],
  ] as const) {
    expect(Math.abs(found - figure(what)) / figure(what)).toBeLessThanOrEqual(0.1);
  }
  expect(measured(/^a password: (\d+) ms of a processor$/m)).toBeGreaterThan(0);
}, 60_000);

describe('what follows from the figures is what stands there', () => {
  const users = 100_000_000;
  const signInsADay = users / 5;
  const signInsASecond = signInsADay / 10 / 3_600;

  test('sign-ins', () => {
    expect(flowing).toContain(
      `Of ${grouped(users)} users a fifth signs in on a day: ${grouped(signInsADay)}`,
    );
    expect(flowing).toContain(`a busy hour gets a tenth, ${rounded(signInsASecond, 2)} a second`);
    const passwordMs = figure('a password');
    expect(flowing).toContain(
      `At ${passwordMs} ms each that is ${Math.round((signInsASecond * passwordMs) / 1_000)} cores`,
    );
  });

  test('writes, within what one PostgreSQL takes', () => {
    const changes = signInsASecond * 3;
    expect(flowing).toContain(`${rounded(changes, 2)} changes a second in the busy hour`);
    expect(changes).toBeLessThan(figure('the same right after a checkpoint'));
  });

  test('locks', () => {
    const locksADay = users / 1_000;
    expect(flowing).toContain(`One user in a thousand locked out a day is ${grouped(locksADay)} locks`);
    const perSecond = (2 * locksADay) / 86_400;
    expect(Math.round(perSecond)).toBe(2);
    expect(perSecond / figure('unlocks on PostgreSQL')).toBeLessThan(1 / 1_000);
  });

  test('the log and the users', () => {
    const bytesADay = signInsADay * figure('an event');
    expect(flowing).toContain(`at ${figure('an event')} bytes are ${(bytesADay / 1e9).toFixed(1)} GB a day`);
    expect(flowing).toContain(`${((bytesADay * 365) / 1e12).toFixed(1)} TB a year`);
    const usersGigabytes = (users * figure('a user with its first event')) / 1e9;
    expect(flowing).toContain(`**Users themselves** are ${rounded(usersGigabytes, 1)} GB`);
  });

  test('moving in', () => {
    const rate = figure('export and import', 1);
    const minutes = users / rate / 60;
    expect(flowing).toContain(`at ${grouped(rate)} users a second takes an hour and forty minutes`);
    expect(Math.round(minutes / 10) * 10).toBe(100);
  });
});
