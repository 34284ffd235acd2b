import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openApp } from '../../src/app/app.ts';
import { parseUserId } from '../../src/domain/ids.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import { runHere } from '../cli/run-cli.ts';
import { type Door, openDoor } from '../support/door.ts';
import { execute } from '../support/execute.ts';
import { createPeople, password } from '../support/people.ts';
import { human } from '../support/seed-users.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { openEmptyDatabase, stores } from '../support/stores.ts';
import { ended, previewOf, startOf } from '../unlock-run/runs.ts';
import { takenFrom, tracesIn, values, writtenIn } from './traces.ts';

const erased = { code: 'FailedPrecondition', details: [{ id: 'LATCH-erased0k' }, {}] };
const unknown = { code: 'NotFound', details: [{ id: 'LATCH-us3rnf0d' }, {}] };

describe.each(stores)('erasure, on %s', (kind, openDatabase) => {
  const resources = new AsyncDisposableStack();
  let database: string;
  let server: TestServer;
  let door: Door;
  let count = 0;

  beforeAll(async () => {
    ({ database } = resources.use(await openDatabase()));
    server = resources.use(await startServer({ database, flags: ['--trusted-proxies', '127.0.0.1'] }));
    for (const id of ['acme', 'beta']) await server.people.organization(id);
    const owner = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
    door = resources.use(openDoor(server.url, owner));
  });
  afterAll(() => resources.disposeAsync());

  const { userName, nextUserName, givenName, nextGivenName, familyName, nickName, displayName } = values;
  const { email, nextEmail, phone, nextPhone, metadataKey, metadataValue, ip, client, browser } = values;
  const { reason, ticket, identification } = values;
  const headers = {
    'x-forwarded-for': ip,
    'user-agent': client,
    'x-request-id': values.requestId,
    traceparent: `00-${values.traceId}-b7ad6b7169203331-01`,
    'latchkey-reason': reason,
  };
  const ok = async (...asked: Parameters<Door['ask']>) => {
    const answer = await door.ask(...asked);
    expect({ asked: asked[0], code: answer.code, text: answer.message }).toMatchObject({ code: 'OK' });
    return answer.response;
  };
  const sound = async () => expect(await verify(server.app.store)).toMatchObject({ problems: [] });

  /** Somebody with all that can be known of one. */
  const somebody = async (organizationId = 'acme', userId = `person-${kind}-${++count}`) => {
    const tell = (method: Parameters<Door['ask']>[0], message: JsonObject) =>
      ok(method, { userId, ...message }, undefined, headers);
    const profile = { givenName, familyName, nickName, displayName };
    const human = { profile, email: { email, isVerified: true }, phone: { phone, isVerified: true } };
    await tell('CreateUser', {
      ...{ organizationId, username: userName },
      human: { ...human, password: { password } },
    });
    await tell('UpdateUser', { username: nextUserName, human: { profile: { givenName: nextGivenName } } });
    await tell('SetEmail', { email: nextEmail, isVerified: true });
    await tell('SetPhone', { phone: nextPhone });
    const value = Buffer.from(metadataValue).toString('base64');
    await tell('SetUserMetadata', { metadata: [{ key: metadataKey, value }] });
    await tell('DeleteUserMetadata', { keys: [metadataKey] });
    await tell('SetUserMetadata', { metadata: [{ key: metadataKey, value }] });
    const userAgent = { description: browser, ip };
    const wrong = { user: { userId }, password: { password: 'wrong' } };
    await door.ask('CreateSession', { checks: wrong, userAgent }, undefined, headers);
    const right = { user: { userId }, password: { password } };
    await ok('CreateSession', { checks: right, userAgent }, undefined, headers);
    await tell('LockService.LockUser', { reason, requestId: values.requestId });
    await tell('LockService.UnlockUser', { ticket, identification, reason });
    return userId;
  };

  test('nothing is left of the person, in no row, event, file, export or backup', async () => {
    const userId = await somebody();
    const held = Object.values(values).filter((value) => !value.includes('written'));
    expect(tracesIn(await takenFrom('postgres', database))).toEqual(held);
    const before = await door.events(userId);
    const { details } = await ok('EraseUser', { userId }, undefined, { 'latchkey-reason': 'request 4711' });
    expect(details).toMatchObject({ resourceOwner: 'acme', sequence: String(before.length + 2) });

    const after = await door.events(userId);
    const facts = ({ eventId, position, sequence, type, creationDate, actor }: JsonObject) => {
      const { userId: by } = actor as JsonObject;
      return { eventId, position, sequence, type, creationDate, by };
    };
    expect(after.slice(0, -2).map(facts)).toEqual(before.map(facts));
    expect(after.slice(-2).map(({ type }) => type)).toEqual(['user.removed', 'user.erased']);
    expect(after.at(-1)?.actor).toMatchObject({ reason: 'request 4711' });
    expect(after[0]?.payload).toEqual({
      ...{ organizationId: 'acme', state: 'active', profile: { kind: 'human' } },
      password: { changeRequired: false },
    });
    expect(tracesIn(JSON.stringify(after))).toEqual([]);
    expect(tracesIn(await writtenIn(kind, database))).toEqual([]);
    expect(tracesIn(await takenFrom(kind, database))).toEqual([]);
    await sound();
  });

  test('whoever acted leaves their id, and neither address nor client nor words', async () => {
    const userId = `actor-${kind}`;
    await server.people.user({ organization: 'acme', userId, kind: 'machine' });
    await server.people.grant(userId, 'IAM_OWNER');
    const token = await server.people.token(userId);
    const written = { ...headers, 'latchkey-reason': values.writtenReason };
    const [locked, unlocked] = [
      await server.people.user({ organization: 'beta' }),
      await server.people.user({ organization: 'beta' }),
    ];
    for (const other of [locked, unlocked]) {
      await ok('LockService.LockUser', { userId: other }, token, written);
    }
    const { writtenTicket, writtenIdentification } = values;
    const order = { ticket: writtenTicket, identification: writtenIdentification };
    await ok('LockService.UnlockUser', { userId: unlocked, ...order }, token, written);
    await ok('CreateOrganization', { name: `by-${userId}` }, token, written);
    await using actor = openDoor(server.url, token);
    const waved = await server.people.user({ organization: 'beta', state: 'locked' });
    const run = await startOf(actor, await previewOf(actor, { userIds: [waved] }), {
      ...{ reason: values.writtenReason, ...order },
    });
    await ended(actor, run);
    await ok('SetEmail', { userId: locked, email: `${locked}@kept.example` }, token, written);
    expect(tracesIn(await writtenIn(kind, database))).toContain(values.writtenReason);

    await ok('EraseUser', { userId }, token, written);
    expect(tracesIn(await writtenIn(kind, database))).toEqual([]);
    expect((await door.events(userId)).at(-1)?.actor).toEqual({ userId });
    expect((await ok('GetUnlockRun', { runId: run.runId ?? '' })).run).toMatchObject({ startedBy: userId });
    const lock = await ok('GetLock', { userId: locked });
    expect(lock.lock).toMatchObject({ lockedBy: userId, cause: 'LOCK_CAUSE_ADMINISTRATOR' });
    expect(lock.lock).not.toHaveProperty('reason');
    expect((await door.events(locked)).map(({ type }) => type)).toEqual([
      'user.human.added',
      'user.locked',
      'user.human.email.changed',
      'user.lock.reason.removed',
    ]);
    expect((await door.events(locked))[2]?.payload).toEqual({ email: `${locked}@kept.example` });
    expect((await door.events(unlocked)).at(-1)?.payload).toEqual({ cause: 'administrator', generation: 2 });
    await sound();
  });

  test('a second erasure says that it was done; who is deleted is erased by id; nobody is nobody', async () => {
    const userId = await somebody();
    await ok('EraseUser', { userId });
    expect(await door.ask('EraseUser', { userId })).toMatchObject(erased);
    const gone = await somebody();
    await ok('DeleteUser', { userId: gone });
    await ok('EraseUser', { userId: gone });
    expect((await door.events(gone)).slice(-2).map(({ type }) => type)).toEqual([
      'user.removed',
      'user.erased',
    ]);
    expect(tracesIn(await writtenIn(kind, database))).toEqual([]);
    expect(await door.ask('EraseUser', { userId: 'nobody' })).toMatchObject(unknown);
    await sound();
  });

  test('an id that somebody else had before, in another organization, keeps what was said of them', async () => {
    const userId = await somebody('beta');
    await ok('DeleteUser', { userId });
    const manager = await server.people.caller({
      organization: 'acme',
      roles: [{ role: 'ORG_OWNER', organization: 'acme' }],
    });
    expect(await door.ask('EraseUser', { userId }, manager)).toMatchObject(unknown);
    for (let life = 0; life < 2; life += 1) {
      await server.people.user({ organization: 'acme', userId, userName: `life-${life}` });
      await ok('DeleteUser', { userId });
    }
    await ok('EraseUser', { userId }, manager);
    const events = JSON.stringify(await door.events(userId));
    expect(tracesIn(events)).toContain(givenName);
    expect(events).not.toContain('life-');
    await sound();
    // The next one begins anew, and is no more erased than anybody.
    await server.people.user({ organization: 'beta', userId, userName: 'life-3' });
    await ok('DeleteUser', { userId });
    await ok('EraseUser', { userId });
    expect(JSON.stringify(await door.events(userId))).not.toContain('life-3');
    expect(tracesIn(JSON.stringify(await door.events(userId)))).toContain(givenName);
    await server.people.user({ organization: 'acme', userId, userName: 'life-4' });
    await sound();
  });

  test('erasures, unlocks, locks, changes and sign-ins at once: one erasure is done, and nothing comes back', async () => {
    for (let round = 0; round < 3; round += 1) {
      const userId = await server.people.user({ organization: 'acme', state: 'locked' });
      const checks = { user: { userId }, password: { password } };
      const given = { profile: { givenName, familyName } };
      const answers = await Promise.all([
        door.ask('UnlockUser', { userId }, undefined, headers),
        door.ask('EraseUser', { userId }),
        door.ask('UpdateUser', { userId, human: given }, undefined, headers),
        door.ask('CreateSession', { checks }, undefined, headers),
        door.ask('EraseUser', { userId }),
        door.ask('LockUser', { userId }, undefined, headers),
        door.ask('EraseUser', { userId }),
      ]);
      const erasures = [1, 4, 6].map((at) => answers[at]?.code);
      // Whoever lost three races against the others may ask again.
      if (!erasures.includes('OK')) expect((await door.ask('EraseUser', { userId })).code).toBe('OK');
      else expect(erasures.filter((code) => code === 'OK')).toHaveLength(1);
      expect(await door.ask('EraseUser', { userId })).toMatchObject(erased);
      const events = await door.events(userId);
      expect(events.filter(({ type }) => type === 'user.erased')).toHaveLength(1);
      expect(events.at(-1)?.type).toBe('user.erased');
      expect(tracesIn(JSON.stringify(events))).toEqual([]);
    }
    await sound();
  });

  test('what a crash interrupts, the next start finishes; an archive of that moment, whoever reads it in', async () => {
    await using place = await openEmptyDatabase(kind);
    const userId = parseUserId('interrupted');
    await interrupt(place.database, userId);
    const { stdout } = await runHere(['export', '-', '--db', place.database]);
    expect(tracesIn(stdout)).toEqual([givenName, ip, reason]);
    await using copy = await openEmptyDatabase(kind === 'sqlite' ? 'postgres' : 'sqlite');
    expect(await runHere(['import', '-', '--db', copy.database], stdout)).toMatchObject({ code: 0 });
    for (const each of [place, copy]) {
      await using next = await startServer({ database: each.database });
      const left = async () => {
        const events = await next.app.store.listEvents({ userId, afterPosition: 0, limit: 100 });
        return tracesIn(JSON.stringify(events));
      };
      for (let tries = 0; (await left()).length > 0 && tries < 200; tries += 1) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      expect(await left()).toEqual([]);
      expect(await verify(next.app.store)).toMatchObject({ problems: [] });
    }
  });

  test('a call that was under way is erased three minutes later, and then nothing is left to be done', async () => {
    const userId = `late-${kind}`;
    await server.people.user({ organization: 'acme', userId, kind: 'machine' });
    await server.people.grant(userId, 'IAM_OWNER');
    await ok('EraseUser', { userId });
    const other = parseUserId(await server.people.user({ organization: 'acme' }));
    await server.app.store.append({
      ...{ before: await server.app.store.loadUser(other), userId: other },
      events: [{ type: 'user.locked', payload: { cause: 'administrator', lockedBy: userId, reason } }],
      at: { createdAt: server.app.now(), eventId: server.app.newId() },
      meta: { actorUserId: parseUserId(userId), ip, reason },
    });
    expect(tracesIn(JSON.stringify(await door.events(other)))).toEqual([ip, reason]);
    server.clock.nowMs += 180_000;
    const underWay = async () => (await server.app.store.listErasures()).length;
    for (let tries = 0; (await underWay()) > 0 && tries < 200; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await underWay()).toBe(0);
    expect(tracesIn(JSON.stringify(await door.events(other)))).toEqual([]);
    await sound();
    // What is written into an erased event afterwards is no more true than any other row changed by hand.
    await execute(database, `UPDATE events SET reason = 'who' WHERE user_id = '${userId}' AND sequence = 1`);
    expect(await verify(server.app.store)).toMatchObject({
      problems: [{ userId, text: expect.stringContaining('event 1 was erased by event') }],
    });
    await execute(database, `UPDATE events SET reason = NULL WHERE user_id = '${userId}' AND sequence = 1`);
  });
});

/** Somebody whose erasure has begun, in a database that nobody serves. */
async function interrupt(database: string, userId: ReturnType<typeof parseUserId>): Promise<void> {
  await using app = await openApp({ database, passwordAttemptsMax: 5, logLevel: 'silent' });
  const people = createPeople(app);
  await people.organization('acme');
  await people.user({ organization: 'acme', userId });
  const { givenName, ip, reason } = values;
  const erasure = [
    { type: 'user.removed', payload: {} },
    { type: 'user.erased', payload: {} },
  ] as const;
  for (const [events, meta] of [
    [[{ type: 'user.human.profile.changed', payload: { givenName } }], { ip, reason }],
    [erasure, {}],
  ] as const) {
    const before = await app.store.loadUser(userId);
    const profile = human({ userName: userId });
    const at = { createdAt: app.now(), eventId: app.newId() };
    const changed = await app.store.append({ before, userId, events, at, profile, meta });
    expect(changed).toMatchObject({ userId });
  }
  // Under way is not unsound.
  expect(await verify(app.store)).toMatchObject({ problems: [] });
}
