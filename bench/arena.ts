import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cell, contenders } from './cells.ts';
import type { Job, Load, Result } from './load/drive.ts';
import { type Generator, type ServerProcess, startGenerator, startServer } from './process.ts';
import { relock, type Seeded, seed } from './seed.ts';

/** How a cell is asked. `inFlight` is the number of calls under way at once. */
export interface Ask {
  readonly load: Load;
  readonly inFlight: number;
  readonly warmupSeconds: number;
  readonly seconds: number;
}

/** A result, with the share of its core that the server used over the whole job. */
export interface Measured extends Result {
  readonly serverCpu: number;
}

/** All contenders running side by side, and one generator; disposing stops everything and deletes the databases. */
export interface Arena extends AsyncDisposable {
  /** `onReady` is told when its users are locked again and the job begins. */
  measure(cell: Cell, ask: Ask, onReady?: () => void): Promise<Measured>;
  /** Where the contender of a cell that unlocks for real keeps its database, and what process it is. */
  homeOf(cell: Cell): { readonly path: string; readonly pid: number };
}

const http2Connections = 4;
const openInFlight = { h1: 256, h2: 1_024 } as const;

/** Starts what the cells need; each contender that unlocks for real gets a database of `users` users in `folder`. */
export async function openArena(
  cells: readonly Cell[],
  options: { readonly users: number; readonly folder?: string | undefined },
): Promise<Arena> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(options.folder ?? tmpdir(), 'latchkey-bench-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const servers = new Map<string, { readonly process: ServerProcess; readonly seeded: Seeded | undefined }>();
  for (const name of new Set(cells.map((cell) => cell.contender))) {
    const { args, isReal } = contenders[name];
    const seeded = isReal ? await seed(join(folder, `${name}.db`), options.users) : undefined;
    const process = await startServer(seeded === undefined ? args : [...args, '--db', seeded.path]);
    servers.set(name, { process: stack.use(process), seeded });
  }
  const generator = stack.use(startGenerator());
  const owned = stack.move();
  return {
    async measure(cell, ask, onReady) {
      const server = servers.get(cell.contender);
      if (server === undefined) throw new Error(`bug: ${cell.contender} was not started`);
      if (server.seeded !== undefined) relock(server.seeded);
      onReady?.();
      return measure(generator, server, jobOf(cell, ask, { ...server, users: options.users }));
    },
    homeOf({ contender }) {
      const server = servers.get(contender);
      if (server?.seeded === undefined) throw new Error(`bug: ${contender} has no database`);
      return { path: server.seeded.path, pid: server.process.pid };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function measure(
  generator: Generator,
  server: { process: ServerProcess },
  job: Job,
): Promise<Measured> {
  const startedMs = performance.now();
  const cpuBefore = server.process.cpuSeconds();
  const result = await generator.run(job);
  const cpuSeconds = server.process.cpuSeconds() - cpuBefore;
  return { ...result, serverCpu: (cpuSeconds * 1000) / (performance.now() - startedMs) };
}

interface Target {
  readonly process: ServerProcess;
  readonly seeded: Seeded | undefined;
  readonly users: number;
}

function jobOf(cell: Cell, ask: Ask, { process, seeded, users }: Target): Job {
  // An open loop that runs out of streams is none: what is due would wait in the generator.
  const inFlight =
    ask.load.kind === 'open' ? Math.max(ask.inFlight, openInFlight[cell.transport]) : ask.inFlight;
  const connections = cell.transport === 'h1' ? inFlight : Math.min(http2Connections, inFlight);
  return {
    host: '127.0.0.1',
    port: process.port,
    transport: cell.transport,
    dialect: cell.dialect,
    token: seeded?.token ?? '200000000000000003.a-secret-as-long-as-a-real-one-is-so-as-to-be-fair',
    connections,
    streams: Math.ceil(inFlight / connections),
    load: ask.load,
    warmupSeconds: ask.warmupSeconds,
    seconds: ask.seconds,
    users: { skip: 0, ...(seeded?.locked ?? { first: 0, step: 1, count: users }) },
  };
}
