import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openDoor } from '../support/door.ts';
import { serveLogged } from '../support/logged-server.ts';
import { type Hooked, startHooked } from './hooked.ts';
import { messageIn, type Receiver, startReceiver } from './receiver.ts';

const resources = new AsyncDisposableStack();
let hooked: Hooked;
beforeAll(async () => {
  hooked = resources.use(await startHooked());
});
afterAll(() => resources.disposeAsync());

const receiver = async (): Promise<Receiver> => resources.use(await startReceiver());
const people = () => hooked.server.people;
const locks = ['user.locked'];
const lockSomeone = async (organization: string): Promise<string> => {
  const userId = await people().user({ organization });
  await hooked.door.ask('LockUser', { userId, reason: 'lost her phone' });
  return userId;
};
const usersOf = ({ received }: Receiver) => received.map((one) => messageIn(one).data.userId);
/** Somebody with a role, who has a token; answers both. */
async function owner(role: string): Promise<{ readonly userId: string; readonly token: string }> {
  const userId = await people().user({ organization: 'home', kind: 'machine' });
  await people().grant(userId, role.startsWith('IAM_') ? role : { role, organization: 'home' });
  return { userId, token: await people().token(userId) };
}

describe('what is sent is what the owner may read', () => {
  test('of their own organization, to who owns that; of all, to who manages all', async () => {
    const [home, all] = [await receiver(), await receiver()];
    const { token: owns } = await owner('ORG_OWNER');
    const { token: manages } = await owner('IAM_ORG_MANAGER');
    await hooked.subscribe({ url: home.url, organizationId: 'home', eventTypes: locks }, owns);
    await hooked.subscribe({ url: all.url, eventTypes: locks }, manages);
    const userIds = [await lockSomeone('abroad'), await lockSomeone('home'), await lockSomeone('abroad')];
    await all.until(3);
    await home.until(1);
    expect(usersOf(all)).toEqual(userIds);
    expect(usersOf(home)).toEqual([userIds[1]]);
  });

  test('an owner of one organization has none of all, nor of another', async () => {
    const { token } = await owner('ORG_OWNER');
    await expect(hooked.subscribe({ url: 'https://x.example' }, token)).rejects.toThrow('PermissionDenied');
    const abroad = { url: 'https://x.example', organizationId: 'abroad' };
    await expect(hooked.subscribe(abroad, token)).rejects.toThrow('NotFound');
  });

  test('ids, cause and times for who may not read the log; the event itself for who may', async () => {
    const [thin, whole] = [await receiver(), await receiver()];
    const { token } = await owner('ORG_OWNER');
    await hooked.subscribe({ url: thin.url, organizationId: 'home', eventTypes: locks }, token);
    await hooked.subscribe({ url: whole.url, organizationId: 'home', eventTypes: locks });
    const userId = await people().user({ organization: 'home' });
    const until = new Date(Date.now() + 3_600_000).toISOString();
    await hooked.door.ask('LockService.LockUser', { userId, reason: 'lost her phone', until });
    await Promise.all([thin.until(1), whole.until(1)]);
    const [little, much] = [thin, whole].map(({ received: [one] }) => one && messageIn(one));
    const facts = { userId, organizationId: 'home', cause: 'administrator', generation: 2, until };
    expect(little?.data).toEqual({ ...facts, eventId: expect.any(String) });
    expect(much?.data).toMatchObject({
      ...facts,
      event: { sequence: '2', type: 'user.locked', actor: { reason: 'lost her phone' } },
    });
    expect(little?.timestamp).toBe(much?.timestamp);
  });

  test('nothing more from the moment on in which the right is taken away; it pauses, and says why', async () => {
    const to = await receiver();
    const { userId: ownerId, token } = await owner('ORG_OWNER');
    const wanted = { url: to.url, organizationId: 'home', eventTypes: locks };
    const { subscriptionId } = await hooked.subscribe(wanted, token);
    const before = await lockSomeone('home');
    await to.until(1);
    const grant = { userId: ownerId, role: 'ORG_OWNER', organizationId: 'home' };
    await hooked.door.ask('RemoveGrant', grant);
    const after = await lockSomeone('home');
    await hooked.untilShown(subscriptionId, { pauseCause: 'PAUSE_CAUSE_OWNER' });
    expect(usersOf(to)).toEqual([before]);
    // Given back, and resumed: nothing is left out.
    await people().grant(ownerId, { role: 'ORG_OWNER', organization: 'home' });
    await hooked.door.ask('ResumeSubscription', { subscriptionId });
    await to.until(2);
    expect(usersOf(to)).toEqual([before, after]);
  });

  test('nothing for an owner who is locked', async () => {
    const to = await receiver();
    const { userId: ownerId, token } = await owner('ORG_OWNER');
    const wanted = { url: to.url, organizationId: 'home', eventTypes: locks };
    const { subscriptionId } = await hooked.subscribe(wanted, token);
    await people().act(ownerId, 'lock');
    await lockSomeone('home');
    await hooked.untilShown(subscriptionId, { pauseCause: 'PAUSE_CAUSE_OWNER' });
    expect(to.received).toEqual([]);
  });

  test('whoever changes it reads for it from then on', async () => {
    const to = await receiver();
    const { subscriptionId } = await hooked.subscribe({ url: 'http://127.0.0.1:1/', eventTypes: locks });
    const { userId, token } = await owner('IAM_ORG_MANAGER');
    const { response } = await hooked.door.ask('UpdateSubscription', { subscriptionId, url: to.url }, token);
    expect(response.subscription).toMatchObject({ ownerUserId: userId, url: to.url });
    await lockSomeone('home');
    await to.until(1);
    const [one] = to.received;
    expect(one && messageIn(one).data).not.toHaveProperty('event');
  });

  test('a deleted id that is used again tells nobody abroad of its life before', async () => {
    const [home, all] = [await receiver(), await receiver()];
    const { token } = await owner('ORG_OWNER');
    const events = ['user.locked', 'user.human.added'];
    const { subscriptionId } = await hooked.subscribe(
      { url: home.url, organizationId: 'home', eventTypes: events },
      token,
    );
    await hooked.subscribe({ url: all.url, eventTypes: events });
    await hooked.door.ask('PauseSubscription', { subscriptionId });
    const userId = await people().user({ organization: 'abroad', userId: 'twice' });
    await hooked.door.ask('LockUser', { userId });
    await all.until(2);
    await hooked.door.ask('DeleteUser', { userId });
    await people().user({ organization: 'home', userId: 'twice' });
    await hooked.door.ask('ResumeSubscription', { subscriptionId });
    await home.until(1);
    await all.until(3);
    expect(home.received.map((one) => messageIn(one).type)).toEqual(['user.human.added']);
  });

  test('of the instance, to who reads all of it alone', async () => {
    const [home, all] = [await receiver(), await receiver()];
    const { token } = await owner('ORG_OWNER');
    await hooked.subscribe({ url: home.url, organizationId: 'home' }, token);
    await hooked.subscribe({ url: all.url, eventTypes: ['policy.lockout.changed', 'organization.added'] });
    await hooked.door.ask('SetLockoutPolicy', { policy: { maxPasswordAttempts: 7 } });
    await hooked.door.ask('CreateOrganization', { name: 'third', organizationId: 'third' });
    await hooked.door.ask('SetLockoutPolicy', { organizationId: 'home', policy: { maxPasswordAttempts: 6 } });
    const userId = await lockSomeone('home');
    await home.until(
      1,
      (one) => messageIn(one).data.userId === userId && messageIn(one).type === 'user.locked',
    );
    await all.until(3);
    const told = home.received.map((one) => messageIn(one));
    expect(told.filter(({ type }) => !type.startsWith('user.')).map(({ data }) => data)).toEqual([
      { eventId: expect.any(String), organizationId: 'home' },
    ]);
    expect(all.received.map((one) => messageIn(one).data.organizationId)).toEqual([
      undefined,
      'third',
      'home',
    ]);
  });
});

