/**
 * What webhooks cost those who unlock, and how long they take: the throughput of unlocks beside a subscription that is busy,
 * their p99 at half load beside 50 receivers that never answer, 10,000 events that waited while a subscription was paused,
 * and a mass lock of 10,000 users told to three receivers. The server has one core; this process and the receivers, the other.
 * Four minutes. `node bench/webhooks.ts [--users 60000] [--seconds 5] [--rounds 5] [--events 10000] [--dir FOLDER] [--json] [--help]`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { drive, type Job, type Load, type Result } from './load/drive.ts';
import { tellMachine, yieldToKernel } from './load/machine.ts';
import { userIdOf } from './load/request.ts';
import { pinned, type ServerProcess, startServer } from './process.ts';
import { relock, type Seeded, seed } from './seed.ts';
import { noiseText, type Spread, spread } from './spread.ts';

const throughputMin = 0.95;
const p99Max = 1.2;
const deadReceivers = 50;
const waitMsMax = 120_000;

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '60000' },
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '5' },
    events: { type: 'string', default: '10000' },
    dir: { type: 'string', default: tmpdir() },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const usage =
  'Usage: node bench/webhooks.ts [--users N] [--seconds N] [--rounds N] [--events N] [--dir PATH] [--json]';

if (values.help) console.log(usage);
else await main();

interface Bench {
  readonly server: ServerProcess;
  readonly seeded: Seeded;
  readonly receiver: Receiver;
}

async function main(): Promise<void> {
  if (pinned) spawnSync('taskset', ['-a', '-c', '-p', '0', String(process.pid)]);
  await using stack = new AsyncDisposableStack();
  stack.use(tellMachine());
  const folder = mkdtempSync(join(values.dir, 'latchkey-webhooks-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const seeded = await seed(join(folder, 'latchkey.db'), Number(values.users));
  const flags = ['--log-level', 'silent', '--outbound-allow', '127.0.0.1'];
  const server = stack.use(await startServer(['src/main.ts', 'serve', '--db', seeded.path, ...flags]));
  yieldToKernel();
  const receiver = stack.use(await startReceiver());
  const bench: Bench = { server, seeded, receiver };
  const busy = await besideBusy(bench);
  const dead = await besideDead(bench);
  const resumed = await afterPause(bench);
  const mass = await massLock(bench);
  if (values.json) console.log(JSON.stringify({ busy, dead, resumed, mass }));
  else print({ busy, dead, resumed, mass });
}

interface Figures {
  readonly busy: { readonly ratio: Spread; readonly without: Spread; readonly delivered: number };
  readonly dead: { readonly ratio: Spread; readonly without: Spread };
  readonly resumed: Told;
  readonly mass: Told;
}

/** How many, in which order, and in how many seconds. */
interface Told {
  readonly events: number;
  readonly inOrder: boolean;
  readonly seconds: number;
}

