import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect, test } from '@jest/globals';
import { type App, openApp } from '../../src/app/app.ts';
import { type FirstRun, firstRun } from '../../src/app/first-run.ts';
import { authenticate } from '../../src/auth/authenticate.ts';
import type { Store } from '../../src/store/store.ts';
import { temporaryDatabase } from '../support/temporary.ts';

const laterMs = 60_000;

async function open(database: string): Promise<App> {
  return openApp({ database, passwordAttemptsMax: 5, logLevel: 'silent' });
}

const run = (app: App, database: string): Promise<FirstRun | undefined> =>
  firstRun(app, { dataFolder: dirname(database), osUser: 'tester', demo: false });

/** An app whose store goes away after so many changes, as a kill would have it. */
function dyingAfter(app: App, changesMax: number): App {
  let changes = 0;
  const guard = <Args extends unknown[], Answer>(write: (...args: Args) => Promise<Answer>) => {
    return async (...args: Args): Promise<Answer> => {
      if (changes >= changesMax) throw new Error('killed');
      changes += 1;
      return write(...args);
    };
  };
  const store: Store = {
    ...app.store,
    append: guard(app.store.append),
    addOrganization: guard(app.store.addOrganization),
  };
  return { ...app, store };
}

test.each([
  0, 1, 2, 3,
])('a first run cut short after %i changes is finished by a later start', async (changes) => {
  const database = temporaryDatabase();
  await using app = await open(database);
  await expect(run(dyingAfter(app, changes), database)).rejects.toThrow('killed');

  const later = { ...app, now: () => Date.now() + laterMs };
  const first = await run(later, database);
  if (first === undefined) throw new Error('the first run was not finished');
  expect(statSync(first.tokenPath).mode & 0o777).toBe(0o600);
  const token = (await readFile(first.tokenPath, 'utf8')).trim();
  const request = { authorization: `Bearer ${token}`, organizationId: undefined, origin: () => ({}) };
  await expect(authenticate(later, request)).resolves.toMatchObject({ grants: [{ role: 'IAM_OWNER' }] });
  await expect(run(later, database)).resolves.toBeUndefined();
});

test('a first run that another server has just begun is left alone', async () => {
  const database = temporaryDatabase();
  await using app = await open(database);
  await expect(run(dyingAfter(app, 1), database)).rejects.toThrow('killed');
  await expect(run(app, database)).resolves.toBeUndefined();
});
