import { cpus, loadavg, setPriority, totalmem } from 'node:os';

/** What a figure was measured on, in a line. */
function machineText(): string {
  const processors = cpus();
  const gibibytes = Math.round(totalmem() / 2 ** 30);
  return `${processors.length} × ${processors[0]?.model ?? 'unknown'}, ${gibibytes} GiB, ${process.platform}, Node ${process.versions.node}`;
}

/** Says on stderr where this runs and what else does; disposing says so again. A load of others' makes every figure worthless. */
export function tellMachine(): Disposable {
  const load = () => loadavg().map((average) => average.toFixed(2));
  console.error(`${machineText()}; load before: ${load().join(' ')}`);
  return { [Symbol.dispose]: () => console.error(`load after, ours included: ${load().join(' ')}`) };
}

/**
 * A generator of load watches the clock and never sleeps. At an equal priority the kernel's threads that complete the
 * server's writes wait for it on their way, several milliseconds for each commit; the callers of a real server are elsewhere.
 * Who is started afterwards inherits it.
 */
export function yieldToKernel(): void {
  if (process.platform === 'linux') setPriority(0, 19);
}
