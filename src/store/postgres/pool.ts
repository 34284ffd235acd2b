import { DomainError } from '../../domain/errors.ts';
import { type Connection, type ConnectionOptions, createConnector } from './connection.ts';
import { ConnectionLost, isPassing, sqlState } from './error.ts';

/** A bounded number of connections, made when needed and made again when lost. */
export interface Pool extends AsyncDisposable {
  /**
   * Work on a connection that nobody else uses meanwhile. Throws storeUnavailable where none is to be had in time: at
   * once while the database is known to be gone.
   */
  use<Result>(work: (connection: Connection) => Promise<Result>): Promise<Result>;
}

export interface PoolOptions extends ConnectionOptions {
  readonly connectionsMax: number;
  /** How long one call waits for a connection or for the database to come back. */
  readonly patienceMs: number;
}

interface Waiter {
  readonly resolve: (connection: Connection) => void;
  readonly reject: (error: unknown) => void;
  readonly timer: NodeJS.Timeout;
}

const firstBackoffMs = 25;
const backoffMsMax = 1_000;

/** Connects when first asked to. */
export function createPool(options: PoolOptions): Pool {
  const pool = new ConnectionPool(options);
  return {
    async use(work) {
      const connection = await pool.take();
      try {
        return await work(connection);
      } catch (error) {
        // A server that has become a read-only standby, or is closing: the next connection may find the right one.
        if (/^(25006|57P|53300)/.test(sqlState(error) ?? '')) connection.close();
        throw error;
      } finally {
        pool.giveBack(connection);
      }
    },
    [Symbol.asyncDispose]: () => pool.close(),
  };
}

/**
 * The same pool, of which no more than so many connections are used at once by those who come this way: they wait for
 * one another, and the rest of the pool stays for others. Throws storeUnavailable where the wait takes too long.
 */
export function limitPool(
  pool: Pool,
  { usesMax, patienceMs }: { usesMax: number; patienceMs: number },
): Pool {
  const waiting: (() => void)[] = [];
  let uses = 0;
  const turn = (): Promise<void> => {
    uses += 1;
    if (uses <= usesMax) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(go), 1);
        uses -= 1;
        reject(new DomainError('storeUnavailable'));
      }, patienceMs);
      const go = () => {
        clearTimeout(timer);
        resolve();
      };
      waiting.push(go);
    });
  };
  return {
    async use(work) {
      await turn();
      try {
        return await pool.use(work);
      } finally {
        uses -= 1;
        waiting.shift()?.();
      }
    },
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  };
}

class ConnectionPool {
  readonly #options: PoolOptions;
  readonly #connect: () => Promise<Connection>;
  readonly #idle: Connection[] = [];
  readonly #waiting: Waiter[] = [];
  /** Idle, in use or being made. */
  #count = 0;
  #beingMade = 0;
  #failures = 0;
  #downSinceMs: number | undefined;
  #lastError: unknown;
  #retryTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#connect = createConnector(options);
  }

  take(): Promise<Connection> {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (!idle.isLost()) return Promise.resolve(idle);
      this.#count -= 1;
    }
    const { patienceMs } = this.#options;
    if (this.#closed || this.#isGone()) return Promise.reject(this.#unavailable());
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(this.#unavailable());
      }, patienceMs);
      const waiter: Waiter = { resolve, reject, timer };
      this.#waiting.push(waiter);
      this.#grow();
    });
  }

  giveBack(connection: Connection): void {
    if (connection.isLost() || this.#closed) {
      connection.close();
      this.#count -= 1;
      this.#grow();
      return;
    }
    const waiter = this.#waiting.shift();
    if (waiter === undefined) {
      this.#idle.push(connection);
      return;
    }
    clearTimeout(waiter.timer);
    waiter.resolve(connection);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retryTimer);
    for (const { timer, reject } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      reject(this.#unavailable());
    }
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  // Not where some connections live and only further ones are refused.
  #isGone(): boolean {
    if (this.#downSinceMs === undefined || this.#count > this.#beingMade) return false;
    return performance.now() - this.#downSinceMs > this.#options.patienceMs;
  }

  #unavailable(): DomainError {
    return new DomainError('storeUnavailable', { cause: this.#lastError });
  }

  // One connection at a time while the database is down: a herd of attempts is what a starting database needs least.
  #grow(): void {
    if (this.#closed || this.#waiting.length === 0 || this.#retryTimer !== undefined) return;
    if (this.#count >= this.#options.connectionsMax || (this.#failures > 0 && this.#count > 0)) return;
    void this.#open();
  }

  async #open(): Promise<void> {
    this.#count += 1;
    this.#beingMade += 1;
    try {
      const connection = await this.#connect().finally(() => {
        this.#beingMade -= 1;
      });
      this.#failures = 0;
      this.#downSinceMs = undefined;
      clearTimeout(this.#retryTimer);
      this.#retryTimer = undefined;
      this.giveBack(connection);
      this.#grow();
    } catch (error) {
      this.#count -= 1;
      this.#downSinceMs ??= performance.now();
      this.#lastError = error;
      this.#retryLater();
    }
  }

  // Goes on while nobody asks, so that whoever asks first after an outage does not pay for it. Of many that fail together
  // one is tried again: each for itself would be a herd, and all that come back more than there may be.
  #retryLater(): void {
    if (this.#closed || this.#retryTimer !== undefined) return;
    this.#failures += 1;
    const backoffMs = Math.min(firstBackoffMs * 2 ** (this.#failures - 1), backoffMsMax);
    this.#retryTimer = setTimeout(
      () => {
        this.#retryTimer = undefined;
        if (!this.#closed) void this.#open();
      },
      backoffMs * (0.5 + Math.random() / 2),
    );
    this.#retryTimer.unref();
  }
}

const attemptsMax = 10;

/**
 * Work again on another connection where one was lost, and again where it lost a race of transactions or its plan, until it is
 * done, or refused, or patienceMs have passed since the first failure. `mayBeDone` tells the work that an earlier
 * attempt may have been carried out. Reads may ignore it.
 */
export async function withRetries<Result>(
  pool: Pool,
  patienceMs: number,
  work: (connection: Connection, mayBeDone: boolean) => Promise<Result>,
): Promise<Result> {
  let mayBeDone = false;
  let deadlineMs: number | undefined;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await pool.use((connection) => work(connection, mayBeDone));
    } catch (error) {
      const isLost = error instanceof ConnectionLost;
      if (!isLost && !isPassing(error)) throw mayBeDone ? unknown(error) : error;
      mayBeDone ||= isLost;
      const nowMs = performance.now();
      deadlineMs ??= nowMs + patienceMs;
      if (nowMs > deadlineMs || attempt === attemptsMax) throw mayBeDone ? unknown(error) : error;
      if (!isLost) await new Promise((resolve) => setTimeout(resolve, Math.random() * attempt * 4));
    }
  }
}

// Whatever is refused now, an earlier attempt may have done: no refusal can be answered.
function unknown(error: unknown): unknown {
  return error instanceof DomainError
    ? error
    : new ConnectionLost('the outcome is unknown', { cause: error });
}

/** All or nothing: commits where the work answers, rolls back where it throws. */
export async function transaction<Result>(
  connection: Connection,
  begin: string,
  work: () => Promise<Result>,
): Promise<Result> {
  await connection.query({ text: begin });
  try {
    const result = await work();
    await connection.query({ text: 'COMMIT' });
    return result;
  } catch (error) {
    if (!connection.isLost()) await connection.query({ text: 'ROLLBACK' }).catch(() => connection.close());
    throw error;
  }
}
