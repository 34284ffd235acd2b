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
  | 'plaintext'
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
  let listener: Listener | undefined;
  const isDraining = () => listener?.isDraining() ?? false;
  const isReady = async () => !isDraining() && (await app.store.isReady());
  const desk = createDesk(app, isReady);
  const log = (event: string, fields: Readonly<Record<string, unknown>>) => app.log.info(fields, event);
  const door = createDoor({
    ...desk,
    cors: createCorsPolicy({ allowedOrigins: config.corsOrigins, scheme: config.tls ? 'https' : 'http' }),
    clientAddress: { trustedProxies: config.trustedProxies },
    bodyBytesMax: config.bodyBytesMax,
    timeoutMsMax: config.timeoutMsMax,
    isReady,
    isDraining,
    timeoutMs: readyTimeoutMs,
    log,
  });
  const { host, port, tls, plaintext, drainTimeoutMs } = config;
  listener = await startListener(door, { host, port, tls, plaintext, drainTimeoutMs, log });
  const { url, port: boundPort, reloadTls, drain } = listener;
  return {
    url,
    port: boundPort,
    reloadTls,
    async [Symbol.asyncDispose]() {
      desk.shutdown();
      const drained = drain();
      // A turn of the loop for the watchers' last message, before their streams are ended.
      await new Promise(setImmediate);
      door.endStreams();
      await drained;
      door.close();
    },
  };
}
