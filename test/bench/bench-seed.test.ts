import { describe, expect, test } from '@jest/globals';
import { relockPostgres, seedPostgres } from '../../bench/postgres/seed.ts';
import { relock, seed } from '../../bench/seed.ts';
import { openApp } from '../../src/app/app.ts';
import { systemCaller } from '../../src/auth/caller.ts';
import { changeUserState } from '../../src/commands/user-state.ts';
import { parseUserId } from '../../src/domain/ids.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import { createPostgresDatabase } from '../support/postgres.ts';
import { temporaryDatabase } from '../support/temporary.ts';

const users = 20;
const userId = parseUserId('100000000000000004');

describe("a benchmark's rows are what their events make, before, amid and after", () => {
  test('on sqlite', async () => {
    const database = temporaryDatabase();
    const seeded = await seed(database, users);
    await unlockAndVerify(database, async () => relock(seeded));
  });

  test('on postgres', async () => {
    const database = await createPostgresDatabase();
    const seeded = await seedPostgres(database, users);
    await unlockAndVerify(database, async () => {
      expect(await relockPostgres(seeded)).toBe(1);
    });
  });
});

async function unlockAndVerify(database: string, lockAgain: () => Promise<void>): Promise<void> {
  for (const _round of [1, 2]) {
    {
      await using app = await openApp({ database, passwordAttemptsMax: 5, logLevel: 'silent' });
      expect((await verify(app.store)).problems).toEqual([]);
      expect((await app.store.loadUser(userId))?.state).toBe('locked');
      await changeUserState(app, systemCaller('bench'), userId, 'unlock');
      expect((await verify(app.store)).problems).toEqual([]);
    }
    await lockAgain();
  }
}
