import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../support/listen.ts';

const { LATCHKEY_URL = '', LATCHKEY_TOKEN = '', ADMIN_TOKEN = '' } = process.env;
const [, , recipe = '', ...command] = process.argv;
const startMsMax = 60_000;
const limit = 3;

/** What somebody reads who tries to sign in. */
type SignIn = (password: string) => Promise<string>;

async function post(path: string, message: object): Promise<Record<string, unknown>> {
  const answer = await fetch(LATCHKEY_URL + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(message),
    signal: AbortSignal.timeout(10_000),
  });
  const body = (await answer.json()) as Record<string, unknown>;
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${JSON.stringify(body)}`);
  return body;
}

async function unlockLocked(): Promise<number> {
  const queries = [{ stateQuery: { state: 'USER_STATE_LOCKED' } }, { typeQuery: { type: 'TYPE_EXTERNAL' } }];
  const { result = [] } = await post('/v2/users', { queries });
  const users = result as { userId: string }[];
  for (const { userId } of users) await post(`/v2/users/${userId}/unlock`, {});
  return users.length;
}

/** Signs in, fails until locked, is told, is unlocked, signs in. */
async function live(signIn: SignIn): Promise<void> {
  const expect = async (password: string, wanted: string) => {
    const read = await signIn(password);
    if (!read.startsWith(wanted)) throw new Error(`"${password}" reads "${read}", not "${wanted}"`);
  };
  await expect('correct horse', 'Welcome ada');
  for (let time = 1; time < limit; time += 1) await expect(`wrong ${time}`, 'Wrong name or password');
  await expect(`wrong ${limit}`, 'Locked');
  await expect('correct horse', 'Locked');
  const unlocked = await unlockLocked();
  if (unlocked !== 1) throw new Error(`${unlocked} users were locked`);
  await expect('wrong again', 'Wrong name or password');
  await expect('correct horse', 'Welcome ada');
}

/** That the application's own token is not good says nothing of anybody: nobody is let in, and nobody is locked. */
async function withoutToken(signIn: SignIn): Promise<void> {
  for (const password of ['correct horse', 'wrong']) {
    const read = await signIn(password);
    if (/Welcome|Locked/.test(read)) throw new Error(`without a token "${password}" reads "${read}"`);
  }
}

async function untilListening(url: string, app: ChildProcess): Promise<void> {
  const deadlineMs = performance.now() + startMsMax;
  for (;;) {
    const isThere = await fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
      () => true,
      () => false,
    );
    if (isThere) return;
    if (app.exitCode !== null || performance.now() > deadlineMs)
      throw new Error('the application did not start');
    await delay(200);
  }
}

async function withApplication(token: string, use: (signIn: SignIn) => Promise<void>): Promise<void> {
  const port = await freePort();
  const [file = '', ...args] = command;
  const env = { ...process.env, PORT: String(port), ADMIN_TOKEN: '', LATCHKEY_TOKEN: token };
  const app = spawn(file, args, {
    cwd: `${recipe}/dist/files`,
    env,
    stdio: ['ignore', 'ignore', token === LATCHKEY_TOKEN ? 'inherit' : 'ignore'],
  });
  try {
    await untilListening(`http://127.0.0.1:${port}/`, app);
    await use(async (password) => {
      const body = new URLSearchParams({ username: 'ada', password });
      const signal = AbortSignal.timeout(20_000);
      return (await fetch(`http://127.0.0.1:${port}/login`, { method: 'POST', body, signal })).text();
    });
  } finally {
    app.kill('SIGKILL');
  }
}

async function inShell(token: string, use: (signIn: SignIn) => Promise<void>): Promise<void> {
  const env = { ...process.env, LATCHKEY_TOKEN: token };
  const options = { encoding: 'utf8', timeout: 30_000, cwd: `${recipe}/dist/files`, env } as const;
  await use(async (password) => spawnSync('bash', ['sign-in.sh', 'ada', password], options).stdout);
}

if (LATCHKEY_TOKEN === '') throw new Error('LATCHKEY_TOKEN is missing');
const application = recipe === 'curl' ? inShell : withApplication;
await application(LATCHKEY_TOKEN, live);
await application('ended', withoutToken);
