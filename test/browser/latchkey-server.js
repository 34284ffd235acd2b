import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const root = join(import.meta.dirname, '..', '..');
const startTimeoutMs = 60_000;
const answerTimeoutMs = 30_000;

/** Starts the real server on a free port over an empty folder; `flags` say the rest. Disposing of it stops it. */
export async function startLatchkey(dataFolder, flags) {
  const main = join(root, 'src', 'main.ts');
  const args = [main, 'serve', '--port', '0', '--data', dataFolder, '--log-level', 'warn', ...flags];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  try {
    const url = await printedUrl(child);
    const token = (await readFile(join(dataFolder, 'admin-token'), 'utf8')).trim();
    return { url, token, people: await openPeople(url, token), [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function printedUrl(child) {
  const lines = createInterface({ input: child.stdout });
  const signal = AbortSignal.timeout(startTimeoutMs);
  const ended = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`the server ended with ${code} before it served`);
  });
  const printed = new Promise((resolve) => {
    lines.on('line', (line) => {
      const url = /^Latchkey serves every protocol at (\S+?)\/?$/.exec(line)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
  return Promise.race([printed, ended]);
}

/** Makes locked people, each under an id of its own, and tells the state of any: behind the browser's back. */
async function openPeople(url, token) {
  const ask = async (method, path, body) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const signal = AbortSignal.timeout(answerTimeoutMs);
    const res = await fetch(`${url}${path}`, { method, headers, body: JSON.stringify(body), signal });
    if (!res.ok) throw new Error(`${method} ${path}: ${res.status} ${await res.text()}`);
    return res.json();
  };
  const { result } = await ask('POST', '/v2/users', {});
  const organizationId = result[0].details.resourceOwner;
  return {
    organizationId,
    async makeLocked() {
      const { id } = await ask('POST', '/v2/users/new', { organizationId, machine: { name: 'Locked out' } });
      await ask('POST', `/v2/users/${id}/lock`, {});
      return id;
    },
    async stateOf(userId) {
      return (await ask('GET', `/v2/users/${userId}`)).user.state;
    },
  };
}
