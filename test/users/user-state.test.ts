import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Answer } from '../support/answer.ts';
import { type Door, openDoor } from '../support/door.ts';
import { password } from '../support/people.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';

const states = ['initial', 'active', 'inactive', 'locked'] as const;

const calls = {
  lock: { method: 'LockUser', event: 'user.locked', unknown: 'COMMAND-450yxuqrh1' },
  unlock: { method: 'UnlockUser', event: 'user.unlocked', unknown: 'COMMAND-x377t913pw' },
  deactivate: { method: 'DeactivateUser', event: 'user.deactivated', unknown: 'COMMAND-5gp2p62iin' },
  reactivate: { method: 'ReactivateUser', event: 'user.reactivated', unknown: 'COMMAND-9hy5kzbuk6' },
  delete: { method: 'DeleteUser', event: 'user.removed', unknown: 'COMMAND-bd4ir1mblj' },
} as const;
type Action = keyof typeof calls;

const notActiveOrInitial = 'User is not active or initial (COMMAND-lgws8wtsqf)';
const notLocked = 'User is not locked (COMMAND-olb9vb0oca)';
const notInactive = 'User is not inactive (COMMAND-s5qqcz97hf)';
const initialStays = 'User with state initial can only be deleted not deactivated (COMMAND-gvx4kct9r2)';
const alreadyInactive = 'User already inactive (COMMAND-5gunjw0cd7)';

/** Action × state, in the order of `states`: the next state, or why not. */
const table: Readonly<Record<Action, readonly [string, string, string, string]>> = {
  lock: ['LOCKED', 'LOCKED', notActiveOrInitial, notActiveOrInitial],
  unlock: [notLocked, notLocked, notLocked, 'ACTIVE'],
  deactivate: [initialStays, 'INACTIVE', alreadyInactive, 'INACTIVE'],
  reactivate: [notInactive, notInactive, 'ACTIVE', notInactive],
  delete: ['DELETED', 'DELETED', 'DELETED', 'DELETED'],
};
const cells = Object.entries(table).flatMap(([action, row]) =>
  states.map((state, index) => ({ action: action as Action, state, outcome: row[index] ?? '' })),
);
const accepted = cells.filter(({ outcome }) => /^[A-Z]+$/.test(outcome));
const refused = cells.filter(({ outcome }) => !/^[A-Z]+$/.test(outcome));

