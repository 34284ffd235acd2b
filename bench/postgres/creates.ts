/**
 * Users made over REST, on SQLite and on PostgreSQL by turns: `node bench/postgres/creates.ts [--rounds 5] [--seconds 4] [--warm 2]
 * [--in-flight 256] [--users 10000] [--dir FOLDER] [--minutes 10] [--json]`. Nobody has a password, so nothing is hashed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { type ServerProcess, startServer } from '../process.ts';
import { seed } from '../seed.ts';
import { spread } from '../spread.ts';
import { table, whole } from '../table.ts';
import { type Bounded, bounded } from './bounded.ts';
import { machine, settingsText } from './report.ts';
import { seedPostgres } from './seed.ts';
import { startPostgres } from './server.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    warm: { type: 'string', default: '2' },
    'in-flight': { type: 'string', default: '256' },
    users: { type: 'string', default: '10000' },
    dir: { type: 'string', default: tmpdir() },
    minutes: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
  },
});
const ratioMin = 0.5;
let made = 0;

await bounded(Number(values.minutes), main);

interface Contender {
  readonly name: string;
  readonly server: ServerProcess;
  readonly token: string;
  readonly organizationId: string;
  readonly agent: Agent;
  readonly perSecond: number[];
}

async function main({ stack }: Bounded): Promise<void> {
  const users = Number(values.users);
  const folder = mkdtempSync(join(values.dir, 'latchkey-creates-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const postgres = stack.use(await startPostgres({ folder: values.dir, settings: [] }));
  const file = await seed(join(folder, 'latchkey.db'), users);
  const database = await seedPostgres(await postgres.createDatabase(), users);
  const start = async (name: string, db: string, token: string): Promise<Contender> => {
    const server = stack.use(
      await startServer(['src/main.ts', 'serve', '--db', db, '--log-level', 'silent']),
    );
    const agent = new Agent({ keepAlive: true, maxSockets: Number(values['in-flight']) });
    stack.defer(() => agent.destroy());
    const known = { name, server, token, agent, perSecond: [] };
    return { ...known, organizationId: await findOrganization(known) };
  };
  const contenders = [
    await start('SQLite', file.path, file.token),
    await start('PostgreSQL', database.url, database.token),
  ];
  for (const contender of contenders) await measure(contender, Number(values.warm));
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
      contender.perSecond.push(await measure(contender, Number(values.seconds)));
    }
  }
  report(contenders, postgres.settings);
}

type Ask = Pick<Contender, 'server' | 'token' | 'agent'>;

async function ask({ server, token, agent }: Ask, path: string, message: unknown): Promise<string> {
  const body = JSON.stringify(message);
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  request({ port: server.port, host: '127.0.0.1', path, method: 'POST', agent, headers }, (response) => {
    text(response).then((answer) => {
      if (response.statusCode === 200 || response.statusCode === 201) resolve(answer);
      else reject(new Error(`${path}: ${response.statusCode} ${answer}`));
    }, reject);
  })
    .on('error', reject)
    .end(body);
  return promise;
}

async function findOrganization(known: Ask): Promise<string> {
  const answer = await ask(known, '/latchkey.v1.AdminService/ListOrganizations', {});
  return String(JSON.parse(answer).organizations[0]?.organizationId);
}

/** Users made a second, as many asked for at once as --in-flight says. */
async function measure(contender: Contender, seconds: number): Promise<number> {
  const { organizationId } = contender;
  const startedMs = performance.now();
  const endMs = startedMs + seconds * 1_000;
  let answered = 0;
  const one = async () => {
    while (performance.now() < endMs) {
      made += 1;
      const human = {
        profile: { givenName: 'New', familyName: `User ${made}` },
        email: { email: `new-${process.pid}-${made}@made.example`, isVerified: true },
      };
      await ask(contender, '/v2/users/new', { organizationId, human });
      answered += 1;
    }
  };
  await Promise.all(Array.from({ length: Number(values['in-flight']) }, one));
  return answered / ((performance.now() - startedMs) / 1_000);
}

function report(contenders: readonly Contender[], settings: Readonly<Record<string, string>>): void {
  const [file, database] = contenders;
  const ratio = spread(
    (database?.perSecond ?? []).map((value, at) => value / (file?.perSecond[at] ?? Number.NaN)),
  );
  const rounds = Object.fromEntries(contenders.map(({ name, perSecond }) => [name, perSecond]));
  if (values.json) {
    console.log(JSON.stringify({ machine: machine(), settings, ratio, rounds }));
    return;
  }
  const rows = contenders.map(({ name, perSecond }) => {
    const { median, min, max } = spread(perSecond);
    return [name, whole(median), `${whole(min)}–${whole(max)}`];
  });
  const [median, min, max] = [ratio.median, ratio.min, ratio.max].map((value) => value.toFixed(2));
  console.log(settingsText(settings));
  console.log(table(['users made', 'a second', 'min–max'], rows));
  console.log(`PostgreSQL ÷ SQLite: ${median} (${min}–${max}), bar ≥ ${ratioMin}`);
}
