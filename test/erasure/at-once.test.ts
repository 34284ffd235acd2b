import { expect, test } from '@jest/globals';
import { openApp } from '../../src/app/app.ts';
import { openEmptyDatabase } from '../support/stores.ts';

test('however many ask for the log to be emptied, that is no more work than a few', async () => {
  await using place = await openEmptyDatabase('sqlite');
  await using app = await openApp({ database: place.database, passwordAttemptsMax: 5, logLevel: 'silent' });
  const cpuMsOf = async (howMany: number) => {
    const before = process.cpuUsage();
    const asked = Array.from({ length: howMany }, () => app.store.dropOverwritten());
    expect(await Promise.all(asked)).toEqual(Array<boolean>(howMany).fill(true));
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  };
  await cpuMsOf(1);
  const one = await cpuMsOf(1);
  expect(await cpuMsOf(60)).toBeLessThan(one * 20);
});
