import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { createPostgresDatabase } from './postgres.ts';

export type StoreKind = 'sqlite' | 'postgres';

/** An empty database of its own, gone when disposed. */
export interface EmptyDatabase extends AsyncDisposable {
  /** What `latchkey serve --db` takes. */
  readonly database: string;
}

/** Every store that the server runs on, for `describe.each`. */
export const stores: readonly (readonly [StoreKind, () => Promise<EmptyDatabase>])[] = [
  ['sqlite', openSqliteFile],
  ['postgres', openPostgresDatabase],
];

/** Throws where there is no such store. */
export function openEmptyDatabase(kind: StoreKind): Promise<EmptyDatabase> {
  const open = stores.find(([name]) => name === kind)?.[1];
  if (open === undefined) throw new Error(`no store ${kind}`);
  return open();
}

/** An empty store alone, without a server; its database goes with it. */
export async function openEmptyStore(kind: StoreKind): Promise<Store> {
  const empty = await openEmptyDatabase(kind);
  const store = await openStore({ database: empty.database });
  return {
    ...store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await empty[Symbol.asyncDispose]();
    },
  };
}

async function openSqliteFile(): Promise<EmptyDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-'));
  return {
    database: join(folder, 'latchkey.db'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

async function openPostgresDatabase(): Promise<EmptyDatabase> {
  return { database: await createPostgresDatabase(), [Symbol.asyncDispose]: () => Promise.resolve() };
}
