import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Store } from '../../src/store/store.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';
import { parseLines, runHere } from './run-cli.ts';

const hourMs = 3_600_000;

describe.each(stores)('`latchkey events` by time and from the end, on %s', (_, openDatabase) => {
  const resources = new AsyncDisposableStack();
  let server: TestServer;
  let token: string;
  let userId: string;
  /** Times of the hours in which something was done. */
  const hours: string[] = [];

  /** How often nothing was found after a position: whoever follows asks for the same again and again. */
  const inVain = new Map<number, number>();
  const noted = (store: Store): Store => ({
    ...store,
    async listEvents(query) {
      const found = await store.listEvents(query);
      const { afterPosition } = query;
      if (found.length === 0) inVain.set(afterPosition, (inVain.get(afterPosition) ?? 0) + 1);
      return found;
    },
  });
  const follows = async () => {
    inVain.clear();
    while (![...inVain.values()].some((times) => times > 3)) await delay(20);
  };

  beforeAll(async () => {
    const { database } = resources.use(await openDatabase());
    server = resources.use(await startServer({ database, wrapStore: noted }));
    const { people, clock } = server;
    await people.organization('acme');
    token = await people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
    userId = await people.user({ organization: 'acme' });
    for (let hour = 0; hour < 130; hour += 1) {
      clock.nowMs += hourMs;
      hours.push(new Date(clock.nowMs).toISOString());
      await people.act(userId, hour % 2 === 0 ? 'lock' : 'unlock');
    }
  }, 60_000);
  afterAll(() => resources.disposeAsync());

  const run = (...words: string[]) =>
    runHere(['events', ...words, '--json', '--url', server.url, '--token', token]);
  const datesOf = async (...words: string[]) => {
    const { code, stdout, stderr } = await run(...words);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return parseLines(stdout).map(({ creationDate }) => creationDate);
  };

  test('--since and --until keep what lies between, the first included', async () => {
    const [from = '', to = ''] = [hours[100], hours[105]];
    expect(await datesOf('--since', from, '--until', to)).toEqual(hours.slice(100, 105));
    expect(await datesOf('--since', from, '--type', 'user.locked')).toEqual(
      hours.slice(100).filter((_hour, index) => index % 2 === 0),
    );
    expect(await datesOf('--since', from, '--limit', '2')).toEqual(hours.slice(100, 102));
    expect(await datesOf('--until', hours[0] ?? '', '--user', userId)).toHaveLength(1);
    expect(await datesOf('--since', '2099-01-01')).toEqual([]);
  });

  test('--tail shows the newest, of a filter too', async () => {
    expect(await datesOf('--tail', '3')).toEqual(hours.slice(-3));
    expect(await datesOf('--tail', '2', '--type', 'user.locked')).toEqual([hours[126], hours[128]]);
    expect(await datesOf('--tail', '1', '--type', 'organization.added')).toHaveLength(1);
    expect(await datesOf('--tail', '0')).toEqual([]);
    expect((await datesOf('--tail', '1000', '--user', userId)).length).toBe(131);
  });

  test('what says two things at once, or nothing, is wrong usage', async () => {
    for (const words of [
      ['--tail', '1', '--since', '2h'],
      ['--after', '1', '--tail', '1'],
      ['--follow', '--until', '2h'],
      ['--from-now'],
      ['--since', 'yesterday'],
    ]) {
      expect([words, (await run(...words)).code]).toEqual([words, 2]);
    }
  });

  test('--follow --from-now begins with what comes next, and --tail before it', async () => {
    const toldOf = async (act: 'lock' | 'unlock', ...words: string[]) => {
      const following = run('--follow', ...words);
      await follows();
      server.clock.nowMs += hourMs;
      const now = new Date(server.clock.nowMs).toISOString();
      await server.people.act(userId, act);
      const dates = parseLines((await following).stdout).map(({ creationDate }) => creationDate);
      return { now, dates };
    };
    const first = await toldOf('lock', '--from-now', '--limit', '1');
    expect(first.dates).toEqual([first.now]);
    const second = await toldOf('unlock', '--tail', '1', '--limit', '2');
    expect(second.dates).toEqual([first.now, second.now]);
  });
});
