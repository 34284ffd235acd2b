import { readFileSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { type Ended, openFolder, runHere, startServe } from '../cli/run-cli.ts';
import { type Receiver, startReceiver } from './receiver.ts';

const cleanup = new AsyncDisposableStack();
const allow = ['--outbound-allow', '127.0.0.1'];
let folder: string;
let receiver: Receiver;
let database: string;
let subscriptionId: string;
/** The one before, and the one in force. */
let secrets: readonly string[];
let server: readonly string[];

beforeAll(async () => {
  folder = cleanup.use(await openFolder()).path;
  receiver = cleanup.use(await startReceiver());
  const running = cleanup.use(await startServe(join(folder, 'data'), allow));
  database = running.database;
  server = ['--url', running.url, '--token', running.token];
  const made = JSON.parse((await runHere(['hook', 'create', receiver.url, '--json', ...server])).stdout);
  subscriptionId = made.subscriptionId;
  const rotated = await runHere(['hook', 'update', subscriptionId, '--rotate', '--json', ...server]);
  await runHere(['hook', 'test', subscriptionId, ...server]);
  secrets = [made.secret, JSON.parse(rotated.stdout).secret];
});
afterAll(() => cleanup.disposeAsync());

/** In no form: as it is handed out, its bytes, in hex. */
function expectNoSecretIn(bytes: Buffer): void {
  const found = secrets.flatMap((secret) => {
    const base64 = secret.replace(/^whsec_/, '');
    const raw = Buffer.from(base64, 'base64');
    const forms = [base64, base64.slice(0, 20), raw.toString('hex'), raw.toString('base64url'), raw];
    return forms.filter((form) => bytes.includes(form));
  });
  expect(found).toEqual([]);
}

const held = (path: string): Buffer => {
  const bytes = readFileSync(path);
  expect(bytes.length).toBeGreaterThan(1_000);
  return bytes;
};

const said = ({ code, stdout, stderr }: Ended): Buffer => {
  expect(code).toBe(0);
  return Buffer.from(stdout + stderr);
};

test('two secrets have signed what was sent', () => {
  const [one] = receiver.received;
  expect(new Set(secrets).size).toBe(2);
  for (const secret of secrets) {
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(one && new Webhook(secret).verify(one.body, one.headers)).toBeTruthy();
  }
});

test.each([
  ['for eyes', []],
  ['as JSON', ['--json']],
])('no secret is in a backup, nor in what is said of it (%s); from there the same one signs again', async (name, json) => {
  const data = join(folder, `restored ${name}`);
  await mkdir(data);
  const backup = join(data, 'latchkey.db');
  expectNoSecretIn(said(await runHere(['backup', backup, '--db', database, ...json])));
  expectNoSecretIn(held(backup));
  expectNoSecretIn(said(await runHere(['verify', '--db', backup, ...json])));
  for (const argv of [['list'], ['show', subscriptionId], ['attempts', subscriptionId]]) {
    expectNoSecretIn(said(await runHere(['hook', ...argv, '--db', backup, ...json])));
  }
  const token = ['--token', server.at(-1) ?? ''];
  // A start that makes no administrator writes no token.
  await copyFile(join(folder, 'data', 'admin-token'), join(data, 'admin-token'));
  await using restored = await startServe(data, allow);
  const before = receiver.received.length;
  await runHere(['hook', 'test', subscriptionId, '--url', restored.url, ...token]);
  const newest = receiver.received[before];
  expect(newest && new Webhook(secrets[1] ?? '').verify(newest.body, newest.headers)).toBeTruthy();
});

test.each([
  ['for eyes', []],
  ['as JSON', ['--json']],
])('no secret is in an export, nor in what is said of it (%s)', async (name, json) => {
  const file = join(folder, `export ${name}`);
  expectNoSecretIn(said(await runHere(['export', file, '--db', database, ...json])));
  expectNoSecretIn(held(file));
  expect(readFileSync(file, 'utf8')).not.toContain(receiver.url);
});