test('a subscription belongs to a user of this server', async () => {
  const door = resources.use(openDoor(hooked.server.url, hooked.token));
  const { response } = await door.ask('GetCaller', {});
  const { subscriptionId } = await hooked.subscribe({ url: 'https://x.example' });
  expect(await hooked.shown(subscriptionId)).toMatchObject({ ownerUserId: response.userId });
});

test.each([
  ['ftp://x.example/', 'url: must be a URL of https or http'],
  ['https:///x', 'url: must be a URL of https or http'],
  ['x.example', 'url: must be a URL of https or http'],
  ['https://user:secret@x.example/', 'url: must hold no user and no password'],
  ['https://x.example/#part', 'url: must have no fragment'],
])('%s is refused: %s', async (url, text) => {
  const answer = await hooked.door.ask('CreateSubscription', { url });
  expect(answer).toMatchObject({ code: 'InvalidArgument', message: text });
});

test('an unknown type of event is refused', async () => {
  const request = { url: 'https://x.example', eventTypes: ['user.locked', 'user.lokced'] };
  expect(await hooked.door.ask('CreateSubscription', request)).toMatchObject({ code: 'InvalidArgument' });
});

test('an organization has 50 at most', async () => {
  await people().organization('crowded');
  const request = { url: 'https://127.0.0.1/', organizationId: 'crowded' };
  for (let nth = 0; nth < 50; nth += 1) await hooked.subscribe(request);
  await expect(hooked.subscribe(request)).rejects.toThrow('LATCH-subsmany');
});

