import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { verify } from '../../src/queries/verify/verify.ts';
import { type Door, openDoor } from '../support/door.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';

const rounds = 5;

describe.each(stores)('two servers on one database, on %s', (kind, openDatabase) => {
  const resources = new AsyncDisposableStack();
  let server: TestServer;
  let doors: readonly Door[];

  beforeAll(async () => {
    const { database } = resources.use(await openDatabase());
    server = resources.use(await startServer({ database }));
    const other = resources.use(await startServer({ database }));
    await server.people.organization('acme');
    const owner = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
    doors = [server, other].map(({ url }) => resources.use(openDoor(url, owner)));
  });
  afterAll(() => resources.disposeAsync());

  test('of all who want one name at once, by whatever change, one gets it', async () => {
    const somebody = () => server.people.user({ organization: 'acme' });
    const people = await Promise.all(Array.from({ length: 6 }, somebody));
    for (let round = 0; round < rounds; round += 1) {
      const name = `wanted-${kind}-${round}@mail.example`;
      const answers = await Promise.all(
        people.map((userId, at) => {
          const door = doors[at % 2];
          if (door === undefined) throw new Error('no server');
          if (at % 3 === 0) return door.ask('UpdateUser', { userId, username: name });
          return at % 3 === 1
            ? door.ask('SetEmail', { userId, email: name, isVerified: true })
            : door.ask('UpdateHumanUser', { userId, username: name.toUpperCase() });
        }),
      );
      const codes = answers.map(({ code }) => code);
      expect(codes.filter((code) => code === 'OK')).toHaveLength(1);
      expect(codes.filter((code) => code === 'AlreadyExists')).toHaveLength(people.length - 1);
    }
    expect(await verify(server.app.store)).toMatchObject({ problems: [] });
  });
});
