import { setTimeout as delay } from 'node:timers/promises';

/** Unlocks under way. */
export interface Traffic {
  /** Resolves when so many are unlocked. */
  started(unlocked: number): Promise<void>;
  /** Waits for the last of them, or until nobody answers any more. */
  finish(): Promise<{ readonly unlocked: readonly string[]; readonly lost: readonly string[] }>;
}

const clients = 8;
const retriesMax = 100;

/** Makes so many users and locks them; answers their ids. */
export async function lockedUsers(url: string, token: string, count: number): Promise<readonly string[]> {
  const stamp = Date.now();
  const ids: string[] = [];
  const make = async (nth: number) => {
    const profile = { givenName: 'Given', familyName: 'Family' };
    const name = `user-${stamp}-${nth}`;
    const body = { username: name, profile, email: { email: `${name}@mail.example`, isVerified: true } };
    const made = (await post(url, token, '/v2/users/human', body)) as { userId: string };
    await post(url, token, `/v2/users/${made.userId}/lock`, {});
    ids.push(made.userId);
  };
  for (let from = 0; from < count; from += 8) {
    await Promise.all(Array.from({ length: Math.min(8, count - from) }, (_none, nth) => make(from + nth)));
  }
  return ids;
}

async function post(url: string, token: string, path: string, body: unknown): Promise<unknown> {
  const answer = await send(url, token, path, body);
  if (answer.status >= 300) throw new Error(`${path}: HTTP ${answer.status}: ${await answer.text()}`);
  return answer.json();
}

function send(url: string, token: string, path: string, body: unknown): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const signal = AbortSignal.timeout(30_000);
  return fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body), signal });
}

/**
 * Unlocks them one after the other by eight clients. A call counts as lost that was sent, on a connection that was there,
 * and got no answer; whoever finds no connection, or is told that the server is going, asks again.
 */
export function unlockUntil(urls: readonly string[], token: string, users: readonly string[]): Traffic {
  const [unlocked, lost]: [string[], string[]] = [[], []];
  const left = [...users];
  let isGone = false;
  const client = async () => {
    for (let userId = left.shift(); userId !== undefined && !isGone; userId = left.shift()) {
      for (let attempt = 0; attempt < retriesMax && !isGone; attempt += 1) {
        const outcome = await unlock(urls[attempt % urls.length] ?? '', token, userId);
        if (outcome === 'unlocked') unlocked.push(userId);
        else if (outcome === 'refused') {
          // Nobody listens there: the server is gone, or not yet there.
          isGone = attempt >= retriesMax - 1 || (await isDown(urls));
          await delay(50);
          continue;
        } else lost.push(`${userId}: ${outcome}`);
        break;
      }
    }
  };
  const all = Promise.all(Array.from({ length: clients }, client));
  return {
    async started(wanted) {
      for (let waitedMs = 0; unlocked.length < wanted && waitedMs < 30_000; waitedMs += 5) await delay(5);
    },
    async finish() {
      await all;
      return { unlocked, lost };
    },
  };
}

async function unlock(url: string, token: string, userId: string): Promise<string> {
  try {
    const answer = await send(url, token, `/v2/users/${userId}/unlock`, {});
    if (answer.status === 200) return 'unlocked';
    return answer.status === 503 ? 'refused' : `HTTP ${answer.status}: ${await answer.text()}`;
  } catch (error) {
    const { cause } = error as { cause?: { code?: string; message?: string } };
    return cause?.code === 'ECONNREFUSED'
      ? 'refused'
      : `no answer: ${cause?.code ?? ''} ${cause?.message ?? String(error)}`;
  }
}

async function isDown(urls: readonly string[]): Promise<boolean> {
  const answers = await Promise.all(urls.map((url) => fetch(`${url}/healthz`).catch(() => undefined)));
  return answers.every((answer) => answer === undefined);
}
