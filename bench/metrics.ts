/**
 * What counting costs: the lane with metrics beside the lane without, which answer the same calls in turns, every other
 * round in the other order, a second each: within a few seconds a machine drifts by more than what is looked for. And one
 * answer counted, without a server. The servers have one core, this process the other.
 * `node bench/metrics.ts [--seconds 1] [--rounds 31] [--json] [--help]`: a minute and a half.
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { createMetrics } from '../src/ops/metrics.ts';
import { drive } from './load/drive.ts';
import { tellMachine } from './load/machine.ts';
import { pinned, type ServerProcess, startServer } from './process.ts';
import { noiseText, type Spread, spread } from './spread.ts';

const answerMax = 0.2;
const ratioMin = 0.97;
const answers = 5_000_000;
const answerRounds = 5;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '31' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) console.log('Usage: node bench/metrics.ts [--seconds N] [--rounds N] [--json]');
else await main();

async function main(): Promise<void> {
  if (pinned) spawnSync('taskset', ['-a', '-c', '-p', '0', String(process.pid)]);
  using _machine = tellMachine();
  const answer = measureAnswers();
  const lanes = await measureLanes();
  if (values.json) console.log(JSON.stringify({ answer, ...lanes }));
  else print({ answer, ...lanes });
}

interface Figures {
  readonly answer: Spread;
  readonly ratio: Spread;
  readonly without: Spread;
}

function print({ answer, ratio, without }: Figures): void {
  const range = ({ median, min, max }: Spread, digits: number) =>
    `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
  console.log(
    [
      `counting an answer: ${range(answer, 3)} µs, bar ≤ ${answerMax}`,
      `lane with metrics ÷ without, gRPC: ${range(ratio, 3)}, bar ≥ ${ratioMin}; ` +
        `without ${range(without, 0)} calls/s, noise ${noiseText(without)}`,
    ].join('\n'),
  );
}

/** Microseconds an answer: the clock at its start, and what counts it at its end. */
function measureAnswers(): Spread {
  const metrics = createMetrics({ version: '0', node: process.versions.node, store: 'sqlite' });
  const counter = metrics.rpcAnswers('grpc', 'zitadel.user.v2.UserService/UnlockUser');
  const measure = (): number => {
    const startedMs = performance.now();
    for (let nth = 0; nth < answers; nth += 1) counter.answered(0, 200, performance.now());
    return ((performance.now() - startedMs) * 1_000) / answers;
  };
  measure();
  return spread(Array.from({ length: answerRounds }, measure));
}

async function measureLanes(): Promise<Pick<Figures, 'ratio' | 'without'>> {
  await using stack = new AsyncDisposableStack();
  const lane = 'bench/contenders/lane.ts';
  const plain = stack.use(await startServer([lane]));
  const measured = stack.use(await startServer([lane, '--measured']));
  for (const server of [plain, measured]) await callsASecond(server);
  const pairs: { readonly without: number; readonly beside: number }[] = [];
  for (let round = 0; round < Number(values.rounds); round += 1) {
    const first = round % 2 === 0 ? await callsASecond(plain) : undefined;
    const beside = await callsASecond(measured);
    pairs.push({ without: first ?? (await callsASecond(plain)), beside });
  }
  return {
    ratio: spread(pairs.map(({ without, beside }) => beside / without)),
    without: spread(pairs.map(({ without }) => without)),
  };
}

async function callsASecond({ port }: ServerProcess): Promise<number> {
  const where = { host: '127.0.0.1', port, transport: 'h2', dialect: 'grpc', token: 'none' } as const;
  const users = { first: 1, count: 10_000, step: 1, skip: 0 };
  const load = { kind: 'closed' } as const;
  const seconds = Number(values.seconds);
  const { perSecond, errors } = await drive({
    ...{ ...where, connections: 4, streams: 32, load, warmupSeconds: 0.2, seconds, users },
  });
  if (errors > 0) throw new Error(`${errors} calls failed`);
  return perSecond;
}