function print({ busy, dead, resumed, mass }: Figures): void {
  const range = ({ median, min, max }: Spread) =>
    `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
  const told = ({ events, inOrder, seconds }: Told) =>
    `${events} events, ${inOrder ? 'in order' : 'NOT IN ORDER'}, ${seconds.toFixed(1)} s`;
  console.log(
    [
      `unlocks/s beside a busy subscription ÷ without: ${range(busy.ratio)}, bar ≥ ${throughputMin}; ` +
        `without ${busy.without.median.toFixed(0)}/s, noise ${noiseText(busy.without)}, ${busy.delivered} delivered meanwhile`,
      `p99 at half load beside ${deadReceivers} dead receivers ÷ without: ${range(dead.ratio)}, bar ≤ ${p99Max}; ` +
        `without ${dead.without.median.toFixed(0)} µs, noise ${noiseText(dead.without)}`,
      `paused, then resumed: ${told(resumed)}`,
      `a mass lock told to three receivers: ${told(mass)} until the last`,
    ].join('\n'),
  );
}

function job({ server, seeded }: Bench, load: Load): Job {
  const where = { host: '127.0.0.1', port: server.port, transport: 'h2', dialect: 'grpc' } as const;
  const streams = load.kind === 'open' ? 256 : 32;
  const users = { ...seeded.locked, skip: 0 };
  const seconds = Number(values.seconds);
  return { ...where, token: seeded.token, connections: 4, streams, load, warmupSeconds: 1, seconds, users };
}

async function none(): Promise<readonly string[]> {
  return [];
}

/** Half of the users locked anew, which takes the events of the last measurement out of the log: subscriptions come after it. */
async function measure(bench: Bench, load: Load, subscribed: () => Promise<readonly string[]> = none) {
  relock(bench.seeded);
  const hooks = await subscribed();
  const result = await drive(job(bench, load));
  for (const hook of hooks) await call(bench, `DELETE /${hook}`);
  return result;
}

/** Pairs of measurements, without and beside, of which every second begins with the other one. */
async function pairs(bench: Bench, load: Load, subscribed: () => Promise<readonly string[]>) {
  const all: { readonly without: Result; readonly beside: Result }[] = [];
  for (let round = 0; round < Number(values.rounds); round += 1) {
    const first = round % 2 === 0 ? await measure(bench, load) : undefined;
    const beside = await measure(bench, load, subscribed);
    all.push({ without: first ?? (await measure(bench, load)), beside });
  }
  return all;
}

async function besideBusy(bench: Bench): Promise<Figures['busy']> {
  await measure(bench, { kind: 'closed' });
  const all = await pairs(bench, { kind: 'closed' }, async () => [await subscribe(bench, '/busy')]);
  return {
    ratio: spread(all.map(({ without, beside }) => beside.perSecond / without.perSecond)),
    without: spread(all.map(({ without }) => without.perSecond)),
    delivered: bench.receiver.idsAt('/busy').length,
  };
}

async function besideDead(bench: Bench): Promise<Figures['dead']> {
  const fulls: number[] = [];
  for (let nth = 0; nth < 3; nth += 1) fulls.push((await measure(bench, { kind: 'closed' })).perSecond);
  const full = spread(fulls);
  const half: Load = { kind: 'open', ratePerSecond: full.median / 2 };
  // Each has its first event from the load itself, and waits for an answer until it is over.
  const all = await pairs(bench, half, async () => {
    const hooks: string[] = [];
    for (let nth = 0; nth < deadReceivers; nth += 1) hooks.push(await subscribe(bench, '/dead'));
    return hooks;
  });
  return {
    ratio: spread(all.map(({ without, beside }) => beside.p99Us / without.p99Us)),
    without: spread(all.map(({ without }) => without.p99Us)),
  };
}

async function afterPause(bench: Bench): Promise<Told> {
  const { receiver } = bench;
  relock(bench.seeded);
  const hook = await subscribe(bench, '/paused');
  await call(bench, `POST /${hook}/pause`);
  await unlockMany(bench);
  const startedMs = performance.now();
  await call(bench, `POST /${hook}/resume`);
  return told(receiver, ['/paused'], startedMs);
}

async function massLock(bench: Bench): Promise<Told> {
  const paths = ['/one', '/two', '/three'];
  for (const path of paths) await subscribe(bench, path);
  const startedMs = performance.now();
  await lockMany(bench);
  return told(bench.receiver, paths, startedMs);
}

async function told(receiver: Receiver, paths: readonly string[], startedMs: number): Promise<Told> {
  const wanted = Number(values.events);
  const endMs = performance.now() + waitMsMax;
  while (performance.now() < endMs && paths.some((path) => receiver.idsAt(path).length < wanted))
    await sleep(50);
  const seconds = (performance.now() - startedMs) / 1_000;
  const orders = paths.map((path) => [...new Set(receiver.positionsAt(path))]);
  const inOrder = orders.every(
    (order) => order.length === wanted && order.every((one, at) => at === 0 || one > (order[at - 1] ?? 0)),
  );
  return { events: Math.min(...orders.map(({ length }) => length)), inOrder, seconds };
}

async function unlockMany(bench: Bench): Promise<void> {
  const { ok } = await drive({
    ...job(bench, { kind: 'count', requests: Number(values.events) }),
    warmupSeconds: 0,
  });
  if (ok !== Number(values.events)) throw new Error(`${ok} unlocks`);
}

/** Users who were never locked: the odd ones. */
async function lockMany({ server, seeded }: Bench): Promise<void> {
  const headers = { authorization: `Bearer ${seeded.token}`, 'content-type': 'application/json' };
  let next = 0;
  const work = async (): Promise<void> => {
    for (let nth = next++; nth < Number(values.events); nth = next++) {
      const url = `http://127.0.0.1:${server.port}/v2/users/${userIdOf(2 * nth + 1)}/lock`;
      const answer = await fetch(url, { method: 'POST', headers, body: '{}' });
      if (!answer.ok) throw new Error(await answer.text());
      await answer.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: 32 }, work));
}

async function subscribe(bench: Bench, path: string): Promise<string> {
  const body = { url: `${bench.receiver.url}${path}`, eventTypes: ['user.locked', 'user.unlocked'] };
  const { subscription } = (await call(bench, 'POST ', body)) as { subscription: { subscriptionId: string } };
  return subscription.subscriptionId;
}

async function call({ server, seeded }: Bench, what: string, body: object = {}): Promise<unknown> {
  const [method = '', path = ''] = what.split(' ');
  const url = `http://127.0.0.1:${server.port}/latchkey/v1/subscriptions${path}`;
  const headers = { authorization: `Bearer ${seeded.token}`, 'content-type': 'application/json' };
  const sent = method === 'DELETE' ? {} : { body: JSON.stringify(body) };
  const answer = await fetch(url, { method, headers, ...sent });
  if (!answer.ok) throw new Error(`${what}: ${await answer.text()}`);
  return answer.json();
}

interface Receiver extends AsyncDisposable {
  readonly url: string;
  /** Of what came to the path, in the order in which it came. */
  idsAt(path: string): readonly string[];
  positionsAt(path: string): readonly number[];
}

/** Answers at once, but for `/dead`, where it never does. */
async function startReceiver(): Promise<Receiver> {
  const came = new Map<string, { id: string; position: number }[]>();
  const at = (path: string) => came.get(path) ?? [];
  const server = createServer((req, res) => {
    let text = '';
    req.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    req.on('end', () => {
      const { url = '' } = req;
      if (url === '/dead') return;
      const position = Number(/"position":"(\d+)"/.exec(text)?.[1]);
      const list = at(url);
      list.push({ id: String(req.headers['webhook-id']), position });
      came.set(url, list);
      res.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    idsAt: (path) => at(path).map(({ id }) => id),
    positionsAt: (path) => at(path).map(({ position }) => position),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
