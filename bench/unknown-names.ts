/**
 * Memory under a flood of names that nobody has: asks to sign in as so many distinct ones, every thousandth with a
 * password, and prints how much the server grew. `node bench/unknown-names.ts [--names 1000000] [--dir FOLDER] [--help]`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import http2 from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { tellMachine } from './load/machine.ts';
import { startServer } from './process.ts';
import { seed } from './seed.ts';
import { whole } from './table.ts';

const inFlight = 200;
const reportsMax = 10;

const { values } = parseArgs({
  options: {
    names: { type: 'string', default: '1000000' },
    dir: { type: 'string', default: tmpdir() },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log('Usage: node bench/unknown-names.ts [--names N (1000000)] [--dir PATH]');
} else await main(Number(values.names));

async function main(names: number): Promise<void> {
  await using stack = new AsyncDisposableStack();
  stack.use(tellMachine());
  const folder = mkdtempSync(join(values.dir, 'latchkey-names-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const seeded = await seed(join(folder, 'latchkey.db'), 1_000);
  const serve = ['src/main.ts', 'serve', '--db', seeded.path, '--log-level', 'error'];
  const server = stack.use(await startServer(serve));
  const session = http2.connect(`http://127.0.0.1:${server.port}`);
  stack.defer(() => session.destroy());
  const statuses: Record<string, number> = {};
  const ask = (nth: number) => signIn(session, seeded.token, nth);
  for (let nth = 0; nth < names; nth += inFlight) {
    const batch = Array.from({ length: Math.min(inFlight, names - nth) }, (_, place) => ask(nth + place));
    for (const status of await Promise.all(batch)) statuses[status] = (statuses[status] ?? 0) + 1;
    const step = Math.ceil(names / reportsMax / inFlight) * inFlight;
    if (nth % step === 0) print(nth + batch.length, server.residentBytes());
  }
  print(names, server.residentBytes());
  console.log(`answers by status: ${JSON.stringify(statuses)}`);
}

function signIn(session: http2.ClientHttp2Session, token: string, nth: number): Promise<string> {
  const stream = session.request({
    ':method': 'POST',
    ':path': '/v2/sessions',
    'content-type': 'application/json',
    authorization: `Bearer ${token}`,
  });
  const user = { loginName: `nobody-${nth}` };
  const userAgent = { ip: `10.${(nth >> 16) & 255}.${(nth >> 8) & 255}.${nth & 255}` };
  // Passwords of nobody take as long as others: all of them would take the server half a day.
  const password = nth % 1_000 === 0 ? { password: { password: 'guess' } } : {};
  stream.end(JSON.stringify({ checks: { user, ...password }, userAgent }));
  return new Promise((resolve, reject) => {
    stream.once('response', ({ ':status': status }) => resolve(String(status)));
    stream.once('error', reject);
    stream.resume();
  });
}

function print(names: number, bytes: number): void {
  console.log(`${whole(names).padStart(11)} names: ${whole(bytes / 2 ** 20)} MiB resident`);
}
