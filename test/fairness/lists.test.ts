import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { leastSlowdown, repeatedly } from '../support/beside.ts';
import { dialects, openClients } from '../support/dialects/all.ts';
import { sendBare } from '../support/dialects/bare.ts';
import { type Door, openDoor } from '../support/door.ts';
import { repetitions } from '../support/repetitions.ts';
import { human, seedUser } from '../support/seed-users.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';
import { openWire } from '../support/wire.ts';

// As in sign-ins.test.ts: the middle of a few, or nearly the slowest of a hundred. In one line others would wait for forty.
const part = repetitions({ few: 0.5, many: 0.99 });
const max = repetitions({ few: 10, many: 3 });
const listsAtOnce = 40;
/** As many as a query takes, and a request: a thousand with the queries that hold them. */
const textsOfOne = 100;
const textsMax = 989;
const texts = repetitions({ few: 200, many: textsMax });

/** Looks at everybody for so many texts that nobody has. */
const costly = (count: number): JsonObject => {
  const method = 'TEXT_QUERY_METHOD_CONTAINS';
  const queries = Array.from({ length: count }, (_, nth) => ({
    displayNameQuery: { displayName: `nobody ${nth}`, method },
  }));
  const held = Array.from({ length: Math.ceil(count / textsOfOne) }, (_, nth) => ({
    orQuery: { queries: queries.slice(nth * textsOfOne, (nth + 1) * textsOfOne) },
  }));
  return { queries: [{ orQuery: { queries: held } }] };
};

describe.each(stores)('on %s, beside forty lists at once of one caller', (store) => {
  const resources = new AsyncDisposableStack();
  let server: TestServer;
  let greedy: string;
  let door: Door;

  beforeAll(async () => {
    server = resources.use(await startServer({ store }));
    for (const id of ['many', 'other']) await server.people.organization(id);
    for (let from = 0; from < 400; from += 50) {
      const names = Array.from({ length: 50 }, (_, nth) => `user-${from + nth}`);
      await Promise.all(
        names.map((userId) =>
          seedUser(server.app.store, {
            userId,
            organizationId: 'many',
            profile: human({ userName: userId }),
          }),
        ),
      );
    }
    const roles = ['IAM_OWNER'];
    greedy = await server.people.caller({ organization: 'many', roles });
    door = resources.use(openDoor(server.url, await server.people.caller({ organization: 'other', roles })));
  }, 60_000);
  afterAll(() => resources.disposeAsync());

  test.each([
    'REST, HTTP/1.1',
    'Connect JSON, HTTP/1.1',
    'gRPC proto, bare',
  ])('by %s, others search as before, nearly', async (name) => {
    const dialect = dialects.find((one) => one.name === name);
    if (dialect === undefined) throw new Error(`bug: no dialect ${name}`);
    await using clients = openClients(server.url);
    const message = costly(texts);
    let refused = 0;
    const flood = async (signal: AbortSignal): Promise<void> => {
      const wire = openWire(server.url);
      // Whoever hangs up is not waited for.
      signal.addEventListener('abort', () => wire.hangUp(), { once: true });
      await repeatedly(listsAtOnce, signal, async () => {
        const sent = sendBare(wire, dialect, { method: 'ListUsers', message, token: greedy });
        const status = await sent.then(
          ({ status }) => status,
          () => undefined,
        );
        if (status !== undefined && status !== 200) refused += 1;
      });
    };
    const options = {
      ask: async () => {
        expect(await door.ask('ListUsers', costly(50))).toMatchObject({
          code: 'OK',
          response: { details: { timestamp: expect.anything() } },
        });
      },
      flood,
      ...{ rounds: repetitions({ few: 1, many: 5 }), leadMs: 200 },
      asks: repetitions({ few: 5, many: store === 'sqlite' ? 60 : 20 }),
    };
    const slowdown = await leastSlowdown(options, { part, max });
    process.stdout.write(
      `searches beside lists by ${name} on ${store}: ${slowdown.toFixed(2)} times as long\n`,
    );
    expect(slowdown).toBeLessThan(max);
    expect(refused).toBe(0);
    // The list itself is one that the dialect serves.
    const served = await clients.ask(dialect, { method: 'ListUsers', message: costly(1), token: greedy });
    expect(served).toMatchObject({ ok: true });
  }, 300_000);
});
