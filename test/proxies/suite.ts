import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openApp } from '../../src/app/app.ts';
import { type ChildServer, standBy } from '../support/child-server.ts';
import { dialects } from '../support/dialects/all.ts';
import { askBare, type Form } from '../support/dialects/bare.ts';
import { freePort } from '../support/listen.ts';
import { createPeople } from '../support/people.ts';
import { historyOf } from '../support/replay.ts';
import { openWire } from '../support/wire.ts';
import { hiddenRequests } from './hidden.ts';
import { type ProxyKind, proxyKinds, type RunningProxy, startProxy } from './proxy.ts';
import { quietStreams } from './quiet.ts';

// Each proxy has a server and a database of its own; what it did is judged, and a line says how.

const quietMs = Number(process.env.PROXIES_QUIET_SECONDS ?? '120') * 1_000;
const loadMs = 2_000;
const recoveryMsMax = 60_000;
let passed = 0;
let failed = 0;

function judge(name: string, problems: readonly string[]): void {
  if (problems.length === 0) passed += 1;
  else failed += 1;
  process.stdout.write(`${problems.length === 0 ? 'ok  ' : 'FAIL'} ${name}\n`);
  for (const problem of problems.slice(0, 10)) process.stdout.write(`     ${problem}\n`);
}

async function attempt(name: string, check: () => Promise<readonly string[]>): Promise<void> {
  judge(name, await check().catch((error: unknown) => [String(error)]));
}

interface Bench extends AsyncDisposable {
  readonly proxy: RunningProxy;
  readonly token: string;
  readonly people: ReturnType<typeof createPeople>;
  readonly history: (
    userId: string,
  ) => Promise<readonly { readonly sequence: number; readonly type: string }[]>;
  restart(): Promise<void>;
}

