import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { verify } from '../../src/queries/verify/verify.ts';
import { restDialect } from '../support/dialects/all.ts';
import { askBare } from '../support/dialects/bare.ts';
import { probesOf } from '../support/door.ts';
import { runSql } from '../support/execute.ts';
import { noDisksForOthers } from '../support/own-mounts.ts';
import { makePostgres, type PostgresProcess } from '../support/postgres/process.ts';
import { historyOf } from '../support/replay.ts';
import { startServer } from '../support/start-server.ts';
import { openWire } from '../support/wire.ts';

const diskBytes = 32 * 2 ** 20;
/** More than fit into the pages that a full database still has. */
const changesMax = 5_000;

/** Writes until no byte more fits. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    while (writeSync(file, Buffer.alloc(4_096)) > 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
}

interface SmallPostgres extends AsyncDisposable {
  readonly postgres: PostgresProcess;
  /** Where its small disk stands. */
  readonly folder: string;
  /** URL of a database that is on that disk. */
  readonly database: string;
}

async function startOnDisk(): Promise<SmallPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-disk-'));
  await chmod(folder, 0o755);
  const postgres = await makePostgres({
    password: 'latchkey',
    initdbFlags: ['--encoding=UTF8', '--locale=C.UTF-8'],
    settings: ['listen_addresses=127.0.0.1', 'shared_buffers=64MB'],
    disk: { bytes: diskBytes, folder },
  });
  await postgres.start();
  await runSql(postgres.url, `CREATE TABLESPACE small LOCATION '${folder}'`);
  await runSql(postgres.url, "CREATE DATABASE small ENCODING 'UTF8' TEMPLATE template0 TABLESPACE small");
  return {
    postgres,
    folder,
    database: new URL('/small', postgres.url).href,
    async [Symbol.asyncDispose]() {
      await postgres[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

const onDisk = noDisksForOthers === undefined ? test : test.skip;
const why = noDisksForOthers === undefined ? '' : ` (skipped: ${noDisksForOthers})`;

onDisk(
  `a disk that fills up under PostgreSQL: UNAVAILABLE, nothing lost, and all is well once there is room${why}`,
  async () => {
    await using cleanup = new AsyncDisposableStack();
    const { postgres, folder, database } = cleanup.use(await startOnDisk());
    const server = cleanup.use(await startServer({ database }));
    const wire = cleanup.use(openWire(server.url));
    await server.people.organization('acme');
    const token = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
    const acknowledged = new Map<string, number>();
    for (let nth = 0; nth < 8; nth += 1) {
      acknowledged.set(await server.people.user({ organization: 'acme', kind: 'machine' }), 0);
    }
    /** Locks and unlocks by turns; answers the code. */
    const turn = async (userId: string): Promise<string> => {
      const count = acknowledged.get(userId) ?? 0;
      const method = count % 2 === 0 ? 'LockUser' : 'UnlockUser';
      const { code } = await askBare(wire, restDialect, { method, message: { userId }, token });
      if (code === 'OK') acknowledged.set(userId, count + 1);
      return code;
    };
    const untilRefused = async (userId: string): Promise<string> => {
      for (let changes = 0; changes < changesMax; changes += 1) {
        const code = await turn(userId);
        if (code !== 'OK') return code;
      }
      return 'OK';
    };
    const userIds = [...acknowledged.keys()];

    for (let round = 0; round < 2; round += 1) {
      for (const userId of userIds) expect(await turn(userId)).toBe('OK');
      expect(await probesOf(server.url)).toEqual([200, 'SERVING']);
      const ballast = join(postgres.seen(folder), 'ballast');
      fill(ballast);
      expect(await Promise.all(userIds.map(untilRefused))).toEqual(userIds.map(() => 'Unavailable'));
      expect(await probesOf(server.url)).toEqual([503, 'NOT_SERVING']);
      const [userId = ''] = userIds;
      const read = { method: 'GetUserByID', message: { userId }, token } as const;
      expect((await askBare(wire, restDialect, read)).code).toBe('OK');
      rmSync(ballast);
      expect(await probesOf(server.url)).toEqual([200, 'SERVING']);
      for (const one of userIds) expect(await turn(one)).toBe('OK');
      for (const [one, count] of acknowledged) {
        expect((await historyOf(server.app.store, one)).length).toBe(1 + count);
      }
      expect(await verify(server.app.store)).toMatchObject({ problems: [] });
    }
  },
  60_000,
);
