import type { Connection, Statement } from './connection.ts';
import { type Pool, withRetries } from './pool.ts';

/** How far the database's clock is ahead of this machine's, for as long as the store is open. */
export interface DatabaseClock extends AsyncDisposable {
  readonly offsetMs: () => number;
}

export interface ClockOptions {
  readonly pool: Pool;
  readonly patienceMs: number;
  /** This machine's clock: milliseconds since 1970. */
  readonly localNow: () => number;
}

const intervalMs = 30_000;
const firstLooks = 3;
/** An answer that took longer says too little of when it was given. */
const roundTripMsMax = 1_000;

/**
 * Looks at the database's clock at the start and every half minute. Servers whose own clocks are seconds apart then
 * agree, to within half a round trip, on whether a lock is over. Throws storeUnavailable where the first look fails;
 * where a later one does, what was known stays.
 */
export async function openClock({ pool, patienceMs, localNow }: ClockOptions): Promise<DatabaseClock> {
  const look = () => withRetries(pool, patienceMs, (connection) => read(connection, localNow));
  const looks: Look[] = [];
  for (let nth = 0; nth < firstLooks; nth += 1) looks.push(await look());
  looks.sort((one, other) => one.roundTripMs - other.roundTripMs);
  let offsetMs = looks[0]?.offsetMs ?? 0;
  let underWay: Promise<void> | undefined;
  const again = async (): Promise<void> => {
    const found = await look().catch(() => undefined);
    if (found !== undefined && found.roundTripMs <= roundTripMsMax) offsetMs = found.offsetMs;
  };
  const timer = setInterval(() => {
    underWay ??= again().finally(() => {
      underWay = undefined;
    });
  }, intervalMs).unref();
  return {
    offsetMs: () => offsetMs,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await underWay;
    },
  };
}

interface Look {
  readonly offsetMs: number;
  readonly roundTripMs: number;
}

// The answer was given somewhere between question and reception: half-way is the best guess.
async function read(connection: Connection, localNow: () => number): Promise<Look> {
  const askedMs = localNow();
  const started = performance.now();
  const [row] = await connection.query(databaseTime);
  const roundTripMs = performance.now() - started;
  return { offsetMs: Math.round((row?.now as number) - askedMs - roundTripMs / 2), roundTripMs };
}

const databaseTime: Statement = {
  name: 'database_time',
  text: 'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now',
};
