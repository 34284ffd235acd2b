import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { restDialect } from '../support/dialects/all.ts';
import { askBare } from '../support/dialects/bare.ts';
import { repetitions } from '../support/repetitions.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { openWire, type Wire } from '../support/wire.ts';

const resources = new AsyncDisposableStack();
let server: TestServer;
let wire: Wire;
let token: string;

beforeAll(async () => {
  const flags = ['--calls-per-second-per-token', '1', '--refused-per-second-per-address', '20'];
  server = resources.use(await startServer({ flags: [...flags, '--trusted-proxies', '127.0.0.1'] }));
  wire = resources.use(openWire(server.url));
  await server.people.organization('acme');
  token = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
});
afterAll(() => resources.disposeAsync());

/** Long, as a header is that would fill the memory if a piece of it kept the whole. */
const forged = `${'203.0.113.9, '.repeat(100)}`;

async function ask(from: string, shown: string): Promise<string> {
  const headers = { 'x-forwarded-for': `${forged}${from}` };
  const method = 'ListOrganizations' as const;
  const form = { ...restDialect, http: 2 } as const;
  return (await askBare(wire, form, { method, message: {}, token: shown, headers })).code;
}

function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

/** Each call with an unknown token from an address of its own, all within one instant of the server's clock. */
async function flood(first: number, count: number): Promise<void> {
  const inFlight = 100;
  for (let at = first; at < first + count; at += inFlight) {
    const batch = Array.from({ length: inFlight }, (_, index) => {
      const nth = at + index;
      return ask(`2001:db8:${(nth >> 16).toString(16)}:${(nth & 0xffff).toString(16)}::1`, `${nth}.x`);
    });
    await Promise.all(batch);
  }
}

// Many are more than the buckets there may be: what comes after the first 70,000 is to find no room.
const thousands = repetitions({ few: 10, many: 100 });

test(`${thousands},000 unknown tokens and addresses: memory flat, the known bucket unchanged (CVE-2024-21662)`, async () => {
  for (let call = 0; call < 60; call += 1) expect(await ask('192.0.2.1', 'x')).toBe('Unauthenticated');
  for (let call = 0; call < 4; call += 1) expect(await ask('192.0.2.2', token)).toBe('OK');
  await flood(0, 700 * thousands);
  const before = heapBytes();
  await flood(700 * thousands, 300 * thousands);
  expect(heapBytes() - before).toBeLessThan(4 * 1_048_576);
  for (let call = 0; call < 39; call += 1) expect(await ask('192.0.2.1', 'x')).toBe('Unauthenticated');
  expect(await ask('192.0.2.1', token)).toBe('OK');
  expect(await ask('192.0.2.1', token)).toBe('ResourceExhausted');
  expect(await ask('192.0.2.1', 'x')).toBe('Unauthenticated');
  expect(await ask('192.0.2.1', 'x')).toBe('ResourceExhausted');
}, 300_000);
