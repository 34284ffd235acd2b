import { type Spread, spread } from './spread.ts';

/** A row of the table of bars: one cell's figure over another's, round by round. */
export interface Ratio {
  readonly row: number;
  readonly of: 'throughput' | 'p99 at half load';
  readonly cell: string;
  readonly by: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** A ratio as measured. */
export interface MeasuredRatio extends Ratio {
  readonly measured: Spread;
  readonly met: boolean;
}

/** Figures by cell, one a round. */
export type Rounds = ReadonlyMap<string, readonly number[]>;

/** The run's own noise, in row 0; what is asked of Latchkey, beside servers that do nothing and a plain one that does the same. */
const ratios: readonly Ratio[] = [
  { row: 0, of: 'throughput', cell: 'bare-http2-again grpc h2', by: 'bare-http2 grpc h2' },
  { row: 0, of: 'p99 at half load', cell: 'bare-http2-again grpc h2', by: 'bare-http2 grpc h2' },
  { row: 1, of: 'throughput', cell: 'latchkey grpc h2', by: 'connect-node grpc h2', atLeast: 5 },
  { row: 2, of: 'throughput', cell: 'latchkey grpc h2', by: 'grpc-js grpc h2', atLeast: 1 },
  {
    row: 3,
    of: 'throughput',
    cell: 'latchkey grpc-web h2',
    by: 'connect-node connect-proto h2',
    atLeast: 2.5,
  },
  {
    row: 3,
    of: 'throughput',
    cell: 'latchkey connect-proto h2',
    by: 'connect-node connect-proto h2',
    atLeast: 2.5,
  },
  { row: 4, of: 'throughput', cell: 'latchkey rest h1', by: 'fastify rest h1', atLeast: 0.6 },
  { row: 4, of: 'throughput', cell: 'latchkey connect-json h1', by: 'fastify rest h1', atLeast: 0.6 },
  { row: 5, of: 'throughput', cell: 'latchkey rest h1', by: 'plain rest h1', atLeast: 2.5 },
  { row: 6, of: 'throughput', cell: 'lane grpc h2', by: 'bare-http2 grpc h2', atLeast: 0.65 },
  { row: 7, of: 'p99 at half load', cell: 'latchkey grpc h2', by: 'grpc-js grpc h2', atMost: 2 },
];

/** The ratios whose two cells were measured; each is the median over rounds of the ratio within a round. */
export function measureRatios(figures: Record<Ratio['of'], Rounds>): MeasuredRatio[] {
  return ratios.flatMap((ratio) => {
    const over = figures[ratio.of].get(ratio.cell);
    const under = figures[ratio.of].get(ratio.by);
    if (over === undefined || under === undefined) return [];
    const measured = spread(over.map((value, round) => value / (under[round] ?? Number.NaN)));
    const { atLeast = 0, atMost = Number.POSITIVE_INFINITY } = ratio;
    return [{ ...ratio, measured, met: measured.median >= atLeast && measured.median <= atMost }];
  });
}
