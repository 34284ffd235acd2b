import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

/** `latchkey serve --demo` in a process and a folder of its own. */
export interface Demo extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
  /** A call with the administrator's token; answers the JSON. Rejects where it fails. */
  call(verb: string, path: string, body?: object): Promise<unknown>;
  userIds(): Promise<readonly string[]>;
  /** The id of a person who is in this state now. */
  userIn(state: 'locked' | 'active'): Promise<string>;
}

const startMs = 60_000;
const answerMs = 60_000;

export async function startDemo(root: string, folder: string): Promise<Demo> {
  const data = join(folder, 'data');
  const flags = [
    '--demo',
    '--port',
    '0',
    '--data',
    data,
    '--refused-per-second-per-address',
    '0',
    '--log-level',
    'error',
  ];
  const argv = ['--no-warnings', join(root, 'src', 'main.ts'), 'serve', ...flags];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  // Whoever stops the suite stops its server.
  process.once('exit', () => child.kill('SIGKILL'));
  process.once('SIGTERM', () => process.exit(143));
  const url = await Promise.race([
    urlOf(createInterface(child.stdout)),
    exited.then(() => Promise.reject(new Error('the server ended'))),
    late(),
  ]);
  // Nobody reads on, and a server whose pipe is full would stand still.
  child.stdout.resume();
  const token = readFileSync(join(data, 'admin-token'), 'utf8').trim();
  const call = async (verb: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const sent = { signal: AbortSignal.timeout(answerMs), ...(body && { body: JSON.stringify(body) }) };
    const answer = await fetch(new URL(path, url), { method: verb, headers, ...sent });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${verb} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text) as unknown;
  };
  const people = async () => {
    const queries = [{ typeQuery: { type: 'TYPE_HUMAN' } }];
    const { result = [] } = (await call('POST', '/v2/users', { queries })) as Listed;
    return result;
  };
  return {
    url,
    token,
    call,
    userIds: async () => (await people()).map(({ userId }) => userId),
    async userIn(state) {
      const wanted = `USER_STATE_${state.toUpperCase()}`;
      const [first] = await people();
      if (first === undefined) throw new Error('there is nobody');
      const found = (await people()).find((person) => person.state === wanted);
      if (found !== undefined) return found.userId;
      await call('POST', `/v2/users/${first.userId}/${state === 'locked' ? 'lock' : 'unlock'}`, {});
      return first.userId;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

interface Listed {
  readonly result?: readonly { readonly userId: string; readonly state: string }[];
}

async function late(): Promise<never> {
  await delay(startMs, undefined, { ref: false });
  throw new Error(`the server does not serve after ${startMs} ms`);
}

async function urlOf(lines: AsyncIterable<string>): Promise<string> {
  for await (const line of lines) {
    const found = /^Latchkey serves every protocol at (http:\S+?)\/?$/.exec(line)?.[1];
    if (found !== undefined) return found;
  }
  throw new Error('the server does not say where it serves');
}
