import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { dialects, openClients } from '../support/dialects/all.ts';
import { type Door, openDoor } from '../support/door.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';

const untouched = {
  maxPasswordAttempts: 7,
  window: '0s',
  lockDuration: '0s',
  lockGrowth: 1,
  maxLockDuration: '0s',
  knownDevices: true,
  repeatsCountOnce: true,
  maxAddressFailures: 100,
  resetUnlocks: false,
};

describe.each(stores)('on %s', (store) => {
  let server: TestServer;
  let door: Door;
  let token: string;

  beforeAll(async () => {
    server = await startServer({ store, flags: ['--lockout-attempts', '7'] });
    for (const id of ['home', 'abroad']) await server.people.organization(id);
    token = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
    door = openDoor(server.url, token);
  });
  afterAll(async () => {
    await door[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    for (const organizationId of [undefined, 'home', 'abroad']) await reset(organizationId);
    server.clock.nowMs += 1_000;
  });

  const of = (organizationId: string | undefined): JsonObject =>
    organizationId === undefined ? {} : { organizationId };
  const get = async (organizationId?: string) =>
    (await door.ask('GetLockoutPolicy', of(organizationId))).response;
  const set = (policy: JsonObject, organizationId?: string, as?: string) =>
    door.ask('SetLockoutPolicy', { policy, ...of(organizationId) }, as);
  const reset = (organizationId?: string) => door.ask('ResetLockoutPolicy', of(organizationId));
  const settings = async (ctx?: JsonObject, headers = {}) =>
    (await door.ask('GetLockoutSettings', ctx === undefined ? {} : { ctx }, undefined, headers)).response;

  test("where nothing was set, the server's limit and the defaults hold", async () => {
    for (const organizationId of [undefined, 'home']) {
      expect(await get(organizationId)).toEqual({ policy: untouched, source: 'POLICY_SOURCE_DEFAULT' });
    }
  });

  test("the instance's holds for every organization, an organization's own beats it", async () => {
    await set({ maxPasswordAttempts: 5 });
    await set({ maxPasswordAttempts: 3 }, 'home');
    const found = [await get(), await get('home'), await get('abroad')];
    expect(found).toMatchObject([
      { policy: { maxPasswordAttempts: 5 }, source: 'POLICY_SOURCE_INSTANCE' },
      { policy: { maxPasswordAttempts: 3 }, source: 'POLICY_SOURCE_ORGANIZATION' },
      { policy: { maxPasswordAttempts: 5 }, source: 'POLICY_SOURCE_INSTANCE' },
    ]);
    expect(await get('home')).toMatchObject({ details: { resourceOwner: 'home' } });
    await reset('home');
    expect(await get('home')).toMatchObject({ policy: { maxPasswordAttempts: 5 } });
    await reset();
    expect(await get('home')).toEqual({ policy: untouched, source: 'POLICY_SOURCE_DEFAULT' });
  });

  test('what is left out stays as it is in force', async () => {
    await set({ window: '600s', lockDuration: '900s', lockGrowth: 2, maxLockDuration: '3600s' });
    await set({ knownDevices: false, repeatsCountOnce: false, maxAddressFailures: 0 }, 'home');
    expect((await get('home')).policy).toEqual({
      ...untouched,
      ...{ window: '600s', lockDuration: '900s', lockGrowth: 2, maxLockDuration: '3600s' },
      ...{ knownDevices: false, repeatsCountOnce: false, maxAddressFailures: 0 },
    });
    await set({ lockDuration: '60s' }, 'home');
    expect((await get('home')).policy).toMatchObject({ window: '600s', lockDuration: '60s' });
  });

  test('its details count its own changes; every change has its event', async () => {
    await set({}, 'abroad');
    const first = (await get('abroad')).details as { sequence: string; creationDate: string };
    server.clock.nowMs += 1_000;
    const changeDate = new Date(server.clock.nowMs).toISOString();
    const sequence = String(Number(first.sequence) + 1);
    const details = { sequence, changeDate, resourceOwner: 'abroad', creationDate: first.creationDate };
    expect((await set({ maxPasswordAttempts: 1 }, 'abroad')).response).toEqual({
      details,
      policy: { ...untouched, maxPasswordAttempts: 1 },
    });
    await reset('abroad');
    const { response } = await door.ask('ListEvents', { type: 'policy.lockout.removed', limit: 1_000 });
    expect((response.events as JsonObject[]).at(-1)).toMatchObject({ payload: { organizationId: 'abroad' } });
  });

  test('one that was never set cannot be reset, nor twice', async () => {
    const notSet = { code: 'NotFound', message: 'No lockout policy of its own is set (LATCH-p0l1cyno)' };
    expect([await reset(), await reset('home')]).toMatchObject([notSet, notSet]);
    await set({}, 'home');
    expect([await reset('home'), await reset('home')]).toMatchObject([{ code: 'OK' }, notSet]);
  });

  test.each([
    ['maxPasswordAttempts', 0, 100, 101],
    ['lockGrowth', 1, 10, 11],
    ['lockGrowth', 1, 10, 0],
    ['maxAddressFailures', 0, 100_000, 100_001],
    ['window', '0s', '31622400s', '31622401s'],
    ['lockDuration', '0s', '31622400s', '31622401s'],
    ['maxLockDuration', '0s', '31622400s', '31622401s'],
    ['window', '1s', '2s', '-1s'],
    ['lockDuration', '1s', '2s', '1.5s'],
  ])('%s: %s and %s are taken, %s is not', async (field, least, most, beyond) => {
    for (const value of [least, most]) {
      expect((await set({ [field]: value }, 'home')).code).toBe('OK');
      expect(((await get('home')).policy as JsonObject)[field]).toBe(value);
    }
    const refused = await set({ [field]: beyond }, 'home');
    const name = field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    expect(refused).toMatchObject({ code: 'InvalidArgument', details: [] });
    expect(refused.message).toContain(`policy.${name}: must be `);
    expect(((await get('home')).policy as JsonObject)[field]).toBe(most);
  });

  test('a request without a policy is refused', async () => {
    expect(await door.ask('SetLockoutPolicy', {})).toMatchObject({ code: 'InvalidArgument' });
  });

  test("the instance's takes a role on the instance", async () => {
    const roles = [{ role: 'ORG_OWNER', organization: 'home' }];
    const owner = await server.people.caller({ organization: 'home', roles });
    const forbidden = 'No matching permissions found (AUTH-AWfge)';
    expect((await set({}, undefined, owner)).message).toBe(forbidden);
    expect((await door.ask('GetLockoutPolicy', {}, owner)).message).toBe(forbidden);
    expect((await door.ask('ResetLockoutPolicy', {}, owner)).message).toBe(forbidden);
    expect((await door.ask('GetLockoutSettings', { ctx: { instance: true } }, owner)).message).toBe(
      forbidden,
    );
    expect((await door.ask('GetLockoutSettings', {}, owner)).code).toBe('OK');
  });

  test('ten changes at once are ten changes, or are told to try again', async () => {
    const codes = await Promise.all(
      Array.from({ length: 10 }, async (_, nth) => (await set({ maxPasswordAttempts: nth }, 'home')).code),
    );
    expect(new Set([...codes, 'OK', 'Aborted'])).toEqual(new Set(['OK', 'Aborted']));
    expect(codes).toContain('OK');
  });

  test('GetLockoutSettings says where the policy in force comes from', async () => {
    const shown = (max: string, type: string) => ({
      settings: { maxPasswordAttempts: max, resourceOwnerType: `RESOURCE_OWNER_TYPE_${type}` },
    });
    expect(await settings({ orgId: 'home' })).toEqual({ details: {}, ...shown('7', 'INSTANCE') });
    await set({ maxPasswordAttempts: 5 });
    await set({ maxPasswordAttempts: 3 }, 'home');
    expect(await settings({ orgId: 'home' })).toMatchObject(shown('3', 'ORG'));
    expect(await settings({ orgId: 'abroad' })).toMatchObject(shown('5', 'INSTANCE'));
    expect(await settings({ instance: true })).toMatchObject(shown('5', 'INSTANCE'));
    expect(await settings()).toMatchObject(shown('3', 'ORG'));
    expect(await settings({ instance: false })).toMatchObject(shown('3', 'ORG'));
    expect(await settings(undefined, { 'x-zitadel-orgid': 'abroad' })).toMatchObject(shown('5', 'INSTANCE'));
  });

  test('GetLockoutSettings is the same in every dialect', async () => {
    await set({ maxPasswordAttempts: 4 }, 'home');
    await using clients = openClients(server.url);
    const { details } = await get('home');
    // A GET has no body that could hold an RPC.
    for (const dialect of dialects.filter(({ url, frame }) => url === 'rpc' || frame === 'rest')) {
      const message = { ctx: { orgId: 'home' } };
      const answer = await clients.ask(dialect, { method: 'GetLockoutSettings', message, token });
      expect({ dialect: dialect.name, response: answer.response }).toEqual({
        dialect: dialect.name,
        response: {
          details,
          settings: { maxPasswordAttempts: '4', resourceOwnerType: 'RESOURCE_OWNER_TYPE_ORG' },
        },
      });
    }
  });
});
