import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { openApp } from '../../src/app/app.ts';
import { systemCaller } from '../../src/auth/caller.ts';
import { eraseUser } from '../../src/commands/erasure/erase-user.ts';
import { parseUserId } from '../../src/domain/ids.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import { openFolder } from '../cli/run-cli.ts';
import { standBy } from '../support/child-server.ts';
import { openDoor } from '../support/door.ts';
import { createPeople } from '../support/people.ts';
import { repetitions } from '../support/repetitions.ts';
import { type StoreKind, stores } from '../support/stores.ts';
import { tracesIn, values, writtenIn } from './traces.ts';

const kills = repetitions({ few: 3, many: 50 });
/** So many events that an erasure takes a few writes. */
const namesEach = 40;

test.each(stores)(
  `killed ${kills} times amid an erasure on %s: it has not begun, or is finished by the next start`,
  async (kind, open) => {
    await using folder = await openFolder();
    await using place = await open();
    await using resources = new AsyncDisposableStack();
    const { database } = place;
    const flags = ['--data', folder.path, '--db', database];
    const token = () => readFileSync(join(folder.path, 'admin-token'), 'utf8').trim();
    let standby = resources.use(standBy(flags));
    for (let round = 0; round < kills; round += 1) {
      const server = await standby.start();
      const userId = `person-${round}`;
      await createPerson(database, userId);
      standby = resources.use(standBy(flags));
      const door = openDoor(server.url, token());
      const erased = door.ask('EraseUser', { userId }).then(
        ({ code }) => code,
        () => 'unanswered',
      );
      // From before the first write to after the last.
      await new Promise((resolve) => setTimeout(resolve, (round * 40) / kills));
      server.kill('SIGKILL');
      expect(await server.exited).toBe('SIGKILL');
      const told = await erased;
      await door[Symbol.asyncDispose]();
      const next = await standby.start();
      await expectWhole({ kind, database, userId }, told);
      next.kill('SIGKILL');
      await next.exited;
      standby = resources.use(standBy(flags));
    }
  },
  240_000,
);

async function expectWhole(
  {
    kind,
    database,
    userId,
  }: { readonly kind: StoreKind; readonly database: string; readonly userId: string },
  told: string,
): Promise<void> {
  await using app = await openApp({ database, passwordAttemptsMax: 5, logLevel: 'silent' });
  const find = () => app.store.listEvents({ userId: parseUserId(userId), afterPosition: 0, limit: 1_000 });
  let events = await find();
  const isErased = events.at(-1)?.type === 'user.erased';
  if (told === 'OK') expect(isErased).toBe(true);
  expect(events).toHaveLength(1 + namesEach + (isErased ? 2 : 0));
  expect(await verify(app.store)).toMatchObject({ problems: [] });
  // Whom the crash has left alone, the next rounds must not find.
  if (!isErased) await eraseUser(app, systemCaller('operator'), parseUserId(userId));
  for (let tries = 0; tracesIn(JSON.stringify(events)).length > 0; tries += 1) {
    if (tries > 400) throw new Error('the next start has not finished it');
    await new Promise((resolve) => setTimeout(resolve, 25));
    events = await find();
  }
  // The last of it is the log, which is emptied when nobody reads in it.
  for (let tries = 0; tracesIn(await writtenIn(kind, database)).length > 0; tries += 1) {
    if (tries > 100) throw new Error('the file still holds it');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(await verify(app.store)).toMatchObject({ problems: [] });
}

async function createPerson(database: string, userId: string): Promise<void> {
  await using app = await openApp({ database, passwordAttemptsMax: 5, logLevel: 'silent' });
  const people = createPeople(app);
  await people.organization(userId);
  await people.user({ organization: userId, userId, kind: 'machine' });
  for (let nth = 0; nth < namesEach; nth += 1) {
    const before = await app.store.loadUser(parseUserId(userId));
    const name = `${values.givenName} ${nth}`;
    const { rows } = await app.store.listUsers({
      ...{ scope: 'all', filters: [{ kind: 'ids', userIds: [userId] }], sort: 'user_name' },
      page: { offset: 0, limit: 1, ascending: true },
    });
    const [record] = rows;
    if (record === undefined) throw new Error('nobody there');
    const changed = await app.store.append({
      ...{ before, userId: parseUserId(userId), profile: record.profile, meta: { reason: values.reason } },
      events: [{ type: 'user.machine.changed', payload: { name } }],
      at: { createdAt: app.now(), eventId: app.newId() },
    });
    expect(changed).toMatchObject({ userId });
  }
}
