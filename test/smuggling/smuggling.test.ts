import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startServer, type TestServer } from '../support/start-server.ts';
import { attacks } from './attacks.ts';
import { carryOut, type Target } from './drive.ts';

let server: TestServer;
let target: Target;

beforeAll(async () => {
  server = await startServer();
  await server.people.organization('acme');
  target = {
    url: server.url,
    token: await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] }),
    user: () => server.people.user({ organization: 'acme', kind: 'machine' }),
    isLocked: async (userId) => (await server.app.store.loadUser(userId as never))?.state === 'locked',
  };
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

test('there are attacks of every kind, each by a name of its own', () => {
  expect(new Set(attacks.map(({ name }) => name)).size).toBe(attacks.length);
  expect(attacks.length).toBeGreaterThanOrEqual(60);
});

describe('a request that hides in another one', () => {
  test.each(
    attacks.map((attack) => [attack.section, attack.name, attack] as const),
  )('%s: %s', async (_section, _name, attack) => {
    const { isDone, isAnswered, mixedUp } = await carryOut(attack, target);
    const isRequest = attack.hidden === 'request';
    expect({ isDone, isAnswered, mixedUp }).toEqual({
      isDone: isRequest,
      isAnswered: isRequest,
      mixedUp: [],
    });
  });
});
