import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { type ChildServer, standBy } from '../support/child-server.ts';

const shutdownDelayMs = 1_500;
const pollMs = 200;

/** What came back over a connection of its own: the status, or how it was lost. */
async function ask(url: string, path: string, verb = 'GET'): Promise<string> {
  const req = http.request(`${url}${path}`, { method: verb, agent: false, timeout: 10_000 }).end();
  const [met] = await Promise.race([once(req, 'response'), once(req, 'error')]).catch((error) => [error]);
  if (!('statusCode' in met)) return String(met);
  met.resume();
  await once(met, 'end');
  return String(met.statusCode);
}

/** Sends fresh connections to the servers that were ready when it last looked, as a balancer does. */
class Balancer {
  readonly servers = new Set<ChildServer>();
  readonly lost: string[] = [];
  answered = 0;
  isOver = false;
  #ready: readonly ChildServer[] = [];

  async watch(): Promise<void> {
    while (!this.isOver) {
      const servers = [...this.servers];
      const statuses = await Promise.all(servers.map(({ url }) => ask(url, '/readyz')));
      this.#ready = servers.filter((_, nth) => statuses[nth] === '200');
      await delay(pollMs);
    }
  }

  async call(nth: number): Promise<void> {
    for (let turn = nth; !this.isOver; turn += 1) {
      const server = this.#ready[turn % this.#ready.length];
      if (server === undefined) await delay(10);
      else {
        const met = await ask(server.url, '/v2/users/u1/unlock', 'POST');
        // Nobody asks with a token here: that the call was answered is what counts.
        if (met === '401' || met === '429') this.answered += 1;
        else this.lost.push(met);
      }
    }
  }
}

test('a loop of fresh connections through a rolling update of both servers loses none', async () => {
  await using resources = new AsyncDisposableStack();
  const start = async (): Promise<ChildServer> => {
    const folder = await mkdtemp(join(tmpdir(), 'latchkey-rollout-'));
    resources.defer(() => rm(folder, { recursive: true, force: true }));
    return resources.use(standBy(['--data', folder, '--shutdown-delay-ms', String(shutdownDelayMs)])).start();
  };
  const balancer = new Balancer();
  const old = await Promise.all([start(), start()]);
  for (const server of old) balancer.servers.add(server);
  const work = Promise.all([balancer.watch(), ...Array.from({ length: 4 }, (_, nth) => balancer.call(nth))]);
  for (const server of old) {
    balancer.servers.add(await start());
    const before = balancer.answered;
    server.kill('SIGTERM');
    while ((await ask(server.url, '/readyz')) === '200') await delay(5);
    // Not ready, and still serving whoever has not heard of it.
    expect(await ask(server.url, '/healthz')).toBe('200');
    expect(await server.exited).toBe('exit 0');
    balancer.servers.delete(server);
    expect(balancer.answered).toBeGreaterThan(before);
  }
  balancer.isOver = true;
  await work;
  expect(balancer.lost).toEqual([]);
  expect(balancer.answered).toBeGreaterThan(50);
}, 60_000);
