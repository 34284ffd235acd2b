import { setTimeout as delay } from 'node:timers/promises';
import type { IssuerConfig } from '../auth/issuer/config.ts';
import { shareUnderWay } from '../auth/under-way.ts';
import { DomainError } from '../domain/errors.ts';
import { fetchJson } from '../outbound/fetch-json.ts';
import { createConsoleSessions } from '../rpc/console/session.ts';
import { createDesk } from '../rpc/desk.ts';
import { createCallLimits } from '../rpc/limits/call-limits.ts';
import { createDoor } from '../server/door.ts';
import { createCorsPolicy } from '../server/http/cors.ts';
import { limited } from '../server/pages/limited.ts';
import type { Pages } from '../server/pages/page.ts';
import { createPages, type Reference } from '../server/pages/pages.ts';
import type { PortClaim } from '../server/port/claim.ts';
import { type Listener, startListener } from '../server/port/listener.ts';
import { withoutChanges } from '../store/unchanging.ts';
import { startDeliverer } from '../webhooks/deliverer.ts';
import type { App } from './app.ts';
import { shared } from './at-intervals.ts';
import type { ServeConfig } from './config.ts';
import { consolePages } from './console-pages.ts';
import type { MeteredApp } from './metrics.ts';
import { startRunner } from './runs.ts';
import { startSweeper } from './sweep.ts';

export type ServerConfig = Pick<
  ServeConfig,
  | 'host'
  | 'port'
  | 'tls'
  | 'plaintext'
  | 'bodyBytesMax'
  | 'timeoutMsMax'
  | 'idleTimeoutMs'
  | 'drainTimeoutMs'
  | 'shutdownDelayMs'
  | 'corsOrigins'
  | 'trustedProxies'
  | 'callsPerSecondPerToken'
  | 'callsPerSecondPerAddress'
  | 'refusedPerSecondPerAddress'
  | 'oidc'
  | 'metricsListen'
  | 'console'
> &
  Partial<Pick<ServeConfig, 'demo'>>;

export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Where metrics are read; undefined: nowhere. */
  readonly metricsUrl: string | undefined;
  reloadTls(): Promise<void>;
}

const readyTimeoutMs = 2_000;

/** Not needed by most, and a tenth of what a start would load. */
const loadIssuers = () => import('../auth/issuer/issuer.ts');

/**
 * Desk behind door behind listener, on the claimed port where there is one. Disposing is not ready for shutdownDelayMs, then
 * drains: calls in flight finish, within drainTimeoutMs.
 */
export async function startServer(app: App, config: ServerConfig, claim?: PortClaim): Promise<RunningServer> {
  let listener: Listener | undefined;
  let isLeaving = false;
  const isDraining = () => isLeaving || (listener?.isDraining() ?? false);
  const isReady = shared(async () => !isDraining() && (await app.store.isReady()));
  const limits = createCallLimits(config, app.now());
  const issuer = config.oidc && (await openIssuer(config.oidc, app));
  const known = { ...app, limits, issuer };
  const consoleSessions = config.console && createConsoleSessions(known);
  const desk = createDesk({ ...known, consoleSessions }, isReady);
  const log = (event: string, fields: Readonly<Record<string, unknown>>) => {
    const isFailure = 'cause' in fields || 'error' in fields || event === 'tls.not-valid';
    if (event === 'tls.ends-soon') app.log.warn(fields, event);
    else app.log[isFailure ? 'error' : 'info'](fields, event);
  };
  const door = createDoor({
    ...desk,
    rehearsals: () => createDesk({ ...lookingOnly(known), consoleSessions }, isReady).services,
    cors: createCorsPolicy({ allowedOrigins: config.corsOrigins, scheme: config.tls ? 'https' : 'http' }),
    clientAddress: { trustedProxies: config.trustedProxies },
    bodyBytesMax: config.bodyBytesMax,
    timeoutMsMax: config.timeoutMsMax,
    ...{ isReady, isDraining, timeoutMs: readyTimeoutMs },
    measures: app.measures,
    pages: limited(pagesOf(app, config, { sessions: consoleSessions, log }), known),
    log,
  });
  await using cleanup = new AsyncDisposableStack();
  const metered = await startMetrics(app, config, { isReady, log, validity: () => listener?.validity() });
  if (metered !== undefined) cleanup.use(metered);
  const { host, port, tls, plaintext, idleTimeoutMs, drainTimeoutMs, trustedProxies } = config;
  listener = await startListener(door, {
    ...{ host, port, tls, claim, plaintext },
    ...{ idleTimeoutMs, drainTimeoutMs, trustedProxies, log },
  });
  const rest = cleanup.move();
  const background = startBackground(app);
  const { url, port: boundPort, reloadTls, drain } = listener;
  return {
    url,
    port: boundPort,
    reloadTls,
    metricsUrl: metered?.url,
    async [Symbol.asyncDispose]() {
      isLeaving = true;
      desk.shutdown();
      // Balancers ask now and then, and tell each other: until all know, calls still come.
      if (config.shutdownDelayMs > 0) await delay(config.shutdownDelayMs);
      const drained = drain();
      // A turn of the loop for the watchers' last message, before their streams are ended.
      await new Promise(setImmediate);
      door.endStreams();
      await drained;
      await background[Symbol.asyncDispose]();
      door.close();
      // Last, so that what the drain does is still to be read.
      await rest.disposeAsync();
    },
  };
}

/** The same, for a call that may change nothing: neither here nor, by a test message, elsewhere. */
function lookingOnly<Known extends Pick<App, 'store' | 'hooks'>>(known: Known): Known {
  const test = () => Promise.reject(new DomainError('conditionFalse'));
  const store = withoutChanges(known.store);
  shareUnderWay(store, known.store);
  return { ...known, store, hooks: { ...known.hooks, test } };
}

async function openIssuer(config: IssuerConfig, { outbound, now }: App) {
  const { createIssuer } = await loadIssuers();
  const way = outbound.wayTo([config.keysUrl ?? config.issuer]);
  return createIssuer(config, { fetchJson: (url) => fetchJson(way, url), now });
}

function pagesOf(app: App, config: ServerConfig, known: Parameters<typeof consolePages>[2]): Pages {
  return createPages({
    loadReference: () => loadReference(app, config),
    console: consolePages(app, config.console, known),
  });
}

/** Half a megabyte of text that most servers are never asked for. */
async function loadReference(app: App, { demo = false }: ServerConfig): Promise<Reference> {
  const [{ openReference }, { exampleIds }] = await Promise.all([
    import('../reference/reference.ts'),
    import('./example-ids.ts'),
  ]);
  return openReference({ exampleIds: async ({ name }) => (demo ? exampleIds(app, name) : {}), now: app.now });
}

/** What goes on whether anybody calls or not. */
function startBackground(app: App): AsyncDisposable {
  const works = new AsyncDisposableStack();
  works.use(startSweeper(app));
  works.use(startRunner(app));
  works.use(startDeliverer({ ...app, way: app.outbound.wayTo([]), random: Math.random }));
  return works;
}

type Watching = Pick<MeteredApp, 'isReady' | 'log' | 'validity'>;

async function startMetrics(app: App, { metricsListen }: ServerConfig, watching: Watching) {
  const { metrics, store, now } = app;
  if (metrics === undefined || metricsListen === undefined) return undefined;
  const { serveMetrics } = await import('./metrics.ts');
  return serveMetrics({ metrics, store, now, ...watching }, metricsListen);
}
