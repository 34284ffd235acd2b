import type { AddressInfo, Server, Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { Admission } from '../http/admission.ts';
import { createTrusted } from '../http/client-address.ts';
import type { Connections } from '../http/connections.ts';
import { defaultLimits, type ListenerLimits, sweepIntervalMs } from '../http/listener-limits.ts';
import { Turns } from '../http/turns.ts';
import { createHttp1Connections, type RequestDoor } from '../http1/connections.ts';
import { createHttp2Sessions, type StreamDoor } from '../http2/sessions.ts';
import { type Validity, watchCertificate } from './certificate.ts';
import type { PortClaim } from './claim.ts';
import type { WireProtocol } from './first-bytes.ts';
import { openPort, type Plaintext, type Port } from './port.ts';
import type { TlsFiles } from './tls.ts';

/** What requests are handed to: one entry for each version of HTTP, both ending in the same handlers. */
export interface Door extends RequestDoor, StreamDoor {}

/** Where to listen, under which limits, and whom to tell. */
export interface ListenerOptions extends Partial<ListenerLimits> {
  /** An address to bind; loopback unless told otherwise. */
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** With it, the port speaks TLS, and plain text only where that is allowed. */
  readonly tls?: TlsFiles | undefined;
  /** The port, where it was taken before there was a door. */
  readonly claim?: PortClaim | undefined;
  /** Beside TLS. Default: refused. */
  readonly plaintext?: Plaintext;
  /** Addresses or CIDR ranges of the proxies in front: their connections are not bounded by address. */
  readonly trustedProxies?: readonly string[];
  /** What a certificate's validity is held against. Default Date.now. */
  readonly now?: () => number;
  /** Hears of the listener's life and, once in each sweep, of how many connections were refused and why. */
  readonly log: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** One open port. */
export interface Listener extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** True from the first call of `drain` on; readiness follows it. */
  isDraining(): boolean;
  /** Of the certificate that clients are shown; undefined where there is none, or Node cannot tell. */
  validity(): Validity | undefined;
  /** Reads certificate and key again; where the new pair is bad, keeps the old one and says so in the log. */
  reloadTls(): Promise<void>;
  /** Accepts no more, lets calls in flight finish within `drainTimeoutMs`, and resolves once all is closed. */
  drain(): Promise<void>;
}

/** Opens one port for HTTP/1.1 and HTTP/2, both ending in the door; rejects where the port or the certificate cannot be had. */
export async function startListener(door: Door, options: ListenerOptions): Promise<Listener> {
  const given: ListenerLimits = { ...defaultLimits, ...options };
  const limits = { ...given, stallTimeoutMs: Math.min(given.stallTimeoutMs, given.idleTimeoutMs) };
  const { host = '127.0.0.1', log, tls, claim, plaintext = 'refused', now = Date.now } = options;
  const refusals = new Map<string, number>();
  const count = (refusal: string): void => {
    refusals.set(refusal, (refusals.get(refusal) ?? 0) + 1);
  };
  const turns = new Turns();
  const onBug = (cause: unknown): void => log('http2.failed', { cause });
  const protocols: Record<WireProtocol, Connections> = {
    http1: createHttp1Connections(door, limits, count),
    http2: createHttp2Sessions(door, { limits, turns, count, onBug }),
  };
  const isTrusted = createTrusted(options.trustedProxies ?? []);
  const admission = new Admission({ ...limits, isTrusted, count });
  const port = await openPort({
    ...{ host, port: options.port, tls, claim, plaintext },
    ...{ limits, admission, protocols, turns, count },
  });

  const lookAtCertificate = watchCertificate({ log, now, validity: port.validity });

  const sweeper = sweepEvery(sweepIntervalMs(limits), (nowMs) => {
    port.sweep(nowMs);
    admission.sweep(nowMs);
    protocols.http1.sweep(nowMs);
    protocols.http2.sweep(nowMs);
    lookAtCertificate();
    if (refusals.size === 0) return;
    log('listener.refused', Object.fromEntries(refusals));
    refusals.clear();
  });

  let drained: Promise<void> | undefined;
  async function close(): Promise<void> {
    log('listener.draining', { connections: port.sockets.size });
    const closed = port.stop();
    protocols.http1.drain();
    protocols.http2.drain();
    const connectionsCut = await cutAfter(closed, port.sockets, limits.drainTimeoutMs);
    clearInterval(sweeper);
    protocols.http1.close();
    protocols.http2.close();
    log('listener.closed', { connectionsCut });
  }
  const drain = (): Promise<void> => {
    drained ??= close();
    return drained;
  };

  return {
    ...addressOf(port.server, tls !== undefined),
    isDraining: () => drained !== undefined,
    validity: port.validity,
    reloadTls: () => reloadTls(port, log).then(lookAtCertificate),
    drain,
    [Symbol.asyncDispose]: drain,
  };
}

// A process that stood still reads what came meanwhile before it judges anybody by that time; once, since one that is always
// late has to judge too.
function sweepEvery(intervalMs: number, sweep: (nowMs: number) => void): NodeJS.Timeout {
  let cameAtMs = performance.now();
  let wasLate = false;
  return setInterval(() => {
    const nowMs = performance.now();
    wasLate = nowMs - cameAtMs > 2 * intervalMs && !wasLate;
    cameAtMs = nowMs;
    if (!wasLate) sweep(nowMs);
  }, intervalMs);
}

async function reloadTls(port: Port, log: ListenerOptions['log']): Promise<void> {
  try {
    await port.reloadTls();
    const validity = port.validity();
    if (validity !== undefined) log('tls.reloaded', { validTo: validity.to.toISOString() });
  } catch (error) {
    log('tls.reload.failed', { error });
  }
}

/** Waits for `closed`, at most this long; then destroys what is left and answers how many that were. */
async function cutAfter(
  closed: Promise<void>,
  sockets: ReadonlySet<Socket>,
  timeoutMs: number,
): Promise<number> {
  let connectionsCut = 0;
  const timer = setTimeout(() => {
    connectionsCut = sockets.size;
    for (const socket of sockets) socket.destroy();
  }, timeoutMs);
  await closed;
  clearTimeout(timer);
  return connectionsCut;
}

function addressOf(server: Server, isTls: boolean): Pick<Listener, 'host' | 'port' | 'url'> {
  const { address, port, family } = parseAddress(server.address());
  const host = family === 'IPv6' ? `[${address}]` : address;
  return { host: address, port, url: `${isTls ? 'https' : 'http'}://${host}:${port}` };
}

function parseAddress(address: AddressInfo | string | null): AddressInfo {
  if (address === null || typeof address === 'string') throw new Error('the listener has no TCP address');
  return address;
}
