import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { contentTypes, exposition, formatFor } from './exposition.ts';
import type { Metric } from './registry.ts';

/** Where the metrics can be read. */
export interface MetricsListener extends AsyncDisposable {
  readonly url: string;
}

export interface MetricsListenerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly metrics: readonly Metric[];
  /** Brings what is only asked for when somebody reads up to date. Never rejects. */
  refresh(): Promise<void>;
}

/** Who reads metrics is one or two; more connections are a mistake. */
const connectionsMax = 32;
const requestTimeoutMs = 10_000;
const pack = promisify(gzip);

/** Serves GET /metrics, and nothing else, on an address of its own. Rejects where that is taken. */
export async function startMetricsListener(options: MetricsListenerOptions): Promise<MetricsListener> {
  let refreshing: Promise<void> | undefined;
  // Whoever reads while values are being taken gets those.
  const refresh = () => {
    refreshing ??= options.refresh().finally(() => {
      refreshing = undefined;
    });
    return refreshing;
  };
  const server = createServer(
    { requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs, maxHeaderSize: 8_192 },
    (req, res) => {
      answer(req, res, { ...options, refresh }).catch(() => res.destroy());
    },
  );
  server.maxConnections = connectionsMax;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    url: `http://${host}:${port}/metrics`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(
  req: IncomingMessage,
  res: ServerResponse,
  { metrics, refresh }: MetricsListenerOptions,
): Promise<void> {
  req.resume();
  if (req.method !== 'GET' && req.method !== 'HEAD') {
    res.writeHead(405, { allow: 'GET, HEAD' }).end();
    return;
  }
  if (req.url?.split('?', 1)[0] !== '/metrics') {
    res.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('metrics are at /metrics\n');
    return;
  }
  await refresh();
  const format = formatFor(req.headers.accept);
  const text = exposition(metrics, format);
  const isPacked = /\bgzip\b/.test(req.headers['accept-encoding'] ?? '');
  const body = isPacked ? await pack(text) : Buffer.from(text);
  res.writeHead(200, {
    'content-type': contentTypes[format],
    'content-length': body.length,
    vary: 'accept, accept-encoding',
    ...(isPacked && { 'content-encoding': 'gzip' }),
  });
  res.end(req.method === 'HEAD' ? undefined : body);
}
