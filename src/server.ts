import type { App } from './app.ts';
import type { ServeConfig } from './config.ts';
import { createDesk } from './rpc/desk.ts';
import { createCorsPolicy } from './server/cors.ts';
import { createDoor } from './server/door.ts';
import { type Listener, startListener } from './server/listener.ts';

export type ServerConfig = Pick<
  ServeConfig,
  | 'host'
  | 'port'
  | 'tls'
  | 'bodyBytesMax'
  | 'timeoutMsMax'
  | 'drainTimeoutMs'
  | 'corsOrigins'
  | 'trustedProxies'
>;

export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  reloadTls(): Promise<void>;
}

const readyTimeoutMs = 2_000;

/** Desk behind door behind listener. Disposing drains: calls in flight finish, within drainTimeoutMs. */
export async function startServer(app: App, config: ServerConfig): Promise<RunningServer> {
  const desk = createDesk(app);
  let listener: Listener | undefined;
  const log = (event: string, fields: Readonly<Record<string, unknown>>) => app.log.info(fields, event);
  const door = createDoor({
    ...desk,
    cors: createCorsPolicy({ allowedOrigins: config.corsOrigins, scheme: config.tls ? 'https' : 'http' }),
    clientAddress: { trustedProxies: config.trustedProxies },
    bodyBytesMax: config.bodyBytesMax,
    timeoutMsMax: config.timeoutMsMax,
    isReady: () => app.store.isReady(),
    isDraining: () => listener?.isDraining() ?? false,
    timeoutMs: readyTimeoutMs,
    log,
  });
  const { host, port, tls, drainTimeoutMs } = config;
  listener = await startListener(door, { host, port, tls, drainTimeoutMs, log });
  const { url, port: boundPort, reloadTls, drain } = listener;
  return {
    url,
    port: boundPort,
    reloadTls,
    async [Symbol.asyncDispose]() {
      door.endStreams();
      await drain();
      door.close();
    },
  };
}
