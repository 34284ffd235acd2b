/** What counting one answer costs, without a server: `node bench/metrics.ts`, five seconds. */
import { createMetrics } from '../src/ops/metrics.ts';

const rounds = 5;
const calls = 5_000_000;
const metrics = createMetrics({ version: '0', node: process.versions.node, store: 'sqlite' });
const answers = metrics.rpcAnswers('grpc', 'zitadel.user.v2.UserService/UnlockUser');

/** Microseconds a call: the clock at its start, and what counts it at its end. */
function measure(): number {
  const startedMs = performance.now();
  for (let call = 0; call < calls; call += 1) answers.answered(0, 200, performance.now());
  return ((performance.now() - startedMs) * 1_000) / calls;
}

measure();
const microseconds = Array.from({ length: rounds }, measure).sort((one, other) => one - other);
const [least, most] = [microseconds[0] ?? 0, microseconds.at(-1) ?? 0];
const median = microseconds[Math.floor(rounds / 2)] ?? 0;
console.log(
  `${median.toFixed(3)} µs a call (${least.toFixed(3)}–${most.toFixed(3)}), of ${rounds} rounds; bar: 0.2`,
);
