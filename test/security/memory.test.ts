/** What strangers may make the server hold: the worst mix that was found, against a small heap. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import http2 from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { askHttp1 } from '../server/clients/clients.ts';
import { standBy } from '../support/child-server.ts';
import { repetitions } from '../support/repetitions.ts';

const run = promisify(execFile);
const siege = fileURLToPath(new URL('siege.ts', import.meta.url));
const seconds = repetitions({ few: 6, many: 60 });
const residentKilobytesMax = 400 * 1_024;

/** The call's status over HTTP/2 on a connection of its own, or on that of another. */
async function askCaller(url: string, token: string, kept?: http2.ClientHttp2Session): Promise<number> {
  const session = kept ?? http2.connect(url).on('error', () => undefined);
  try {
    return await new Promise((resolve, reject) => {
      const headers = { ':path': '/v2/users?', ':method': 'POST', authorization: `Bearer ${token}` };
      const stream = session.request({ ...headers, 'content-type': 'application/json' });
      stream.end('{"query":{"limit":1}}');
      stream.once('response', (fields) => resolve(Number(fields[':status'])));
      stream.once('error', reject);
      stream.once('close', () => reject(new Error(`closed with ${stream.rstCode}`)));
    });
  } finally {
    if (kept === undefined) session.destroy();
  }
}

test(
  `strangers besiege a heap of 256 MiB for ${seconds} s: it lives, bounded, and answers those with a token`,
  async () => {
    await using cleanup = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), 'latchkey-siege-'));
    cleanup.defer(() => rm(folder, { recursive: true }));
    const standby = cleanup.use(standBy(['--data', folder], ['--max-old-space-size=256']));
    const server = await standby.start();
    const token = (await readFile(join(folder, 'admin-token'), 'utf8')).trim();
    const kept = http2.connect(server.url).on('error', () => undefined);
    cleanup.defer(() => kept.destroy());
    expect(await askCaller(server.url, token, kept)).toBe(200);

    const [port = ''] = new URL(server.url).port.split(' ');
    const besieged = run(process.execPath, ['--no-warnings', siege, port, String(seconds)]);
    let isOver = false;
    const ended = besieged.finally(() => {
      isOver = true;
    });
    const healthMs: number[] = [];
    const statuses: number[] = [];
    let residentMost = 0;
    const agent = new http.Agent({ keepAlive: false });
    while (!isOver) {
      const startedMs = performance.now();
      expect((await askHttp1(`${server.url}/healthz`, { agent })).status).toBe(200);
      healthMs.push(performance.now() - startedMs);
      statuses.push(await askCaller(server.url, token, kept), await askCaller(server.url, token));
      residentMost = Math.max(residentMost, await server.residentKilobytes());
      await delay(50);
    }
    const opened = Number((await ended).stdout);
    const sorted = healthMs.toSorted((one, other) => one - other);
    const quantile = (part: number) => Math.round(sorted[Math.floor(part * (sorted.length - 1))] ?? 0);
    process.stdout.write(
      `${opened} connections of strangers in ${seconds} s: ${Math.round(residentMost / 1_024)} MiB resident at most; ` +
        `/healthz ${quantile(0.5)} ms in the median, ${quantile(0.9)} ms at p90, ${quantile(1)} ms at most ` +
        `(${healthMs.length} asked); ${statuses.length} calls with a token\n`,
    );
    expect(opened).toBeGreaterThan(seconds * 20);
    expect(residentMost).toBeLessThanOrEqual(residentKilobytesMax);
    expect(new Set(statuses)).toEqual(new Set([200]));
    // Wall-clock time is for a machine that does nothing else; the median, since one core is the siege's own.
    if (seconds === 60) expect(quantile(0.5)).toBeLessThanOrEqual(100);
    expect(await Promise.race([server.exited, Promise.resolve('alive')])).toBe('alive');
  },
  (seconds + 60) * 1_000,
);
