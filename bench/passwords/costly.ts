/**
 * What is left of other people's sign-ins while two sign in whose hashes are bcrypt's of cost 14. A closed loop by one client, in
 * turns; the server has one core.
 * `node bench/passwords/costly.ts [--store sqlite] [--seconds 5] [--rounds 5] [--dir FOLDER] [--json] [--help]`.
 */
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import bcrypt from 'bcryptjs';
import { hashPassword } from '../../src/sign-in/password.ts';
import { tellMachine } from '../load/machine.ts';
import { openPost, type Post, perSecond } from '../load/post.ts';
import { userIdOf } from '../load/request.ts';
import { pinned } from '../process.ts';
import { spread } from '../spread.ts';
import { table } from '../table.ts';
import { openHome } from './home.ts';

const bar = 0.7;
const password = 'correct horse';
const workers = 8;
const signersCount = 1_000;
/** One sign-in makes a hash of our own of each: so many are enough for all rounds. */
const costlyCount = 1_000;
const costlyAtOnce = 2;
const leadMs = 500;

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'sqlite' },
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '5' },
    dir: { type: 'string', default: tmpdir() },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);

if (values.help) console.log(help());
else await main();

function help(): string {
  return [
    'Usage: node bench/passwords/costly.ts [options]',
    '  --store KIND  sqlite or postgres (sqlite)',
    '  --seconds N   of each measurement (5)',
    '  --rounds N    pairs of measurements (5)',
    '  --dir PATH    folder of the database (the system’s temporary one)',
    '  --json        the figures as JSON',
  ].join('\n');
}

interface Round {
  /** Sign-ins of the others a second, without and beside. */
  readonly without: number;
  readonly beside: number;
  /** Costly ones that were done meanwhile. */
  readonly costly: number;
}

async function main(): Promise<void> {
  if (pinned) spawnSync('taskset', ['-a', '-c', '-p', '0', String(process.pid)]);
  await using stack = new AsyncDisposableStack();
  stack.use(tellMachine());
  const users = 2 * (signersCount + costlyCount);
  const home = stack.use(await openHome(values.store, { users, dir: values.dir }));
  // Those at odd places are not locked.
  const ids = Array.from({ length: signersCount + costlyCount }, (_, nth) => userIdOf(2 * nth + 1));
  await home.giveHash(ids.slice(0, signersCount), await hashPassword(password));
  await home.giveHash(ids.slice(signersCount), await bcrypt.hash(password, 14));
  const { post } = stack.use(openPost(home.server.port, home.token));
  const costly = ids.slice(signersCount);
  const signIns = () => perSecond({ workers, seconds }, (nth) => signIn(post, ids[nth % signersCount] ?? ''));
  const rounds: Round[] = [];
  for (let round = 0; round <= Number(values.rounds); round += 1) {
    const without = await signIns();
    const { beside, done } = await besideCostly(post, costly, signIns);
    // The first warms up.
    if (round > 0) rounds.push({ without, beside, costly: done });
  }
  print(rounds);
}

function signIn(post: Post, userId: string): Promise<unknown> {
  return post('/v2/sessions', { checks: { user: { userId }, password: { password } } });
}

/** What the others get done while two at once sign in by hashes that cost so much more. */
async function besideCostly(post: Post, costly: string[], measure: () => Promise<number>) {
  let isOver = false;
  let done = 0;
  const one = async () => {
    while (!isOver) {
      const userId = costly.pop();
      if (userId === undefined) throw new Error('nobody is left with a costly hash: fewer rounds');
      await signIn(post, userId);
      done += 1;
    }
  };
  const flood = Promise.all(Array.from({ length: costlyAtOnce }, one));
  await sleep(leadMs);
  const beside = await measure();
  isOver = true;
  await flood;
  return { beside, done };
}

function print(rounds: readonly Round[]): void {
  const ratio = spread(rounds.map(({ beside, without }) => beside / without));
  if (values.json) {
    console.log(JSON.stringify({ bar, ratio, rounds }));
    return;
  }
  const figures = rounds.map(({ without, beside, costly }) =>
    [without, beside, costly].map((figure) => figure.toFixed(1)),
  );
  console.log(table(['sign-ins/s', 'beside two of bcrypt 14', 'of those'], figures));
  const range = `${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)}`;
  console.log(
    `\nsign-ins beside two of bcrypt 14 ÷ without: ${ratio.median.toFixed(2)} (${range}), bar ≥ ${bar}`,
  );
}
