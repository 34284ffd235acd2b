import { readdir } from 'node:fs/promises';
import { constants, monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { Histogram, type Metric, product, Values } from './registry.ts';

/** What the process says of itself. */
export interface ProcessMetrics extends Disposable {
  readonly metrics: readonly Metric[];
  /** Takes the values as they are now. */
  refresh(): Promise<void>;
}

const gcKinds = ['minor', 'major', 'incremental', 'weakcb'] as const;
const gcSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];
const percentiles = ['50', '90', '99', '100'] as const;

/** From now on watches the event loop and the garbage collector, until disposed. */
export function watchProcess(): ProcessMetrics {
  const gc = new Histogram(
    { name: 'nodejs_gc_duration_seconds', help: 'Pauses of the garbage collector.', unit: 'seconds' },
    { bounds: gcSeconds, rows: product({ kind: gcKinds }) },
  );
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) gc.observe(gcRow(entry), entry.duration / 1_000);
  });
  observer.observe({ entryTypes: ['gc'] });
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  const loop = new Values(
    'gauge',
    {
      name: 'nodejs_eventloop_delay_seconds',
      help: 'How late the event loop came to its work since the metrics were read last.',
      unit: 'seconds',
    },
    product({ percentile: percentiles }),
  );
  const own = ownValues();
  return {
    metrics: [loop, gc, ...Object.values(own)],
    async refresh() {
      for (const [row, percentile] of percentiles.entries()) {
        const delayNs = delay.percentile(Number(percentile));
        // What the timer itself takes is no delay.
        loop.set(row, Math.max(0, delayNs / 1e9 - 0.02));
      }
      delay.reset();
      await refreshOwn(own);
    },
    [Symbol.dispose]() {
      observer.disconnect();
      delay.disable();
    },
  };
}

function gcRow(entry: object): number {
  const detail = 'detail' in entry ? entry.detail : undefined;
  const kind = typeof detail === 'object' && detail !== null && 'kind' in detail ? detail.kind : undefined;
  if (kind === constants.NODE_PERFORMANCE_GC_MAJOR) return 1;
  if (kind === constants.NODE_PERFORMANCE_GC_INCREMENTAL) return 2;
  return kind === constants.NODE_PERFORMANCE_GC_WEAKCB ? 3 : 0;
}

function ownValues() {
  const value = (kind: Values['kind'], name: string, help: string, unit?: 'seconds' | 'bytes') =>
    new Values(kind, { name, help, ...(unit !== undefined && { unit }) });
  const started = value(
    'gauge',
    'process_start_time_seconds',
    'When the process started, since 1970.',
    'seconds',
  );
  started.set(0, performance.timeOrigin / 1_000);
  return {
    started,
    cpu: new Values(
      'counter',
      { name: 'process_cpu_seconds', help: 'Processor time, of all threads.', unit: 'seconds' },
      product({ mode: ['user', 'system'] }),
    ),
    resident: value('gauge', 'process_resident_memory_bytes', 'Memory that the process holds.', 'bytes'),
    heap: value('gauge', 'nodejs_heap_size_used_bytes', 'Heap in use, of the main thread.', 'bytes'),
    files: value('gauge', 'process_open_fds', 'Open files and sockets; only where /proc tells.'),
  };
}

async function refreshOwn({ cpu, resident, heap, files }: ReturnType<typeof ownValues>): Promise<void> {
  const { user, system } = process.cpuUsage();
  cpu.set(0, user / 1e6);
  cpu.set(1, system / 1e6);
  resident.set(0, process.memoryUsage.rss());
  heap.set(0, process.memoryUsage().heapUsed);
  const open = await readdir('/proc/self/fd').catch(() => undefined);
  files.set(0, open?.length ?? Number.NaN);
}
