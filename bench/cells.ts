import type { Dialect } from './load/request.ts';

/** A server process; cells of one contender share it. */
export interface Contender {
  readonly args: readonly string[];
  /** Unlocks for real: gets a database of its own by `--db`, whose users are locked again before each job. */
  readonly isReal: boolean;
}

/** One figure: a contender asked in one dialect over one version of HTTP. */
export interface Cell {
  readonly name: string;
  readonly contender: keyof typeof contenders;
  readonly dialect: Dialect;
  readonly transport: 'h1' | 'h2';
  /** Also measured under rising load, drawn in the plots. */
  readonly isDrawn: boolean;
}

/** Every contender by name. */
export const contenders = {
  'pre-encoded': { args: ['bench/contenders/pre-encoded.ts'], isReal: false },
  'bare-http': { args: ['bench/contenders/bare-http.ts'], isReal: false },
  'bare-http2': { args: ['bench/contenders/bare-http2.ts'], isReal: false },
  // How far apart two figures of the same are: the noise of the run.
  'bare-http2-again': { args: ['bench/contenders/bare-http2.ts'], isReal: false },
  'connect-node': { args: ['bench/contenders/connect-node.ts'], isReal: false },
  'connect-node-http1': { args: ['bench/contenders/connect-node.ts', '--http1'], isReal: false },
  'grpc-js': { args: ['bench/contenders/grpc-js.ts'], isReal: false },
  fastify: { args: ['bench/contenders/fastify.ts'], isReal: false },
  plain: { args: ['bench/contenders/plain.ts'], isReal: true },
  lane: { args: ['bench/contenders/lane.ts'], isReal: false },
  latchkey: { args: ['src/main.ts', 'serve'], isReal: true },
} as const satisfies Record<string, Contender>;

/** Every cell, in the order in which tables show them. */
export const cells: readonly Cell[] = [
  cell('pre-encoded', 'h2', 'grpc'),
  cell('pre-encoded', 'h1', 'rest'),
  drawn('bare-http2', 'h2', 'grpc'),
  drawn('bare-http2-again', 'h2', 'grpc'),
  cell('bare-http2', 'h2', 'connect-proto'),
  drawn('bare-http', 'h1', 'rest'),
  drawn('connect-node', 'h2', 'grpc'),
  cell('connect-node', 'h2', 'grpc-web'),
  cell('connect-node', 'h2', 'connect-proto'),
  cell('connect-node', 'h2', 'connect-json'),
  cell('connect-node-http1', 'h1', 'connect-json'),
  drawn('grpc-js', 'h2', 'grpc'),
  drawn('fastify', 'h1', 'rest'),
  drawn('plain', 'h1', 'rest'),
  cell('lane', 'h2', 'grpc'),
  cell('lane', 'h2', 'grpc-web'),
  cell('lane', 'h2', 'connect-proto'),
  cell('lane', 'h2', 'connect-json'),
  cell('lane', 'h1', 'connect-json'),
  cell('lane', 'h1', 'rest'),
  drawn('latchkey', 'h2', 'grpc'),
  cell('latchkey', 'h2', 'grpc-web'),
  cell('latchkey', 'h2', 'connect-proto'),
  cell('latchkey', 'h2', 'connect-json'),
  cell('latchkey', 'h2', 'rest'),
  cell('latchkey', 'h1', 'connect-json'),
  drawn('latchkey', 'h1', 'rest'),
];

function cell(contender: keyof typeof contenders, transport: 'h1' | 'h2', dialect: Dialect): Cell {
  return { name: `${contender} ${dialect} ${transport}`, contender, dialect, transport, isDrawn: false };
}

function drawn(contender: keyof typeof contenders, transport: 'h1' | 'h2', dialect: Dialect): Cell {
  return { ...cell(contender, transport, dialect), isDrawn: true };
}
