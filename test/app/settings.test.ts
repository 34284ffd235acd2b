import { describe, expect, test } from '@jest/globals';
import { parseServeConfig } from '../../src/app/config.ts';
import { settings } from '../../src/app/settings.ts';
import { commands } from '../../src/cli/commands.ts';
import { commandHelp } from '../../src/cli/help.ts';

const counts = Object.entries(settings).flatMap(([name, setting]) =>
  'range' in setting ? [{ name, least: setting.range[0], most: setting.range[1] }] : [],
);

describe('a setting that is a number', () => {
  test.each(counts)('--$name takes $least to $most, and says so', ({ name, least, most }) => {
    for (const taken of [least, most])
      expect(() => parseServeConfig([`--${name}`, `${taken}`])).not.toThrow();
    const refused = [most + 1, ...(least > 0 ? [least - 1] : []), '1.5', '-1'];
    for (const value of refused) {
      expect(() => parseServeConfig([`--${name}=${value}`])).toThrow(
        `must be a whole number from ${least} to ${most}, not "${value}"`,
      );
    }
  });

  test('is told with its bounds where help tells of it', () => {
    const serve = commands.find(({ path }) => path === 'serve');
    const help = serve === undefined ? '' : commandHelp(serve);
    for (const { name, least, most } of counts) {
      expect(help).toMatch(new RegExp(`^ +--${name} VALUE .*; ${least} to ${most} \\(LATCHKEY_`, 'm'));
    }
    expect(counts.length).toBeGreaterThan(15);
  });
});
