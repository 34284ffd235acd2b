import { type App, type AppClocks, openApp } from '../../src/app/app.ts';
import { parseServeConfig } from '../../src/app/config.ts';
import { startServer as startRealServer } from '../../src/app/start-server.ts';
import type { Store } from '../../src/store/store.ts';
import { createPeople, type People } from './people.ts';
import { openEmptyDatabase, type StoreKind } from './stores.ts';

/** Time as the server sees it: it stands still until a test moves it. */
export interface Clock {
  /** Milliseconds since 1970, UTC. */
  nowMs: number;
}

/** The whole server as `latchkey serve` runs it, on a port and a database of its own. */
export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Where metrics are read; undefined without `--metrics-listen`. */
  readonly metricsUrl: string | undefined;
  readonly app: App;
  readonly clock: Clock;
  readonly people: People;
}

export interface TestServerOptions {
  /** Default: sqlite. */
  readonly store?: StoreKind;
  /** A database that others are on as well; default: an empty one of its own. */
  readonly database?: string;
  /** Flags of `latchkey serve`, such as `--lockout-attempts`. */
  readonly flags?: readonly string[];
  /** Default: the test's own clock, which stands still. */
  readonly clocks?: AppClocks;
  /** Stands between the server and its store. */
  readonly wrapStore?: (store: Store) => Store;
}

/** What the clock shows at the start. */
export const startMs = Date.UTC(2026, 0, 31, 12, 0, 0, 250);

/** Starts, with an empty database where none is given; disposing drains, closes and deletes that one. */
export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  await using cleanup = new AsyncDisposableStack();
  const database =
    options.database ?? cleanup.use(await openEmptyDatabase(options.store ?? 'sqlite')).database;
  const always = ['--host', '127.0.0.1', '--port', '0', '--db', database];
  const quiet = ['--log-level', 'silent', '--drain-timeout-ms', '1000'];
  // Time stands still here, so a bucket would never be refilled.
  const unlimited = ['--refused-per-second-per-address', '0'];
  const config = parseServeConfig([...always, ...quiet, ...unlimited, ...(options.flags ?? [])]);
  const clock = { nowMs: startMs };
  const opened = cleanup.use(await openApp(config, options.clocks ?? { now: () => clock.nowMs }));
  const store = options.wrapStore?.(opened.store) ?? opened.store;
  const app = { ...opened, store };
  const { url, port, metricsUrl } = cleanup.use(await startRealServer(app, config));
  const whole = cleanup.move();
  return {
    url,
    port,
    metricsUrl,
    app,
    clock,
    people: createPeople({ ...app, store: opened.store }),
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}
