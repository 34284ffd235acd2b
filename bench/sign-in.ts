/**
 * What sign-ins cost those who unlock: the latency of unlocks at half load, without sign-ins and with 200 a second
 * offered, which is more than the server checks. The server has one core; this process, which makes both loads, the other.
 * `node bench/sign-in.ts [--users 200000] [--seconds 8] [--rounds 5] [--rate 200] [--dir FOLDER] [--json] [--help]`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import http2 from 'node:http2';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import { hashPassword } from '../src/sign-in/password.ts';
import { drive, type Job, type Load, type Result } from './load/drive.ts';
import { userIdOf } from './load/request.ts';
import { pinned, type ServerProcess, startServer } from './process.ts';
import { relock, type Seeded, seed } from './seed.ts';
import { type Spread, spread } from './spread.ts';
import { table, whole } from './table.ts';

const bar = 1.5;
const signersCount = 1_000;
const password = 'correct horse';
const warmupSeconds = 1;

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '200000' },
    seconds: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '5' },
    rate: { type: 'string', default: '200' },
    dir: { type: 'string', default: tmpdir() },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) console.log(help());
else await main();

function help(): string {
  return [
    'Usage: node bench/sign-in.ts [options]',
    '  --users N    users in the database, every second locked (200000)',
    '  --seconds N  of each measurement (8)',
    '  --rounds N   pairs of measurements (5)',
    '  --rate N     sign-ins offered a second (200)',
    '  --dir PATH   folder of the database (the system’s temporary one)',
    '  --json       the figures as JSON',
  ].join('\n');
}

interface Measured {
  readonly without: readonly Result[];
  readonly beside: readonly Result[];
  readonly signIns: Readonly<Record<string, number>>;
}

async function main(): Promise<void> {
  if (pinned) spawnSync('taskset', ['-a', '-c', '-p', '0', String(process.pid)]);
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(values.dir, 'latchkey-sign-in-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const seeded = await seed(join(folder, 'latchkey.db'), Number(values.users));
  await givePasswords(seeded);
  const server = stack.use(
    await startServer(['src/main.ts', 'serve', '--db', seeded.path, '--log-level', 'error']),
  );
  yieldToKernel();
  const measure = (load: Load, seconds: number) => {
    relock(seeded);
    return drive(jobOf({ server, seeded, load, seconds }));
  };
  // More than once: measured in a good moment, its half is nearly all that the server can do in another.
  const fullLoads: number[] = [];
  for (let nth = 0; nth < 5; nth += 1) fullLoads.push((await measure({ kind: 'closed' }, 3)).perSecond);
  const full = spread(fullLoads);
  const half: Load = { kind: 'open', ratePerSecond: full.median / 2 };
  const count = Number(values.rounds);
  const results: Result[] = [];
  // One after the other, not in turns: what waits to be checked at the end of a round would still be there in the next.
  for (let round = 0; round < count; round += 1) results.push(await measure(half, Number(values.seconds)));
  using signIns = offerSignIns(server.port, seeded.token);
  for (let round = 0; round < count; round += 1) results.push(await measure(half, Number(values.seconds)));
  print(full, { without: results.slice(0, count), beside: results.slice(count), signIns: signIns.answers });
}

// Users who are not locked, as the seed has them: the odd ones.
async function givePasswords({ path }: Seeded): Promise<void> {
  const hash = await hashPassword(password);
  using db = new DatabaseSync(path);
  const set = db.prepare(
    'UPDATE profiles SET password_hash = ?, password_change_required = 0, password_changed_at = 0 WHERE user_id = ?',
  );
  db.exec('BEGIN');
  for (let nth = 0; nth < signersCount; nth += 1) set.run(hash, userIdOf(2 * nth + 1));
  db.exec('COMMIT');
}

interface Target {
  readonly server: ServerProcess;
  readonly seeded: Seeded;
  readonly load: Load;
  readonly seconds: number;
}

function jobOf({ server, seeded, load, seconds }: Target): Job {
  const users = { ...seeded.locked, skip: 0 };
  const where = { host: '127.0.0.1', port: server.port, transport: 'h2', dialect: 'grpc' } as const;
  const { token } = seeded;
  // An open loop that runs out of streams is none: what is due would wait in here.
  const streams = load.kind === 'open' ? 256 : 32;
  return { ...where, token, connections: 4, streams, load, warmupSeconds, seconds, users };
}

// This process watches the clock and never sleeps. At an equal priority the kernel's threads that complete the server's
// writes wait for it on their way, several milliseconds for each commit; the callers of a real server are elsewhere. The
// server is started before: it would inherit this.
function yieldToKernel(): void {
  if (process.platform === 'linux') setPriority(0, 19);
}

/** Open loop: each is sent when it is due, whatever the answers do; counted by what they were answered. */
function offerSignIns(port: number, token: string) {
  // More than one: the server bounds what a connection may leave unanswered.
  const sessions = Array.from({ length: 4 }, () => http2.connect(`http://127.0.0.1:${port}`));
  for (const session of sessions) session.on('error', () => undefined);
  const answers: Record<string, number> = {};
  const headers = {
    ':method': 'POST',
    ':path': '/v2/sessions',
    'content-type': 'application/json',
    authorization: `Bearer ${token}`,
  };
  let sent = 0;
  const startedMs = performance.now();
  const timer = setInterval(() => {
    const due = ((performance.now() - startedMs) * Number(values.rate)) / 1_000;
    for (; sent < due; sent += 1) {
      const userId = userIdOf(2 * (sent % signersCount) + 1);
      const stream = (sessions[sent % sessions.length] as http2.ClientHttp2Session).request(headers);
      stream.on('error', () => undefined);
      stream.once('response', ({ ':status': status }) => {
        answers[String(status)] = (answers[String(status)] ?? 0) + 1;
        stream.close();
      });
      stream.end(JSON.stringify({ checks: { user: { userId }, password: { password } } }));
    }
  }, 2);
  return {
    answers,
    [Symbol.dispose]() {
      clearInterval(timer);
      for (const session of sessions) session.destroy();
    },
  };
}

function print(full: Spread, { without, beside, signIns }: Measured): void {
  const usual = spread(without.map(({ p99Us }) => p99Us));
  const ratio = spread(beside.map(({ p99Us }) => p99Us / usual.median));
  if (values.json) {
    console.log(JSON.stringify({ bar, ratio, full, without, beside, signIns }));
    return;
  }
  const rows = [
    ...without.map((result) => ['none', ...figures(result)]),
    ...beside.map((result) => [`${values.rate}/s`, ...figures(result)]),
  ];
  console.log(table(['sign-ins', 'unlocks/s', 'p50 µs', 'p99 µs', 'max µs', 'errors'], rows));
  const range = `${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)}`;
  console.log(
    `\nfull load: ${whole(full.median)} unlocks/s (${whole(full.min)}–${whole(full.max)}); sign-ins by status: ${JSON.stringify(signIns)}`,
  );
  console.log(`p99 beside sign-ins ÷ without: ${ratio.median.toFixed(2)} (${range}), bar ≤ ${bar}`);
}

function figures({ perSecond, p50Us, p99Us, maxUs, errors }: Result): readonly string[] {
  return [perSecond, p50Us, p99Us, maxUs, errors].map(whole);
}
