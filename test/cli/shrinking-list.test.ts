import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startServer, type TestServer } from '../support/start-server.ts';
import { parseLines, runHere, startCli } from './run-cli.ts';

const lockedUsers = 2_500;

let server: TestServer;
let token: string;

beforeAll(async () => {
  server = await startServer();
  await server.people.organization('acme');
  token = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
  const state = 'locked';
  for (let made = 0; made < lockedUsers; made += 100) {
    const hundred = Array.from({ length: 100 }, () => server.people.user({ organization: 'acme', state }));
    await Promise.all(hundred);
  }
}, 60_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const list = ['user', 'list', '--state', 'locked', '--all', '--json'];
const flags = () => ['--url', server.url, '--token', token];

test('who unlocks the rows of a list of the locked as they come leaves nobody behind', async () => {
  const child = startCli([...list, ...flags()]);
  if (child.stdout === null) throw new Error('no stdout');
  const exited = once(child, 'exit');
  const shown: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const { userId } = JSON.parse(line) as { userId: string };
    shown.push(userId);
    // One after the other, slower than the list: its next pages are asked for while the list shrinks.
    await server.people.act(userId, 'unlock');
  }
  expect(await exited).toEqual([0, null]);
  expect(shown).toHaveLength(lockedUsers);
  expect(new Set(shown).size).toBe(lockedUsers);
  expect(parseLines((await runHere([...list, ...flags()])).stdout)).toEqual([]);
}, 120_000);

test('the list of the locked, piped into xargs and unlock, leaves nobody behind', async () => {
  const page = { offset: 0, limit: lockedUsers + 10, ascending: true };
  const all = await server.app.store.listUsers({ scope: 'all', filters: [], sort: 'user_name', page });
  const people = all.rows.map(({ user }) => user).filter(({ kind }) => kind === 'human');
  for (let from = 0; from < people.length; from += 100) {
    await Promise.all(people.slice(from, from + 100).map(({ userId }) => server.people.act(userId, 'lock')));
  }
  const latchkey = `${process.execPath} ${join(import.meta.dirname, '../../src/latchkey.js')}`;
  const ids = `sed 's/.*"userId":"\\([0-9]*\\)".*/\\1/'`;
  const line = `${latchkey} ${list.join(' ')} | ${ids} | xargs ${latchkey} user unlock --reason wave --json | wc -l`;
  const env = { PATH: process.env.PATH ?? '', LATCHKEY_URL: server.url, LATCHKEY_TOKEN: token };
  const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
  const child = spawn('bash', ['--norc', '-euo', 'pipefail', '-c', line], { env, stdio });
  const [said, complaints, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  expect({ code, complaints, unlocked: Number(said) }).toEqual({
    code: 0,
    complaints: '',
    unlocked: lockedUsers,
  });
  expect(parseLines((await runHere([...list, ...flags()])).stdout)).toEqual([]);
}, 240_000);