test('an organization has 50 at most, however many are asked for at once', async () => {
  await people().organization('crowding');
  const request = { url: 'https://127.0.0.1/', organizationId: 'crowding' };
  const asked = Array.from({ length: 80 }, () => hooked.door.ask('CreateSubscription', request));
  const codes = new Set((await Promise.all(asked)).map(({ code }) => code));
  expect(codes).toContain('ResourceExhausted');
  const owner = await people().caller({
    organization: 'crowding',
    roles: [{ role: 'ORG_OWNER', organization: 'crowding' }],
  });
  const { response } = await hooked.door.ask('ListSubscriptions', {}, owner);
  expect(Number((response.details as JsonObject | undefined)?.totalResult ?? 0)).toBeLessThanOrEqual(50);
});

describe('a secret', () => {
  test('is in no answer but that which makes it, and in no row', async () => {
    const to = await receiver();
    const { subscriptionId, secret } = await hooked.subscribe({ url: to.url, eventTypes: locks });
    const rotated = await hooked.door.ask('UpdateSubscription', { subscriptionId, rotateSecret: true });
    const secrets = [secret, String(rotated.response.secret)];
    await hooked.door.ask('TestSubscription', { subscriptionId });
    const said: string[] = [];
    for (const method of ['GetSubscription', 'ListSubscriptions', 'ListAttempts', 'ListEvents'] as const) {
      const message = method.startsWith('List') && method !== 'ListAttempts' ? {} : { subscriptionId };
      said.push(JSON.stringify((await hooked.door.ask(method, message)).response));
    }
    said.push(JSON.stringify(await hooked.server.app.store.loadSubscription(subscriptionId)));
    said.push(JSON.stringify(to.received));
    for (const one of secrets) {
      expect(one).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
      for (const text of said) expect(text).not.toContain(one.slice('whsec_'.length));
    }
    expect(new Set(secrets).size).toBe(2);
  });

  test('is in no line of the log, and neither is the URL', async () => {
    await using to = await startReceiver();
    await using logged = await serveLogged('pipe', ['--outbound-allow', '127.0.0.1']);
    const { door } = logged;
    to.answer = (res) => res.writeHead(500).end();
    const url = `${to.url}in/s3cr3t-path`;
    const { response } = await door.ask('CreateSubscription', { url, eventTypes: locks });
    const { organizationId = '' } = (await door.ask('GetCaller', {})).response;
    const human = { profile: { givenName: 'A', familyName: 'B' }, email: { email: 'a@b.example' } };
    const made = await door.ask('CreateUser', { organizationId, human });
    await door.ask('LockUser', { userId: String(made.response.id) });
    await logged.logged('a delivery failed');
    const { errors: text } = await logged.stop();
    expect(text).not.toContain(String(response.secret).slice('whsec_'.length));
    expect(text).not.toContain('s3cr3t-path');
  });
});
