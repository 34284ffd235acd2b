import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { relockPostgres, seedPostgres } from '../postgres/seed.ts';
import { runSql, startPostgres } from '../postgres/server.ts';
import { type ServerProcess, startServer } from '../process.ts';
import { relock, seed } from '../seed.ts';

export type StoreKind = 'sqlite' | 'postgres';

/** A server on core 1 and its database of seeded users, of whom every second is locked: those at even places. */
export interface Home extends AsyncDisposable {
  readonly server: ServerProcess;
  /** Of a caller who may do all of it. */
  readonly token: string;
  /** Locks everybody again who was unlocked since the last time. */
  relock(): Promise<void>;
  /** Gives the users a password by its hash. */
  giveHash(userIds: readonly string[], hash: string): Promise<void>;
}

/** Throws where the store is none of the two, or does not start. */
export async function openHome(store: string, { users, dir }: { users: number; dir: string }): Promise<Home> {
  if (store !== 'sqlite' && store !== 'postgres') throw new Error('--store is sqlite or postgres');
  await using stack = new AsyncDisposableStack();
  const { database, ...home } = await (store === 'sqlite' ? onSqlite : onPostgres)(stack, { users, dir });
  const server = stack.use(
    await startServer(['src/main.ts', 'serve', '--db', database, '--log-level', 'error']),
  );
  const all = stack.move();
  return { ...home, server, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

type Seeded = Omit<Home, 'server' | keyof AsyncDisposable> & { readonly database: string };

async function onSqlite(
  stack: AsyncDisposableStack,
  { users, dir }: { users: number; dir: string },
): Promise<Seeded> {
  const folder = mkdtempSync(join(dir, 'latchkey-passwords-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const seeded = await seed(join(folder, 'latchkey.db'), users);
  return {
    database: seeded.path,
    token: seeded.token,
    relock: async () => relock(seeded),
    async giveHash(userIds, hash) {
      using db = new DatabaseSync(seeded.path);
      db.exec(hashSql(userIds, hash));
    },
  };
}

async function onPostgres(
  stack: AsyncDisposableStack,
  { users, dir }: { users: number; dir: string },
): Promise<Seeded> {
  // It runs as another user than root, who may not look into folders of ours.
  const postgres = stack.use(await startPostgres({ folder: dir, settings: [] }));
  const seeded = await seedPostgres(await postgres.createDatabase(), users);
  return {
    database: seeded.url,
    token: seeded.token,
    relock: async () => void (await relockPostgres(seeded)),
    giveHash: async (userIds, hash) => void (await runSql(seeded.url, hashSql(userIds, hash))),
  };
}

// Neither ids nor hashes hold a quotation mark.
function hashSql(userIds: readonly string[], hash: string): string {
  const ids = userIds.map((userId) => `'${userId}'`).join(', ');
  return `UPDATE profiles SET password_hash = '${hash}', password_change_required = 0, password_changed_at = 0 WHERE user_id IN (${ids})`;
}
