import type { Job, Load, Result } from '../load/drive.ts';
import type { Generator, ServerProcess } from '../process.ts';
import { relockPostgres, type SeededPostgres } from './seed.ts';

/** A server that unlocks the users of a seeded database. */
export interface Unlocker {
  readonly server: ServerProcess;
  readonly seeded: SeededPostgres;
  /** gRPC over a few HTTP/2 connections, or REST over HTTP/1.1, a connection for each call in flight. */
  readonly dialect: 'grpc' | 'rest';
}

/** How it is asked. */
export interface UnlockAsk {
  readonly load: Load;
  readonly inFlight: number;
  readonly warmupSeconds: number;
  readonly seconds: number;
  /** How many of the locked users to pass over, so that another round asks for others. */
  readonly skip: number;
}

export interface Unlocked {
  readonly perSecond: number;
  readonly errors: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Shares of one core. */
  readonly serverCpu: number;
  readonly generatorCpu: number;
}

const http2Connections = 4;

/**
 * Asks, counts in the database what was acknowledged, and locks everybody again. Throws where an acknowledged unlock
 * is not there.
 */
export async function measureUnlocks(
  generator: Generator,
  unlocker: Unlocker,
  ask: UnlockAsk,
): Promise<Unlocked> {
  const { server, seeded } = unlocker;
  const startedMs = performance.now();
  const cpuBefore = server.cpuSeconds();
  const result = await unlock(generator, unlocker, ask);
  const serverCpu = ((server.cpuSeconds() - cpuBefore) * 1000) / (performance.now() - startedMs);
  await relockAll(seeded, result.ok);
  const { perSecond, errors, p50Us, p99Us, generatorCpu } = result;
  return { perSecond, errors, p50Us, p99Us, serverCpu, generatorCpu };
}

/** Asks, and leaves unlocked whoever was. */
export function unlock(generator: Generator, unlocker: Unlocker, ask: UnlockAsk): Promise<Result> {
  return generator.run(jobOf(unlocker, ask));
}

/** Locks everybody again. Throws where fewer had been unlocked than was said. */
export async function relockAll(seeded: SeededPostgres, unlockedMin: number): Promise<void> {
  const undone = await relockPostgres(seeded);
  if (undone >= unlockedMin) return;
  throw new Error(`${unlockedMin} unlocks were acknowledged, ${undone} are in the database`);
}

function jobOf({ server, seeded, dialect }: Unlocker, ask: UnlockAsk): Job {
  const connections = dialect === 'rest' ? ask.inFlight : Math.min(http2Connections, ask.inFlight);
  return {
    host: '127.0.0.1',
    port: server.port,
    transport: dialect === 'rest' ? 'h1' : 'h2',
    dialect,
    token: seeded.token,
    connections,
    streams: Math.ceil(ask.inFlight / connections),
    load: ask.load,
    warmupSeconds: ask.warmupSeconds,
    seconds: ask.seconds,
    users: { ...seeded.locked, skip: ask.skip },
  };
}
