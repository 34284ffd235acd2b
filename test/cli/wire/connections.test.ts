import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { listen } from '../../support/listen.ts';
import { openFolder, parseLines, runHere, type ServeProcess, startCli, startServe } from '../run-cli.ts';

const cleanup = new AsyncDisposableStack();
let server: ServeProcess;
/** Stands between, and counts. */
let between: string;
let opened: Socket[];
/** What the server says is said by these words instead. */
let instead: (answer: string) => string;

beforeAll(async () => {
  const folder = cleanup.use(await openFolder()).path;
  server = cleanup.use(await startServe(join(folder, 'data'), ['--demo']));
  const port = Number(new URL(server.url).port);
  const counting = createServer((socket) => {
    opened.push(socket);
    const on = connect(port, '127.0.0.1');
    for (const one of [socket, on]) one.on('error', () => undefined);
    socket.on('close', () => on.destroy());
    on.on('close', () => socket.end());
    socket.pipe(on);
    on.on('data', (piece) => void socket.write(Buffer.from(instead(piece.toString('latin1')), 'latin1')));
  });
  cleanup.defer(() => void counting.close());
  between = `http://127.0.0.1:${await listen(counting)}`;
});
afterAll(() => cleanup.disposeAsync());
beforeEach(() => {
  opened = [];
  instead = (answer) => answer;
});

const flags = () => ['--url', between, '--token', server.token];

async function userIds(): Promise<readonly string[]> {
  const { stdout } = await runHere(['user', 'list', '--json', '--type', 'human', '--db', server.database]);
  return parseLines(stdout).map(({ userId }) => String(userId));
}

test('calls one after the other have one connection', async () => {
  const ids = await userIds();
  expect(ids.length).toBeGreaterThan(2);
  const ended = await runHere(['user', 'lock', ...ids, ...flags()]);
  expect((ended.stdout + ended.stderr).trimEnd().split('\n').length).toBeGreaterThanOrEqual(ids.length);
  expect(opened).toHaveLength(1);
});

test('a connection that the server ends with its answer is not used again', async () => {
  const ids = await userIds();
  instead = (answer) =>
    answer.replace(/\r\nconnection: keep-alive/i, '').replace('\r\n', '\r\nconnection: close\r\n');
  const ended = await runHere(['user', 'unlock', ...ids, ...flags()]);
  expect(ended.stderr).not.toMatch(/Cannot reach/);
  expect(opened).toHaveLength(ids.length);
});

test('a connection that nobody uses is ended by the command itself, and the next call has another', async () => {
  const [one = '', two = ''] = await userIds();
  const child = startCli(['user', 'lock', '-', ...flags()]);
  cleanup.defer(() => void child.kill());
  const exited = once(child, 'exit');
  child.stdout?.resume();
  child.stdin?.write(`${one}\n`);
  while (opened.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  const [first] = opened;
  if (first !== undefined && !first.readableEnded) await once(first, 'end');
  expect(opened).toHaveLength(1);
  child.stdin?.end(`${two}\n`);
  expect(await exited).toEqual([0, null]);
  expect(opened).toHaveLength(2);
});

test('what was sent is not sent again where the connection breaks', async () => {
  let asked = 0;
  const rude = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      asked += 1;
      socket.destroy();
    });
  });
  const url = `http://127.0.0.1:${await listen(rude)}`;
  const ended = await runHere(['user', 'unlock', '1', '--url', url, '--token', 'x']);
  rude.close();
  expect(ended).toMatchObject({
    code: 6,
    stderr: expect.stringMatching(/whether it did what was asked is not known/),
  });
  expect(asked).toBe(1);
});
