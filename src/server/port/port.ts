import type { Server, Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { TLSSocket } from 'node:tls';
import { type Account, type Admission, accountOf, costBytes, shareAccount } from '../http/admission.ts';
import type { Connections } from '../http/connections.ts';
import type { ListenerLimits } from '../http/listener-limits.ts';
import type { Turns } from '../http/turns.ts';
import type { Validity } from './certificate.ts';
import { claimPort, type PortClaim } from './claim.ts';
import { type Opening, onOpeningKnown, type WireProtocol } from './first-bytes.ts';
import { refusePlaintext } from './plaintext-refusal.ts';
import { createTlsServer, reloadKeyPair, type TlsFiles } from './tls.ts';

/** Refused by default: a token must not travel in the clear by mistake. */
export type Plaintext = 'refused' | 'allowed';

/** What a port accepts, and who takes it over. */
export interface PortOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsFiles | undefined;
  /** The port, where it was taken before. */
  readonly claim?: PortClaim | undefined;
  /** What becomes of a client that does not speak TLS, on a port that does. */
  readonly plaintext: Plaintext;
  readonly limits: ListenerLimits;
  readonly admission: Admission;
  readonly protocols: Record<WireProtocol, Connections>;
  readonly turns: Turns;
  readonly count: (refusal: string) => void;
}

/** A bound TCP port that hands each connection to the version of HTTP that it speaks. */
export interface Port {
  readonly server: Server;
  /** Every open TCP connection. */
  readonly sockets: ReadonlySet<Socket>;
  sweep(nowMs: number): void;
  /** Accepts no more; resolves once every connection is closed. */
  stop(): Promise<void>;
  /** Of the certificate that is shown; undefined on a port without TLS. */
  validity(): Validity | undefined;
  /** Reads certificate and key again, on a port with TLS. Throws TlsUnusable, and leaves the old pair in use. */
  reloadTls(): Promise<void>;
}

// Beside connections that are counted, those whose place others have and that are not closed yet.
const closingMax = 1_024;

/** Binds the port and begins to accept; rejects where the address is taken or the certificate is bad. */
export async function openPort(options: PortOptions): Promise<Port> {
  const { protocols, turns, count, limits } = options;
  const sockets = new Set<Socket>();
  // Connections that have not said yet what they speak, oldest first, and since when.
  const waiting = new Map<Socket, number>();
  let isStopped = false;

  const accept = (socket: Socket, protocol: WireProtocol): void => {
    const account = accountOf(socket);
    if (isStopped || account === undefined) socket.destroy();
    else protocols[protocol].accept(socket, account);
  };
  const tls = options.tls && (await openTls(options.tls, options, accept));
  const isTlsOnly = tls !== undefined && options.plaintext === 'refused';
  const onOpening = (socket: Socket, opening: Opening): void => {
    // A TLS client on a port without TLS is told by HTTP/1.1, which finds no first line, that it is wrong.
    const protocol = opening === 'http2' ? 'http2' : 'http1';
    if (isTlsOnly && opening !== 'tls') {
      count('plaintext');
      // It goes on waiting, for the client to hang up.
      refusePlaintext(socket, protocol);
      return;
    }
    waiting.delete(socket);
    if (opening === 'tls' && tls !== undefined) tls.server.emit('connection', withoutHalfOpen(socket));
    else accept(socket, protocol);
  };
  const claim = options.claim ?? (await claimPort(options));
  const { server } = claim;
  server.maxConnections = limits.connectionsMax + closingMax;
  server.on('drop', () => count('connectionsMax'));
  claim.serve((socket) => {
    turns.knocked();
    if (!options.admission.open(socket)) return;
    sockets.add(socket);
    waiting.set(socket, performance.now());
    socket.on('error', () => count('socketError'));
    socket.on('close', () => {
      sockets.delete(socket);
      waiting.delete(socket);
    });
    onOpeningKnown(socket, (opening) => onOpening(socket, opening));
  });
  // An error from here on is a failed accept (no descriptors left): the next one may succeed.
  server.on('error', () => count('acceptError'));
  return {
    server,
    sockets,
    sweep: (nowMs) => closeSilent(waiting, nowMs, options),
    stop() {
      isStopped = true;
      for (const socket of sockets) if (waiting.has(socket) || socket.bytesRead === 0) socket.destroy();
      return new Promise((resolve) => {
        server.close(() => resolve());
      });
    },
    validity: () => tls?.validity(),
    reloadTls: async () => tls?.reload(),
  };
}

// Under TLS, whoever closes their half hangs up.
function withoutHalfOpen(socket: Socket): Socket {
  socket.allowHalfOpen = false;
  return socket;
}

/** The end of TLS: its server, and what `Port` says of its certificate. */
interface TlsEnd {
  readonly server: Server;
  validity(): Validity | undefined;
  reload(): Promise<void>;
}

/** Makes the end of TLS for sockets that others accepted; it never listens itself. */
async function openTls(
  files: TlsFiles,
  { limits, count }: PortOptions,
  accept: (socket: TLSSocket, protocol: WireProtocol) => void,
): Promise<TlsEnd> {
  const made = await createTlsServer(files, { handshakeTimeout: limits.firstBytesTimeoutMs });
  const { server } = made;
  let { validity } = made;
  server.on('tlsClientError', (_error: Error, socket: TLSSocket) => {
    count('tlsHandshake');
    // After a handshake that took too long, Node leaves the socket open.
    socket.destroy();
  });
  // Node does not tell which socket a TLS socket stands on.
  const raw = new Map<string, Account>();
  server.on('connection', (socket: Socket) => {
    const account = accountOf(socket);
    const name = peerOf(socket);
    if (account?.take(costBytes.tls) !== true) {
      socket.destroy();
      return;
    }
    raw.set(name, account);
    socket.once('close', () => raw.delete(name));
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    const account = raw.get(peerOf(socket));
    if (account !== undefined) shareAccount(socket, account);
    socket.on('error', () => count('socketError'));
    accept(socket, socket.alpnProtocol === 'h2' ? 'http2' : 'http1');
  });
  return {
    server,
    validity: () => validity,
    async reload() {
      validity = await reloadKeyPair(server, files);
    },
  };
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function closeSilent(waiting: ReadonlyMap<Socket, number>, nowMs: number, options: PortOptions): void {
  for (const [socket, sinceMs] of waiting) {
    if (nowMs - sinceMs < options.limits.firstBytesTimeoutMs) return;
    options.count('firstBytesTimeout');
    socket.destroy();
  }
}
