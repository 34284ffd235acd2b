import { setTimeout as delay } from 'node:timers/promises';
import { type Backend, type ImportRow, importBatchMax, type UsersToImport } from '../backend.ts';
import { toFailure } from '../failure.ts';
import type { PersonRow } from './person.ts';

export interface Sending {
  readonly backend: Pick<Backend, 'importUsers'>;
  readonly order: Pick<
    UsersToImport,
    'validateOnly' | 'updateExisting' | 'existingOnly' | 'withoutPasswords'
  >;
  /** Where the rows go that name none. */
  readonly organizationOf: (row: PersonRow) => string;
}

/** What became of a row. */
export interface SentRow {
  readonly row: PersonRow;
  readonly result: ImportRow;
}

/** So many batches are under way at once: while one is written, the next is read and decided on. */
const batchesAtOnceMax = 4;
/** Of JSON, which is longer than what is sent: a server takes 256 KiB. */
const batchBytesMax = 192 * 1024;

/** Sends all rows but those with faults, in batches of one organization; answers all of them in their order. */
export async function* send(
  rows: AsyncIterable<PersonRow>,
  sending: Sending,
): AsyncGenerator<readonly SentRow[]> {
  const underWay: Promise<readonly SentRow[]>[] = [];
  for await (const batch of batchesOf(rows, sending)) {
    const sent = sendBatch(sending, batch);
    // It is waited for in its turn: that it failed before is no news.
    sent.catch(() => undefined);
    underWay.push(sent);
    if (underWay.length >= batchesAtOnceMax) yield await taken(underWay);
  }
  while (underWay.length > 0) yield await taken(underWay);
}

async function taken(underWay: Promise<readonly SentRow[]>[]): Promise<readonly SentRow[]> {
  return (await underWay.shift()) ?? [];
}

interface Batch {
  readonly organizationId: string;
  readonly rows: readonly PersonRow[];
}

async function* batchesOf(
  rows: AsyncIterable<PersonRow>,
  { organizationOf }: Sending,
): AsyncGenerator<Batch> {
  let batch: PersonRow[] = [];
  let bytes = 0;
  let organizationId = '';
  for await (const row of rows) {
    const place = organizationOf(row);
    const size = row.user === undefined ? 0 : Buffer.byteLength(JSON.stringify(row.user));
    const isFull = batch.length === importBatchMax || bytes + size > batchBytesMax;
    if (batch.length > 0 && (isFull || place !== organizationId)) {
      yield { organizationId, rows: batch };
      batch = [];
      bytes = 0;
    }
    organizationId = place;
    batch.push(row);
    bytes += size;
  }
  if (batch.length > 0) yield { organizationId, rows: batch };
}

async function sendBatch({ backend, order }: Sending, batch: Batch): Promise<readonly SentRow[]> {
  const users = batch.rows.flatMap(({ user }) => user ?? []);
  const request = { ...order, users, organizationId: batch.organizationId };
  const results = users.length === 0 ? [] : await untilAnswered(() => backend.importUsers(request));
  let next = 0;
  return batch.rows.map((row) => {
    const result = row.user === undefined ? undefined : results[next++];
    if (row.user !== undefined && result === undefined) throw new Error('bug: a user without an answer');
    return { row, result: result ?? { outcome: 'refused', message: row.fault ?? '' } };
  });
}

const triesMax = 30;
const againAfterMs = 1_000;

// It was there before, or nobody knew where the rows go. Whoever was made and never told of is there at the next try, and
// left as they are.
async function untilAnswered<Value>(ask: () => Promise<Value>): Promise<Value> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      const { code } = toFailure(error);
      const isPassing = code === 'unavailable' || code === 'resource_exhausted';
      if (!isPassing || tries === triesMax) throw error;
      await delay(againAfterMs);
    }
  }
}
