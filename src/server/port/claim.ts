import { createServer, type Server, type Socket } from 'node:net';
import { createTlsServer, type TlsFiles } from './tls.ts';

/** A port that is ours before there is anybody to answer on it. Disposing gives it back, unless it is served. */
export interface PortClaim extends AsyncDisposable {
  readonly server: Server;
  /** Hands over the connections that have come meanwhile, and every one to come. */
  serve(take: (socket: Socket) => void): void;
}

/** Who connects while the database is opened waits, as long as its client likes; more than these are hung up on. */
const earlyMax = 1_000;

/**
 * Binds the port: what cannot be served is not begun. Rejects with the listener's error where the address is taken,
 * forbidden or not this machine's, with TlsUnusable where the certificate cannot be used.
 */
export async function claimPort(options: {
  readonly host: string;
  readonly port: number;
  readonly tls?: TlsFiles | undefined;
}): Promise<PortClaim> {
  if (options.tls !== undefined) await createTlsServer(options.tls, {});
  // HTTP/1.1 answers a client that has sent its request and closed its half.
  const server = createServer({
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
  });
  const early = new Set<Socket>();
  const keep = (socket: Socket): void => {
    socket.on('error', () => socket.destroy());
    socket.on('close', () => early.delete(socket));
    if (early.size < earlyMax) early.add(socket);
    else socket.destroy();
  };
  server.on('connection', keep);
  await listen(server, options);
  let isServed = false;
  return {
    server,
    serve(take) {
      isServed = true;
      server.off('connection', keep);
      server.on('connection', take);
      for (const socket of early) take(socket);
      early.clear();
    },
    async [Symbol.asyncDispose]() {
      if (isServed) return;
      for (const socket of early) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: 4_096 }, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}
