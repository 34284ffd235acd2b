import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { blocks, page } from '../readme/blocks.ts';
import { testWith } from '../readme/installed.ts';
import { type Hooked, startHooked } from './hooked.ts';
import { type Received, startReceiver } from './receiver.ts';

const run = promisify(execFile);
const buildMsMax = 120_000;
const cleanup = new AsyncDisposableStack();
let folder: string;
/** What a server sent, its secret, and the secret that signs as well. */
let sent: { readonly message: Received; readonly secret: string; readonly previous: string };
let hooked: Hooked;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-hooks-'));
  cleanup.defer(() => rm(folder, { recursive: true }));
  const receiver = cleanup.use(await startReceiver());
  hooked = cleanup.use(await startHooked());
  const { subscriptionId, secret: previous } = await hooked.subscribe({ url: receiver.url });
  const { response } = await hooked.door.ask('UpdateSubscription', { subscriptionId, rotateSecret: true });
  await hooked.door.ask('TestSubscription', { subscriptionId });
  const [message] = receiver.received;
  if (message === undefined) throw new Error('nothing came');
  sent = { message, secret: String(response.secret), previous };
});
afterAll(() => cleanup.disposeAsync());

interface Case {
  readonly secret: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const foreign = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const ageMs = (seconds: number) => new Date(Date.now() - seconds * 1_000);

/** Signed by the standard's own library. */
function signed(at: Date, body = '{"type":"user.locked","data":{"userId":"ü"}}'): Case {
  const signature = new Webhook(foreign).sign('msg_1', at, body);
  const timestamp = String(Math.floor(at.getTime() / 1_000));
  const headers = { 'webhook-id': 'msg_1', 'webhook-timestamp': timestamp, 'webhook-signature': signature };
  return { secret: foreign, headers, body };
}

const changed = (of: Case, headers: Readonly<Record<string, string>>): Case => ({
  ...of,
  headers: { ...of.headers, ...headers },
});

/** What is to be said of each: true where it is ours. */
function cases(): readonly (readonly [string, Case, boolean])[] {
  const { message, secret, previous } = sent;
  const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
  const headers = Object.fromEntries(names.map((name) => [name, message.headers[name] ?? '']));
  const ours = { secret, headers, body: message.body };
  const good = signed(ageMs(0));
  const [first = '', second = ''] = (headers['webhook-signature'] ?? '').split(' ');
  return [
    ['sent by the server', ours, true],
    ['by the secret before', { ...ours, secret: previous }, true],
    ['with the other signature alone', changed(ours, { 'webhook-signature': second }), false],
    ['with its own alone', changed(ours, { 'webhook-signature': first }), true],
    ['by the library', good, true],
    ['a little old', signed(ageMs(290)), true],
    ['too old: a replay', signed(ageMs(310)), false],
    ['from the future', signed(ageMs(-310)), false],
    ['of another secret', { ...ours, secret: foreign }, false],
    ['with another body', { ...ours, body: `${message.body} ` }, false],
    ['with another id', changed(ours, { 'webhook-id': 'other' }), false],
    [
      'with another time',
      changed(good, { 'webhook-timestamp': String(Math.floor(Date.now() / 1_000) + 1) }),
      false,
    ],
    ['without a signature', changed(ours, { 'webhook-signature': '' }), false],
    ['of another version', changed(ours, { 'webhook-signature': first.replace('v1,', 'v2,') }), false],
    ['with half a signature', changed(ours, { 'webhook-signature': first.slice(0, 20) }), false],
    ['with rubbish before its own', changed(ours, { 'webhook-signature': `v1a,xx v1, ${first}` }), true],
  ];
}

test("the standard's own library says the same", () => {
  for (const [name, { secret, headers, body }, isOurs] of cases()) {
    let said = true;
    try {
      new Webhook(secret).verify(body, headers);
    } catch {
      said = false;
    }
    expect([name, said]).toEqual([name, isOurs]);
  }
});

interface Language {
  readonly fence: string;
  readonly program: string;
  readonly file: string;
  /** Reads cases on stdin, prints a list of what the snippet says. */
  readonly harness: readonly [file: string, text: string];
  readonly argv: (folder: string) => readonly string[];
}

const node = `import { text } from 'node:stream/consumers';
import { verify } from './verify.mjs';
const said = JSON.parse(await text(process.stdin)).map(({ secret, headers, body }) => {
  try { return verify(secret, headers, body).type !== undefined; } catch { return false; }
});
console.log(JSON.stringify(said));
`;
const python = `import json, sys
from verify import verify

def say(case):
    try:
        return "type" in verify(case["secret"], case["headers"], case["body"].encode())
    except ValueError:
        return False

print(json.dumps([say(case) for case in json.load(sys.stdin)]))
`;
const go = `package main

import (
	"encoding/json"
	"net/http"
	"os"
)

func main() {
	var cases []struct {
		Secret, Body string
		Headers      map[string]string
	}
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		panic(err)
	}
	said := []bool{}
	for _, one := range cases {
		headers := http.Header{}
		for name, value := range one.Headers {
			headers.Set(name, value)
		}
		said = append(said, Verify(one.Secret, headers, []byte(one.Body)) == nil)
	}
	_ = json.NewEncoder(os.Stdout).Encode(said)
}
`;

const languages: readonly Language[] = [
  {
    fence: 'js',
    program: 'node',
    file: 'verify.mjs',
    harness: ['say.mjs', node],
    argv: (at) => [join(at, 'say.mjs')],
  },
  {
    ...{ fence: 'python', program: 'python3', file: 'verify.py', harness: ['say.py', python] },
    argv: (at) => [join(at, 'say.py')],
  },
  {
    ...{ fence: 'go', program: 'go', file: 'verify.go', harness: ['main.go', go] },
    argv: (at) => ['run', join(at, 'main.go'), join(at, 'verify.go')],
  },
];

describe('the snippets of the page say what the library says', () => {
  for (const { fence, program, file, harness, argv } of languages) {
    testWith(program)(
      fence,
      async () => {
        const at = join(folder, fence);
        await mkdir(at);
        const snippets = blocks(page('docs/webhooks.md'), fence);
        expect(snippets).toHaveLength(1);
        await writeFile(join(at, file), snippets[0] ?? '');
        await writeFile(join(at, harness[0]), harness[1]);
        const child = spawn(program, argv(at), { stdio: ['pipe', 'pipe', 'inherit'], timeout: buildMsMax });
        const all = cases();
        child.stdin.end(JSON.stringify(all.map(([, one]) => one)));
        const said = JSON.parse(await text(child.stdout)) as readonly boolean[];
        expect(all.map(([name], index) => [name, said[index]])).toEqual(
          all.map(([name, , isOurs]) => [name, isOurs]),
        );
      },
      buildMsMax,
    );
  }
});

const judges = join(import.meta.dirname, '../interop/webhooks');
const built = 'what the standard has for Python and Go wants what test/interop/run.sh builds';

describe("the standard's libraries say the same", () => {
  for (const [name, program, argv] of [
    ['Python', join(judges, 'dist/venv/bin/python'), [join(judges, 'judge.py')]],
    ['Go', join(judges, 'dist/judge'), []],
  ] as const) {
    testWith(program, built)(name, async () => {
      const all = cases();
      const child = spawn(program, argv, { stdio: ['pipe', 'pipe', 'inherit'], timeout: buildMsMax });
      child.stdin.end(JSON.stringify(all.map(([, one]) => one)));
      const said = JSON.parse(await text(child.stdout)) as readonly boolean[];
      expect(all.map(([what], index) => [what, said[index]])).toEqual(
        all.map(([what, , isOurs]) => [what, isOurs]),
      );
    });
  }
});

test('the receiver of deploy/ takes what is sent, once, and nothing else', async () => {
  const { subscriptionId, secret } = await hooked.subscribe({ url: 'http://127.0.0.1:1/' });
  const path = join(import.meta.dirname, '../../deploy/webhook-receiver.mjs');
  await expect(run('node', [path])).rejects.toThrow('WEBHOOK_SECRET');
  const environment = { PATH: process.env.PATH ?? '', PORT: '0', WEBHOOK_SECRET: `${foreign}, ${secret}` };
  const child = spawn('node', [path], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const lines = child.stdout.setEncoding('utf8')[Symbol.asyncIterator]();
    const next = async () => String((await lines.next()).value);
    const port = /"port":(\d+)/.exec(await next())?.[1];
    const url = `http://127.0.0.1:${port}/`;
    await hooked.door.ask('UpdateSubscription', { subscriptionId, url });
    const { response } = await hooked.door.ask('TestSubscription', { subscriptionId });
    expect(response.attempt).toMatchObject({ outcome: 'ATTEMPT_OUTCOME_DELIVERED', status: 204 });
    expect(JSON.parse(await next())).toMatchObject({ type: 'latchkey.test', subscriptionId });
    const post = async ({ headers, body }: Case) =>
      (await fetch(url, { method: 'POST', headers, body })).status;
    const good = signed(ageMs(0));
    expect([await post(good), await post(good), await post(signed(ageMs(310)))]).toEqual([204, 204, 400]);
    expect(await post({ ...good, body: '{}' })).toBe(400);
    expect((await fetch(url)).status).toBe(400);
    const another = changed(signed(ageMs(0), '{"type":"last"}'), {});
    const other = new Webhook(foreign).sign('msg_2', new Date(), another.body);
    expect(await post(changed(another, { 'webhook-id': 'msg_2', 'webhook-signature': other }))).toBe(204);
    // Each once: the first, and then the last.
    const told = `${await next()}${await next()}`.trim().split('\n');
    expect(told.map((line) => JSON.parse(line).type)).toEqual(['user.locked', 'last']);
  } finally {
    child.kill();
  }
});
