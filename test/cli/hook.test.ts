import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { type Receiver, startReceiver } from '../webhooks/receiver.ts';
import { openFolder, parseLines, runHere, type ServeProcess, startServe } from './run-cli.ts';

const cleanup = new AsyncDisposableStack();
let server: ServeProcess;
let receiver: Receiver;

beforeAll(async () => {
  receiver = cleanup.use(await startReceiver());
  const folder = cleanup.use(await openFolder());
  server = cleanup.use(await startServe(folder.path, ['--outbound-allow', '127.0.0.1']));
});
afterAll(() => cleanup.disposeAsync());

const toServer = () => ['--url', server.url, '--token', server.token];
const ways = { 'a server': toServer, 'the database': () => ['--db', server.database] };
const made = async (): Promise<{ readonly subscriptionId: string; readonly secret: string }> => {
  const argv = ['hook', 'create', receiver.url, '--types', 'user.locked', '--json', ...toServer()];
  return JSON.parse((await runHere(argv)).stdout);
};
const json = async (...argv: readonly string[]) => {
  const { code, stdout, stderr } = await runHere([...argv, '--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
};

test('create prints the secret alone, which signs what is sent', async () => {
  const ended = await runHere(['hook', 'create', receiver.url, '--description', 'desk', ...toServer()]);
  expect(ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/^whsec_\S{44}\n$/) });
  const [, subscriptionId = ''] =
    /^subscription (\d+); the secret is shown this once\n127\.0\.0\.1 is not public: .*\n$/.exec(
      ended.stderr,
    ) ?? [];
  const tested = await runHere(['hook', 'test', subscriptionId, ...toServer()]);
  expect(tested).toMatchObject({ code: 0, stdout: expect.stringMatching(/^delivered, HTTP 204, \d+ ms\n$/) });
  const [sent] = receiver.received.slice(-1);
  expect(sent && new Webhook(ended.stdout.trim()).verify(sent.body, sent.headers)).toBeTruthy();
});

describe.each(Object.entries(ways))('through %s', (_, flags) => {
  test('it is shown and listed, paused, resumed, changed and deleted; the secret never again', async () => {
    const { subscriptionId, secret } = await made();
    const shown = await json('hook', 'show', subscriptionId, ...flags());
    expect(shown).toMatchObject({
      subscriptionId,
      url: receiver.url,
      eventTypes: ['user.locked'],
      state: 'active',
    });
    const { stdout } = await runHere(['hook', 'list', '--json', ...flags()]);
    expect(parseLines(stdout)).toContainEqual(expect.objectContaining({ subscriptionId }));
    expect(stdout + JSON.stringify(shown)).not.toContain(secret.slice('whsec_'.length));
    const paused = await json('hook', 'pause', subscriptionId, ...flags());
    expect(paused).toMatchObject({ state: 'paused', pauseCause: 'asked' });
    expect(await runHere(['hook', 'pause', subscriptionId, ...flags()])).toMatchObject({
      code: 5,
      stdout: '',
    });
    expect(await json('hook', 'resume', subscriptionId, ...flags())).toMatchObject({ state: 'active' });
    const changed = ['--to', `${receiver.url}next`, '--types', 'all', '--description', 'all of it'];
    expect(await json('hook', 'update', subscriptionId, ...changed, ...flags())).toMatchObject({
      ...{ url: `${receiver.url}next`, eventTypes: [], description: 'all of it' },
    });
    const rotated = await json(
      'hook',
      'update',
      subscriptionId,
      '--rotate',
      '--keep-previous-for',
      '2d',
      ...flags(),
    );
    expect(rotated.secret).not.toBe(secret);
    expect(Date.parse(rotated.previousSecretUntil) - Date.now()).toBeGreaterThan(47 * 3_600_000);
    await json('hook', 'test', subscriptionId, ...toServer());
    const attempts = await runHere(['hook', 'attempts', subscriptionId, ...flags()]);
    expect(attempts).toMatchObject({ code: 0 });
    expect(await json('hook', 'delete', subscriptionId, ...flags())).toMatchObject({ subscriptionId });
    expect(await runHere(['hook', 'show', subscriptionId, ...flags()])).toMatchObject({
      code: 3,
      stdout: '',
    });
  });
});

test('a test that is not delivered is a failure, which says why', async () => {
  const create = ['hook', 'create', 'https://10.0.0.1/', '--json', ...toServer()];
  const { subscriptionId } = JSON.parse((await runHere(create)).stdout);
  expect(await runHere(['hook', 'test', subscriptionId, ...toServer()])).toMatchObject({
    code: 6,
    stdout: expect.stringMatching(/^not_allowed, \d+ ms\n$/),
    stderr: expect.stringContaining('--outbound-allow'),
  });
});

test.each([
  ['https://10.0.0.1/', '10.0.0.1 is not public'],
  ['https://0x0a000001/', '10.0.0.1 is not public'],
  ['https://[fd00::1]/in', 'fd00::1 is not public'],
  ['https://localhost:8443/', 'localhost is not public'],
  ['http://hooks.example/', 'http to hooks.example is in the clear'],
])('a URL that leads nowhere is said at once: %s', async (url, text) => {
  const created = await runHere(['hook', 'create', url, ...toServer()]);
  expect(created).toMatchObject({ code: 0, stdout: expect.stringMatching(/^whsec_\S{44}\n$/) });
  expect(created.stderr).toContain(`${text}: nothing is sent there unless the server has --outbound-allow`);
  const [, subscriptionId = ''] = /^subscription (\d+)/.exec(created.stderr) ?? [];
  const elsewhere = await runHere([
    ...['hook', 'update', subscriptionId, '--to', 'https://hooks.example/'],
    ...toServer(),
  ]);
  expect(elsewhere).toMatchObject({ code: 0, stderr: '' });
  const back = await runHere(['hook', 'update', subscriptionId, '--to', url, ...toServer()]);
  expect(back).toMatchObject({ code: 0, stderr: expect.stringContaining(text) });
});

test('on the database itself there is nobody to own a new one, and what to do is said', async () => {
  const ended = await runHere(['hook', 'create', 'https://x.example', '--db', server.database]);
  expect(ended).toMatchObject({
    code: 5,
    stdout: '',
    stderr: expect.stringContaining('personal access token'),
  });
});

test.each([
  [['hook', 'create'], 'no URL'],
  [['hook', 'show'], 'no subscription'],
  [['hook', 'update', '1'], 'nothing to change'],
  [['hook', 'update', '1', '--keep-previous-for', '1h'], 'goes with --rotate'],
])('%j is wrong usage: %s', async (argv, text) => {
  expect(await runHere([...argv, ...toServer()])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(text),
  });
});
