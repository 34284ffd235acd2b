import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type StoreKind = 'sqlite';

/** An empty database of its own, gone when disposed. */
export interface EmptyDatabase extends AsyncDisposable {
  /** What `latchkey serve --db` takes. */
  readonly database: string;
}

/** Every store that the server runs on, for `describe.each`. */
export const stores = [['sqlite', openSqliteFile]] as const satisfies readonly (readonly [
  StoreKind,
  () => Promise<EmptyDatabase>,
])[];

/** Throws where there is no such store. */
export function openEmptyDatabase(kind: StoreKind): Promise<EmptyDatabase> {
  const open = stores.find(([name]) => name === kind)?.[1];
  if (open === undefined) throw new Error(`no store ${kind}`);
  return open();
}

async function openSqliteFile(): Promise<EmptyDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-'));
  return {
    database: join(folder, 'latchkey.db'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}
