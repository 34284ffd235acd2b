import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { password } from '../support/people.ts';
import { openSignIns, type SignInFixture } from '../support/sessions.ts';
import { stores } from '../support/stores.ts';

const notFound = 'Session could not be found (LATCH-s3ss10nf)';
const tokenInvalid = 'Session token is not the newest of this session (LATCH-s3sst0kn)';
const unknownUser = 'User could not be found (LATCH-us3rnf0d)';

describe.each(stores.map(([kind]) => kind))('sessions on %s', (kind) => {
  let fixture: SignInFixture;
  let userId: string;
  beforeAll(async () => {
    fixture = await openSignIns({ store: kind });
    userId = await fixture.server.people.user({ organization: 'home', userId: 'ada' });
  });
  afterAll(async () => {
    await fixture[Symbol.asyncDispose]();
  });
  const ask: SignInFixture['door']['ask'] = (...asked) => fixture.door.ask(...asked);
  const made = async (more: JsonObject = {}) => (await fixture.signIn(userId, password, more)).response;

  test('a right password makes one, which says what was proven and of whom', async () => {
    const now = new Date(fixture.server.clock.nowMs).toISOString();
    const answer = await fixture.signIn(userId, password, {
      metadata: { note: 'aGVsbG8=' },
      userAgent: { fingerprintId: 'f1', ip: '192.0.2.7', header: { accept: { values: ['a', 'b'] } } },
      lifetime: '60s',
    });
    expect(answer).toMatchObject({ code: 'OK', httpStatus: 201 });
    expect(answer.response).toEqual({
      details: { sequence: '1', changeDate: now, resourceOwner: 'home', creationDate: now },
      sessionId: expect.stringMatching(/^\d+$/),
      sessionToken: expect.stringMatching(/^[\w-]{43}$/),
      deviceToken: expect.stringMatching(/^[\w-]+\.[\w-]{43}$/),
    });
    const { sessionId } = answer.response;
    expect((await ask('GetSession', { sessionId: String(sessionId) })).response).toEqual({
      session: {
        id: sessionId,
        creationDate: now,
        changeDate: now,
        sequence: '1',
        factors: {
          user: {
            verifiedAt: now,
            id: userId,
            loginName: 'ada@home.example',
            displayName: 'Given Family',
            organizationId: 'home',
          },
          password: { verifiedAt: now },
        },
        metadata: { note: 'aGVsbG8=' },
        userAgent: { fingerprintId: 'f1', ip: '192.0.2.7', header: { accept: { values: ['a', 'b'] } } },
        expirationDate: new Date(fixture.server.clock.nowMs + 60_000).toISOString(),
      },
    });
    const newest = (
      await fixture.server.app.store.listEvents({
        afterPosition: 0,
        limit: 1,
        userId: 'ada' as never,
        newestFirst: true,
      })
    )[0];
    expect(newest).toMatchObject({
      type: 'user.human.password.check.succeeded',
      payload: { sessionId },
      meta: { ip: '192.0.2.7' },
    });
  });

  test('checks come one after the other, and the token changes with each', async () => {
    const begun = (await ask('CreateSession', { checks: { user: { userId } } })).response;
    const sessionId = String(begun.sessionId);
    const first = String(begun.sessionToken);
    const set = (token: string, more: JsonObject) =>
      ask('SetSession', { sessionId, sessionToken: token, ...more });
    const checked = await set(first, { checks: { password: { password } } });
    expect(checked).toMatchObject({ code: 'OK', httpStatus: 200, response: { details: { sequence: '2' } } });
    expect(await set(first, {})).toMatchObject({ code: 'PermissionDenied', message: tokenInvalid });
    expect(await fixture.look(begun)).toMatchObject({ code: 'PermissionDenied', message: tokenInvalid });
    const second = checked.response.sessionToken ?? '';
    expect(await fixture.look({ sessionId, sessionToken: second })).toMatchObject({
      response: { session: { factors: { password: {} }, sequence: '2' } },
    });
    const other = await fixture.server.people.user({ organization: 'home' });
    expect(await set(String(second), { checks: { user: { userId: other } } })).toMatchObject({
      code: 'FailedPrecondition',
      message: 'Session belongs to another user (LATCH-s3ssus3r)',
    });
  });

  test('notes are kept, replaced, and taken away by an empty value', async () => {
    const { sessionId = '' } = await made({ metadata: { a: 'YQ==', b: 'Yg==' } });
    await ask('SetSession', { sessionId, metadata: { a: '', c: 'Yw==' } });
    const { response } = await ask('GetSession', { sessionId });
    expect(response).toMatchObject({ session: { metadata: { b: 'Yg==', c: 'Yw==' } } });
    expect((response.session as JsonObject).metadata).not.toHaveProperty('a');
  });

  test('it ends when its time is up, and a later change gives it more', async () => {
    const session = await made({ lifetime: '10s' });
    const { sessionId = '' } = session;
    fixture.server.clock.nowMs += 9_999;
    expect((await fixture.look(session)).code).toBe('OK');
    const longer = await ask('SetSession', { sessionId, lifetime: '10s' });
    fixture.server.clock.nowMs += 9_999;
    const { sessionToken = '' } = longer.response;
    expect((await fixture.look({ sessionId, sessionToken })).code).toBe('OK');
    fixture.server.clock.nowMs += 1;
    for (const again of [
      await fixture.look({ sessionId, sessionToken }),
      await ask('SetSession', { sessionId }),
      await ask('DeleteSession', { sessionId }),
      await ask('GetSession', { sessionId: 'none' }),
    ]) {
      expect(again).toMatchObject({ code: 'NotFound', message: notFound });
    }
  });

  test('deleted, it is gone with its token', async () => {
    const session = await made();
    const { sessionId = '' } = session;
    expect(await ask('DeleteSession', { sessionId })).toMatchObject({
      code: 'OK',
      response: { details: { sequence: '2', resourceOwner: 'home' } },
    });
    expect(await fixture.look(session)).toMatchObject({ code: 'NotFound', message: notFound });
  });

  test('who holds nothing but its newest token may look at it and end it', async () => {
    const token = await fixture.server.people.caller({ organization: 'abroad', roles: [] });
    const session = await made();
    const { sessionId = '', sessionToken = '' } = session;
    expect((await ask('GetSession', { sessionId }, token)).code).toBe('PermissionDenied');
    const wrong = { sessionId, sessionToken: 'x'.repeat(43) };
    const unknown = { sessionId: 'none', sessionToken: 'x'.repeat(43) };
    const refused = await ask('GetSession', wrong, token);
    expect(refused.code).toBe('PermissionDenied');
    expect(await ask('GetSession', unknown, token)).toEqual(refused);
    expect((await ask('GetSession', { sessionId, sessionToken }, token)).code).toBe('OK');
    expect((await ask('DeleteSession', { sessionId, sessionToken }, token)).code).toBe('OK');
  });

  test('lists show open ones by each of the filters, and to each caller their own organization', async () => {
    const abroad = await fixture.server.people.user({ organization: 'abroad' });
    const agent = { userAgent: { fingerprintId: `only-${kind}` } };
    const here = (await made(agent)).sessionId;
    const there = (await fixture.signIn(abroad)).response.sessionId;
    const nobodys = (await ask('CreateSession', {})).response.sessionId;
    const ids = async (queries: readonly JsonObject[], token?: string) => {
      const { response } = await ask('ListSessions', { queries: [...queries] }, token);
      return ((response.sessions ?? []) as JsonObject[]).map(({ id }) => id).sort();
    };
    const all = { idsQuery: { ids: [here, there, nobodys].map(String) } };
    expect(await ids([all])).toEqual([here, there, nobodys].sort());
    expect(await ids([{ userIdQuery: { id: abroad } }])).toEqual([there]);
    expect(await ids([{ userAgentQuery: { fingerprintId: `only-${kind}` } }])).toEqual([here]);
    const creationDate = new Date(fixture.server.clock.nowMs).toISOString();
    const method = 'TIMESTAMP_QUERY_METHOD_GREATER';
    expect(await ids([all, { creationDateQuery: { creationDate, method } }])).toEqual([]);
    expect(await ids([all, { creatorQuery: {} }])).toHaveLength(3);
    expect(await ids([all, { creatorQuery: { id: 'nobody' } }])).toEqual([]);
    const role = { role: 'ORG_OWNER', organization: 'abroad' };
    const owner = await fixture.server.people.caller({ organization: 'abroad', roles: [role] });
    expect(await ids([all], owner)).toEqual([there]);
  });

  const states = ['initial', 'active', 'inactive', 'locked', 'deleted'] as const;
  test.each(states)('a user who is %s', async (state) => {
    const { people } = fixture.server;
    const id = await people.user({ organization: 'home', state });
    const named = (await ask('CreateSession', { checks: { user: { userId: id } } })).message;
    const checked = (await fixture.signIn(id)).message;
    const shut = 'Errors.User.NotActive (SESSION-Gj4ko)';
    const expected = {
      initial: ['', 'User has not set a password (COMMAND-3nJ4t)'],
      active: ['', ''],
      inactive: [shut, shut],
      locked: [shut, shut],
      deleted: [unknownUser, unknownUser],
    } as const;
    expect([named, checked]).toEqual(expected[state]);
  });

  test.each(['lock', 'deactivate', 'delete'] as const)('%s ends them, for good', async (action) => {
    const { people } = fixture.server;
    const id = await people.user({ organization: 'home' });
    const session = (await fixture.signIn(id)).response;
    const named = await people.session(id);
    await people.act(id, action);
    const refused = { code: 'NotFound', message: notFound };
    const sessionId = String(session.sessionId);
    expect(await fixture.look(session)).toMatchObject(refused);
    expect(await ask('SetSession', { ...named })).toMatchObject(refused);
    if (action === 'lock') await people.act(id, 'unlock');
    if (action === 'deactivate') await people.act(id, 'reactivate');
    if (action === 'delete') await people.user({ organization: 'abroad', userId: id });
    expect(await fixture.look(session)).toMatchObject(refused);
    expect(await ask('GetSession', { sessionId })).toMatchObject(refused);
    expect((await fixture.signIn(id)).code).toBe('OK');
  });

  test('the sweep deletes what is over, and nothing else', async () => {
    const { app, clock } = fixture.server;
    while ((await app.store.removeSessionsOver(clock.nowMs, 100)) > 0);
    const lasting = await made();
    await made({ lifetime: '5s' });
    await made({ lifetime: '5s' });
    expect(await app.store.removeSessionsOver(clock.nowMs + 4_999, 10)).toBe(0);
    expect(await app.store.removeSessionsOver(clock.nowMs + 5_000, 1)).toBe(1);
    expect(await app.store.removeSessionsOver(clock.nowMs + 5_000, 10)).toBe(1);
    expect((await fixture.look(lasting)).code).toBe('OK');
  });
});
