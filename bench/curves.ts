import { writeFileSync } from 'node:fs';
import type { Arena, Measured } from './arena.ts';
import type { Cell } from './cells.ts';
import { colors, drawPlot, type Series } from './plot.ts';

/** One measured step of a rising load: calls in flight at once, or calls offered a second. */
export interface Step {
  readonly load: number;
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly errors: number;
}

/** Steps by cell: a closed loop with more and more in flight, and constant rates up to nearly each cell's own maximum. */
export interface Curves {
  readonly throughput: Readonly<Record<string, readonly Step[]>>;
  readonly latency: Readonly<Record<string, readonly Step[]>>;
}

const inFlightSteps = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const shareSteps = [0.1, 0.25, 0.5, 0.7, 0.8, 0.9];
const stepSeconds = { warmupSeconds: 0.5, seconds: 1.5 };

/** One pass over all steps, step by step with all cells in each. */
export async function measureCurves(
  arena: Arena,
  cells: readonly Cell[],
  maxima: ReadonlyMap<string, number>,
): Promise<Curves> {
  const throughput = stepsByCell(cells);
  const latency = stepsByCell(cells);
  for (const inFlight of inFlightSteps) {
    console.error(`rising load: ${inFlight} in flight`);
    for (const cell of cells) {
      const result = await arena.measure(cell, { load: { kind: 'closed' }, inFlight, ...stepSeconds });
      throughput[cell.name]?.push(stepOf(inFlight, result));
    }
  }
  for (const share of shareSteps) {
    console.error(`rising load: ${share * 100} % of the maximum`);
    for (const cell of cells) {
      const ratePerSecond = Math.max(1, share * (maxima.get(cell.name) ?? 0));
      const load = { kind: 'open', ratePerSecond } as const;
      const result = await arena.measure(cell, { load, inFlight: 256, ...stepSeconds });
      latency[cell.name]?.push(stepOf(ratePerSecond, result));
    }
  }
  return { throughput, latency };
}

/** Writes bench/throughput.svg and bench/latency.svg. */
export function drawCurves(curves: Curves): void {
  const throughput = drawPlot({
    title: 'Throughput under rising load',
    subtitle: 'One server core, closed loop. Latchkey and plain unlock for real; the others do nothing.',
    xLabel: 'calls in flight',
    yLabel: 'calls a second',
    log: { x: true, y: false },
    series: seriesOf(curves.throughput, (step) => step.perSecond),
  });
  const latency = drawPlot({
    title: 'Latency (p99) under rising load',
    subtitle: 'One server core, constant rate, counted from the moment at which each call was due.',
    xLabel: 'calls offered a second',
    yLabel: 'p99, milliseconds',
    log: { x: true, y: true },
    series: seriesOf(curves.latency, (step) => step.p99Us / 1000),
  });
  writeFileSync(new URL('throughput.svg', import.meta.url), throughput);
  writeFileSync(new URL('latency.svg', import.meta.url), latency);
}

function seriesOf(steps: Readonly<Record<string, readonly Step[]>>, pick: (step: Step) => number): Series[] {
  return Object.entries(steps).map(([name, list], at) => ({
    name,
    color: colors[at % colors.length] ?? colors[0],
    isDashed: !name.startsWith('latchkey'),
    points: list.map((step) => ({ x: step.load, y: pick(step) })),
  }));
}

function stepsByCell(cells: readonly Cell[]): Record<string, Step[]> {
  return Object.fromEntries(cells.map((cell) => [cell.name, []]));
}

function stepOf(load: number, { perSecond, p50Us, p99Us, errors }: Measured): Step {
  return { load, perSecond, p50Us, p99Us, errors };
}