/** The server behind the proxy, always on the same port. */
async function openBench(kind: ProxyKind): Promise<Bench> {
  await using cleanup = new AsyncDisposableStack();
  const folder = join(process.env.PROXIES_FOLDER ?? '', kind.name);
  const port = await freePort();
  const data = join(folder, 'data');
  const flags = ['--data', data, '--port', String(port), '--trusted-proxies', '127.0.0.1'];
  const serve = (): Promise<ChildServer> => cleanup.use(standBy(flags)).start();
  let server = await serve();
  const token = (await readFile(join(data, 'admin-token'), 'utf8')).trim();
  const app = cleanup.use(
    await openApp({ database: join(data, 'latchkey.db'), passwordAttemptsMax: 5, logLevel: 'silent' }),
  );
  const people = createPeople(app);
  await people.organization('acme');
  const proxy = cleanup.use(await startProxy(kind, { serverPort: port, folder }));
  const whole = cleanup.move();
  return {
    proxy,
    token,
    people,
    history: (userId) => historyOf(app.store, userId),
    async restart() {
      server.kill('SIGTERM');
      const end = await server.exited;
      if (end !== 'exit 0') throw new Error(`the server ended with ${end}`);
      const standby = standBy(flags);
      whole.use(standby);
      server = await standby.start();
    },
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}

const speakers = dialects.filter(({ client }) => client === 'bare');

/** An unlock in every dialect, and a second one, whose refusal must come through as whole. */
async function unaryCalls({ proxy, token, people }: Bench): Promise<readonly string[]> {
  await using wire = openWire(proxy.url);
  const problems: string[] = [];
  for (const speaker of speakers) {
    const userId = await people.user({ organization: 'acme', kind: 'machine', state: 'locked' });
    const ask = { method: 'UnlockUser', message: { userId }, token } as const;
    const unlocked = await askBare(wire, speaker, ask).catch(String);
    const refused = await askBare(wire, speaker, ask).catch(String);
    if (typeof unlocked === 'string' || !unlocked.ok)
      problems.push(`${speaker.name}: ${JSON.stringify(unlocked)}`);
    if (typeof refused === 'string' || refused.ok || refused.code !== 'FailedPrecondition')
      problems.push(`${speaker.name}, refused: ${JSON.stringify(refused)}`);
  }
  return problems;
}

/** What clients did through a proxy, until it is over. */
class Load {
  readonly acknowledged = new Set<string>();
  readonly problems: string[] = [];
  readonly userIds: string[] = [];
  /** Calls of which nobody was told how they ended. */
  doubtful = 0;
  isOver = false;
  readonly #bench: Bench;

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  async talk(speaker: Form & { readonly name: string }): Promise<void> {
    const { proxy, token, people } = this.#bench;
    const userId = await people.user({ organization: 'acme', kind: 'machine' });
    this.userIds.push(userId);
    let wire = openWire(proxy.url);
    for (let turn = 0; !this.isOver; turn += 1) {
      const method = turn % 2 === 0 ? 'LockUser' : 'UnlockUser';
      const sent = askBare(wire, speaker, { method, message: { userId }, token });
      const answer = await Promise.race([sent, delay(answerMsMax, late, { ref: false })]).catch(String);
      if (answer === late) this.problems.push(`${speaker.name}: ${late}`);
      if (typeof answer === 'string') {
        await wire[Symbol.asyncDispose]();
        wire = openWire(proxy.url);
      }
      if (typeof answer !== 'string' && answer.ok) {
        const { sequence } = answer.response.details as { sequence: string };
        this.acknowledged.add(`${userId} ${sequence}`);
      } else if (typeof answer === 'string' || answer.code !== 'FailedPrecondition') {
        this.doubtful += 1;
        await delay(50);
      }
    }
    await wire[Symbol.asyncDispose]();
  }

  /** Holds what was acknowledged against what is recorded. */
  async compare(): Promise<void> {
    const recorded = new Set<string>();
    for (const userId of this.userIds) {
      for (const { sequence, type } of await this.#bench.history(userId))
        if (type !== 'user.machine.added') recorded.add(`${userId} ${sequence}`);
    }
    const lost = [...this.acknowledged].filter((change) => !recorded.has(change));
    this.problems.push(...lost.map((change) => `acknowledged and not recorded: ${change}`));
    const unknown = recorded.size - (this.acknowledged.size - lost.length);
    if (unknown > this.doubtful)
      this.problems.push(`${unknown} changes recorded of which ${this.doubtful} may be unknown`);
  }
}

const answerMsMax = 30_000;
const late = 'no answer in 30 s';

/** What was acknowledged is there, once; what was not is refused in words; and soon every dialect is served again. */
async function restartUnderLoad(bench: Bench): Promise<readonly string[]> {
  const load = new Load(bench);
  const { problems, acknowledged } = load;
  const talking = Promise.all(speakers.map((speaker) => load.talk(speaker)));
  await delay(loadMs);
  const before = acknowledged.size;
  await bench.restart();
  const backAtMs = performance.now();
  while ((await unaryCalls(bench).catch(() => ['lost'])).length > 0) {
    if (performance.now() - backAtMs > recoveryMsMax) {
      problems.push(`not served again after ${recoveryMsMax} ms: ${await unaryCalls(bench).catch(String)}`);
      break;
    }
    await delay(200);
  }
  const recoveredMs = Math.round(performance.now() - backAtMs);
  await delay(loadMs);
  load.isOver = true;
  await talking;
  await load.compare();
  if (before === 0 || acknowledged.size <= before) problems.push('no call was served before or after');
  process.stdout.write(
    `     ${bench.proxy.kind.name}: ${acknowledged.size} changes, ${load.doubtful} calls without an outcome, served again ${recoveredMs} ms after the start\n`,
  );
  return problems;
}

async function suite(kind: ProxyKind): Promise<void> {
  try {
    await using bench = await openBench(kind);
    await attempt(`${kind.name}: an unlock and its refusal in every dialect`, () => unaryCalls(bench));
    await attempt(`${kind.name}: no request hides in another one`, () => {
      const { proxy, token, people, history } = bench;
      return hiddenRequests({
        ...{ url: proxy.url, token },
        user: () => people.user({ organization: 'acme', kind: 'machine' }),
        isLocked: async (userId) => (await history(userId)).some(({ type }) => type === 'user.locked'),
      });
    });
    await attempt(`${kind.name}: ${quietMs / 1_000} quiet seconds of every stream`, () =>
      quietStreams(bench, quietMs),
    );
    await attempt(`${kind.name}: the server restarted under load`, () => restartUnderLoad(bench));
  } catch (error) {
    judge(kind.name, [String(error)]);
  }
}

const only = process.argv.slice(2);
await Promise.all(proxyKinds.filter(({ name }) => only.length === 0 || only.includes(name)).map(suite));
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed > 0 ? 1 : 0);
