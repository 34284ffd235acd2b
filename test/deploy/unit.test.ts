import { expect, test } from '@jest/globals';
import { readSource } from '../tidy/source.ts';

/** Every value of the unit, under "Section.Key". */
function readUnit(text: string): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  let section = '';
  for (const line of text.split('\n')) {
    const [, heading] = /^\[(\w+)\]$/.exec(line) ?? [];
    if (heading !== undefined) section = heading;
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined) continue;
    const name = `${section}.${key}`;
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  return values;
}

test('the unit of systemd starts after the network, and again for as long as the database is not there', () => {
  const unit = readUnit(readSource('deploy/latchkey.service').text);
  // After alone asks for nothing: it is the wish that has the network waited for.
  expect(unit.get('Unit.Wants')).toEqual(['network-online.target']);
  expect(unit.get('Unit.After')).toEqual(['network-online.target']);
  // No number of starts is too many; these two belong to [Unit], and elsewhere systemd passes over them.
  expect(unit.get('Unit.StartLimitIntervalSec')).toEqual(['0']);
  expect(unit.get('Unit.StartLimitBurst')).toBeUndefined();
  expect(unit.get('Service.Restart')).toEqual(['on-failure']);
  expect(Number(unit.get('Service.RestartSec')?.[0])).toBeGreaterThan(0);
  expect(unit.get('Install.WantedBy')).toEqual(['multi-user.target']);
});
