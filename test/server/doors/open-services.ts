import type { DescService } from '@bufbuild/protobuf';
import type { ServiceImpl, Transport } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import type { DeskService } from '../../../src/rpc/desk.ts';
import { createDoor } from '../../../src/server/door.ts';
import { createCorsPolicy } from '../../../src/server/http/cors.ts';
import { startListener } from '../../../src/server/port/listener.ts';

/** Services behind the real door and the real listener, and a gRPC client's way to them. */
export interface OpenServices extends AsyncDisposable {
  readonly url: string;
  readonly transport: Transport;
}

/** Opens the services on a free port of the loopback, with no interceptors. */
export async function openServices(services: readonly DeskService[]): Promise<OpenServices> {
  const log = (): void => undefined;
  const door = createDoor({
    services,
    interceptors: [],
    cors: createCorsPolicy({ allowedOrigins: [], scheme: 'http' }),
    clientAddress: { trustedProxies: [] },
    isReady: async () => true,
    isDraining: () => false,
    timeoutMs: 1000,
    log,
  });
  const listener = await startListener(door, { port: 0, drainTimeoutMs: 1000, log });
  const sessionManager = new Http2SessionManager(listener.url);
  return {
    url: listener.url,
    transport: createGrpcTransport({ baseUrl: listener.url, sessionManager }),
    async [Symbol.asyncDispose]() {
      sessionManager.abort();
      door.endStreams();
      await listener.drain();
      door.close();
    },
  };
}

/** Pairs a service with its functions; the pair is checked here, where the service's own type is still known. */
export function mounted<Service extends DescService>(
  desc: Service,
  implementation: Partial<ServiceImpl<Service>>,
): DeskService {
  return { desc, implementation: implementation as DeskService['implementation'] };
}
