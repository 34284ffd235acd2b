/**
 * Attempts a second, each begun and ended, beside unlocks a second: a closed loop by one client, in turns, on SQLite. The
 * server has one core; this process the other.
 * `node bench/attempts.ts [--users 20000] [--seconds 2] [--rounds 5] [--dir FOLDER] [--json] [--help]`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import http2 from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { tellMachine, yieldToKernel } from './load/machine.ts';
import { userIdOf } from './load/request.ts';
import { pinned, startServer } from './process.ts';
import { relock, seed } from './seed.ts';
import { spread } from './spread.ts';
import { table, whole } from './table.ts';

const inFlight = 64;
const connections = 4;

const { values } = parseArgs({
  options: {
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
    'Usage: node bench/attempts.ts [options]',
    '  --users N    users in the database, every second locked (20000)',
    '  --seconds N  of each measurement (2)',
    '  --rounds N   pairs of measurements (5)',
    '  --dir PATH   folder of the database (the system’s temporary one)',
    '  --json       the figures as JSON',
  ].join('\n');
}

type Post = (path: string, message: object) => Promise<Record<string, unknown>>;

async function main(): Promise<void> {
  if (pinned) spawnSync('taskset', ['-a', '-c', '-p', '0', String(process.pid)]);
  await using stack = new AsyncDisposableStack();
  stack.use(tellMachine());
  const folder = mkdtempSync(join(values.dir, 'latchkey-attempts-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const seeded = await seed(join(folder, 'latchkey.db'), Number(values.users));
  const server = stack.use(
    await startServer(['src/main.ts', 'serve', '--db', seeded.path, '--log-level', 'error']),
  );
  yieldToKernel();
  const sessions = Array.from({ length: connections }, () =>
    http2.connect(`http://127.0.0.1:${server.port}`),
  );
  stack.defer(() => {
    for (const session of sessions) session.destroy();
  });
  const post = clientOf(sessions, seeded.token);
  const count = Number(values.users) / 2;
  const unlock = (nth: number) => post(`/v2/users/${userIdOf(2 * (nth % count))}/unlock`, {});
  const attempt = async (nth: number) => {
    const { attemptId } = await post('/latchkey/v1/attempts', { userId: userIdOf(2 * (nth % count) + 1) });
    await post(`/latchkey/v1/attempts/${attemptId}/end`, { outcome: 'OUTCOME_SUCCEEDED' });
  };
  const rounds: { unlocks: number; attempts: number }[] = [];
  for (let round = 0; round <= Number(values.rounds); round += 1) {
    relock(seeded);
    const measured = { unlocks: await perSecond(unlock), attempts: await perSecond(attempt) };
    // The first warms up.
    if (round > 0) rounds.push(measured);
  }
  print(rounds);
}

function clientOf(sessions: readonly http2.ClientHttp2Session[], token: string): Post {
  const headers = {
    ':method': 'POST',
    'content-type': 'application/json',
    authorization: `Bearer ${token}`,
  };
  let sent = 0;
  return (path, message) =>
    new Promise((resolve, reject) => {
      sent += 1;
      const session = sessions[sent % sessions.length] as http2.ClientHttp2Session;
      const stream = session.request({ ...headers, ':path': path });
      let status = 0;
      let text = '';
      stream.setEncoding('utf8');
      stream.on('error', reject);
      stream.on('response', (answer) => {
        status = Number(answer[':status']);
      });
      stream.on('data', (part: string) => {
        text += part;
      });
      stream.on('end', () => {
        if (status === 200) resolve(JSON.parse(text) as Record<string, unknown>);
        else reject(new Error(`${path}: ${status} ${text}`));
      });
      stream.end(JSON.stringify(message));
    });
}

/** Until the time is over, or nobody is left to be unlocked. */
async function perSecond(work: (nth: number) => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  const endMs = startedMs + Number(values.seconds) * 1_000;
  const most = Number(values.users) / 2;
  let [begun, done] = [0, 0];
  const worker = async () => {
    while (performance.now() < endMs && begun < most) {
      begun += 1;
      await work(begun - 1);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return done / ((performance.now() - startedMs) / 1_000);
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
