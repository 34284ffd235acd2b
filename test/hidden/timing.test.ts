import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { areaUnderCurve } from '../support/auc.ts';
import { type Door, openDoor } from '../support/door.ts';
import { repetitions } from '../support/repetitions.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { calls } from './calls.ts';

let server: TestServer;
let door: Door;

beforeAll(async () => {
  server = await startServer();
  const { people } = server;
  for (const id of ['home', 'abroad']) await people.organization(id);
  for (const state of ['active', 'locked'] as const) {
    await people.user({ organization: 'abroad', userId: state, state });
  }
  const owner = { role: 'ORG_OWNER', organization: 'home' };
  door = openDoor(server.url, await people.caller({ organization: 'home', roles: [owner] }));
});
afterAll(async () => {
  await door[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const samples = repetitions({ few: 100, many: 2_000 });
/** Five deviations of the area under the curve where there is no difference. */
const noise = 5 * Math.sqrt((2 * samples + 1) / (12 * samples * samples));

describe('a foreign locked user is answered as fast as one that nobody has', () => {
  test.each(['UnlockUser', 'SetPassword', 'AddPersonalAccessToken'] as const)('%s', async (method) => {
    const call = calls.find((one) => one.method === method);
    if (call === undefined) throw new Error(`no call of ${method}`);
    const times: Record<'locked' | 'never' | 'active', number[]> = { locked: [], never: [], active: [] };
    const kinds = Object.keys(times) as (keyof typeof times)[];
    for (let nth = -50; nth < samples; nth += 1) {
      // In changing order, so that none always comes behind the same one.
      for (const place of kinds.keys()) {
        const kind = kinds[(place + Math.max(nth, 0)) % kinds.length] ?? 'never';
        const startedMs = performance.now();
        await door.ask(method, call.request(kind, {}));
        if (nth >= 0) times[kind].push(performance.now() - startedMs);
      }
    }
    expect(Math.abs(areaUnderCurve(times.locked, times.never) - 0.5)).toBeLessThan(noise);
    expect(Math.abs(areaUnderCurve(times.locked, times.active) - 0.5)).toBeLessThan(noise);
  }, 120_000);
});