describe.each(stores)('on %s', (store) => {
  let server: TestServer;
  let door: Door;

  beforeAll(async () => {
    server = await startServer({ store, flags: ['--lockout-attempts', '5'] });
    await server.people.organization('acme');
    door = openDoor(server.url, await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] }));
  });
  afterAll(async () => {
    await door[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const act = (action: Action, userId: string): Promise<Answer> => door.ask(calls[action].method, { userId });
  const newest = async (userId: string): Promise<JsonObject> => (await door.events(userId)).at(-1) ?? {};
  const stateOf = async (userId: string): Promise<unknown> =>
    (await door.user(userId))?.state ?? 'USER_STATE_DELETED';
  let guesses = 0;
  const wrongPassword = async (userId: string): Promise<unknown> =>
    (
      await door.ask('SetPassword', {
        userId,
        currentPassword: `wrong ${++guesses}`,
        newPassword: { password: 'next' },
      })
    ).details[0];

  test.each(accepted)('$action, $state → $outcome', async ({ action, state, outcome }) => {
    const createdMs = server.clock.nowMs;
    const userId = await server.people.user({ organization: 'acme', state });
    const before = await newest(userId);
    server.clock.nowMs += 86_400_000;
    const answer = await act(action, userId);
    const sequence = String(Number(before.sequence) + 1);
    expect(answer.response).toEqual({
      details: {
        sequence,
        changeDate: new Date(server.clock.nowMs).toISOString(),
        resourceOwner: 'acme',
        creationDate: new Date(createdMs).toISOString(),
      },
    });
    expect(await newest(userId)).toMatchObject({
      userId,
      sequence,
      type: calls[action].event,
      creationDate: new Date(server.clock.nowMs).toISOString(),
      actor: { ip: '127.0.0.1', requestId: expect.any(String), userId: expect.any(String) },
    });
    expect(await stateOf(userId)).toBe(`USER_STATE_${outcome}`);
  });

  test.each(refused)('$action, $state: $outcome', async ({ action, state, outcome }) => {
    const userId = await server.people.user({ organization: 'acme', state });
    const [before, events] = [await door.user(userId), await door.events(userId)];
    expect(await act(action, userId)).toMatchObject({ code: 'FailedPrecondition', message: outcome });
    expect(await door.user(userId)).toEqual(before);
    expect(await door.events(userId)).toEqual(events);
  });

  test.each(Object.entries(calls))('%s, deleted: as if the user had never been', async (action, call) => {
    const userId = await server.people.user({ organization: 'acme', state: 'deleted' });
    const events = await door.events(userId);
    const answer = await act(action as Action, userId);
    expect(answer).toMatchObject({
      code: 'NotFound',
      message: `User could not be found (${call.unknown})`,
      details: [{ id: call.unknown }, { reason: 'USER_NOT_FOUND' }],
    });
    expect(answer).toEqual(await act(action as Action, 'never'));
    expect(await door.events(userId)).toEqual(events);
  });

  test.each([
    { way: ['unlock'] },
    { way: ['deactivate', 'reactivate'] },
  ] as const)('$way ends a lock wholly: the count of wrong passwords starts anew', async ({ way }) => {
    const userId = await server.people.user({ organization: 'acme' });
    for (let count = 1; count <= 5; count += 1) {
      expect(await wrongPassword(userId)).toMatchObject({ failedAttempts: count });
    }
    expect(await stateOf(userId)).toBe('USER_STATE_LOCKED');
    for (const action of way) expect(await act(action, userId)).toMatchObject({ code: 'OK' });
    expect(await stateOf(userId)).toBe('USER_STATE_ACTIVE');
    expect(await wrongPassword(userId)).toMatchObject({ failedAttempts: 1 });
    const right = { userId, currentPassword: password, newPassword: { password: 'next' } };
    expect(await door.ask('SetPassword', right)).toMatchObject({ code: 'OK' });
  });

  test.each([
    { way: ['lock'], back: ['unlock'] },
    { way: ['deactivate'], back: ['reactivate'] },
    { way: ['lock', 'deactivate'], back: ['reactivate'] },
    { way: ['delete'], back: [] },
  ] as const)("$way: the user's tokens are refused, and still after $back", async ({ way, back }) => {
    const userId = await server.people.user({ organization: 'acme', kind: 'machine' });
    await server.people.grant(userId, 'IAM_OWNER');
    const token = await server.people.token(userId);
    const use = () => door.ask('ListUsers', {}, token);
    expect(await use()).toMatchObject({ code: 'OK' });
    for (const action of [...way, ...back]) {
      await server.people.act(userId, action);
      expect(await use()).toMatchObject({ message: 'Errors.Token.Invalid (AUTH-7fs1e)' });
    }
    const listed = await door.ask('ListPersonalAccessTokens', {
      filters: [{ userIdFilter: { id: userId } }],
    });
    expect(listed.response.pagination).toEqual({ appliedLimit: '100' });
    if (back.length === 0) return;
    const next = await server.people.token(userId);
    expect(await door.ask('ListUsers', {}, next)).toMatchObject({ code: 'OK' });
  });

  test('a locked and an inactive machine user get no token; an active one does', async () => {
    const codes = [];
    for (const state of ['active', 'locked', 'inactive', 'deleted'] as const) {
      const userId = await server.people.user({ organization: 'acme', kind: 'machine', state });
      const answer = await door.ask('AddPersonalAccessToken', {
        userId,
        expirationDate: '2030-01-01T00:00:00Z',
      });
      codes.push(`${state}: ${answer.message || answer.code}`);
    }
    expect(codes).toEqual([
      'active: OK',
      'locked: Only an active user gets a token (LATCH-t0kinact)',
      'inactive: Only an active user gets a token (LATCH-t0kinact)',
      'deleted: User could not be found (LATCH-us3rnf0d)',
    ]);
  });
});
