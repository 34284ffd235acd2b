/**
 * Attempts a second, each begun and ended, beside unlocks a second: a closed loop by one client, in turns. The server
 * has one core; this process the other, and PostgreSQL both.
 * `node bench/passwords/attempts.ts [--store sqlite] [--users 20000] [--seconds 2] [--rounds 5] [--dir FOLDER] [--json] [--help]`.
 */
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { tellMachine, yieldToKernel } from '../load/machine.ts';
import { openPost, perSecond } from '../load/post.ts';
import { userIdOf } from '../load/request.ts';
import { pinned } from '../process.ts';
import { spread } from '../spread.ts';
import { table, whole } from '../table.ts';
import { openHome } from './home.ts';

const inFlight = 64;

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'sqlite' },
    users: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
    dir: { type: 'string', default: tmpdir() },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) console.log(help());
else await main();

function help(): string {
  return [
    'Usage: node bench/passwords/attempts.ts [options]',
    '  --store KIND sqlite or postgres (sqlite)',
    '  --users N    users in the database, every second locked (20000)',
    '  --seconds N  of each measurement (2)',
    '  --rounds N   pairs of measurements (5)',
    '  --dir PATH   folder of the database (the system’s temporary one)',
    '  --json       the figures as JSON',
  ].join('\n');
}

async function main(): Promise<void> {
  if (pinned) spawnSync('taskset', ['-a', '-c', '-p', '0', String(process.pid)]);
  await using stack = new AsyncDisposableStack();
  stack.use(tellMachine());
  const users = Number(values.users);
  const home = stack.use(await openHome(values.store, { users, dir: values.dir }));
  yieldToKernel();
  const { post } = stack.use(openPost(home.server.port, home.token));
  const count = users / 2;
  const unlock = (nth: number) => post(`/v2/users/${userIdOf(2 * (nth % count))}/unlock`, {});
  const attempt = async (nth: number) => {
    const { attemptId } = await post('/latchkey/v1/attempts', { userId: userIdOf(2 * (nth % count) + 1) });
    await post(`/latchkey/v1/attempts/${attemptId}/end`, { outcome: 'OUTCOME_SUCCEEDED' });
  };
  // Until the time is over, or nobody is left to be unlocked.
  const loop = { workers: inFlight, seconds: Number(values.seconds), most: count };
  const rounds: { unlocks: number; attempts: number }[] = [];
  for (let round = 0; round <= Number(values.rounds); round += 1) {
    await home.relock();
    const measured = { unlocks: await perSecond(loop, unlock), attempts: await perSecond(loop, attempt) };
    // The first warms up.
    if (round > 0) rounds.push(measured);
  }
  print(rounds);
}

function print(rounds: readonly { readonly unlocks: number; readonly attempts: number }[]): void {
  const ratio = spread(rounds.map(({ attempts, unlocks }) => attempts / unlocks));
  if (values.json) {
    console.log(JSON.stringify({ ratio, rounds }));
    return;
  }
  console.log(
    table(
      ['unlocks/s', 'attempts/s'],
      rounds.map(({ unlocks, attempts }) => [whole(unlocks), whole(attempts)]),
    ),
  );
  const range = `${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)}`;
  console.log(`\nattempts ÷ unlocks: ${ratio.median.toFixed(2)} (${range})`);
}
