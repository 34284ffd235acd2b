import { Code, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AdminService } from '../../gen/es/latchkey/v1/admin_pb.js';
import { type Clients, dialects, openClients } from '../support/dialects/all.ts';
import { openDoor } from '../support/door.ts';
import { audience, startIssuer, type TestIssuer } from '../support/issuer.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { ended, previewOf, startOf } from '../unlock-run/runs.ts';

const resources = new AsyncDisposableStack();
afterAll(() => resources.disposeAsync());

let issuer: TestIssuer;
let server: TestServer;
let clients: Clients;
let owner: string;

const roleMap = {
  helpdesk: 'ORG_USER_UNLOCKER@acme',
  'both, desks': ['ORG_USER_UNLOCKER@acme', 'ORG_USER_UNLOCKER@beta'],
  viewers: 'ORG_OWNER_VIEWER@acme',
  admins: 'IAM_OWNER',
};

const flagsOf = ({ url }: TestIssuer, claim = 'realm_access.roles'): readonly string[] => [
  ...['--oidc-issuer', url, '--oidc-audience', audience],
  ...['--oidc-roles-claim', claim, '--oidc-roles', JSON.stringify(roleMap)],
];

beforeAll(async () => {
  issuer = resources.use(await startIssuer());
  server = resources.use(await startServer({ flags: flagsOf(issuer) }));
  clients = resources.use(openClients(server.url));
  for (const organization of ['acme', 'beta']) await server.people.organization(organization);
  owner = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
});

const roles = (...held: readonly unknown[]) => ({ realm_access: { roles: held } });
const nowSeconds = () => Math.floor(server.clock.nowMs / 1_000);
const lockedIn = (organization: string) => server.people.user({ organization, state: 'locked' });

/** What comes of unlocking a user who is locked. */
async function unlock(token: string, organization = 'acme') {
  await using door = openDoor(server.url, token);
  return await door.ask('UnlockUser', { userId: await lockedIn(organization) });
}

describe("the issuer's token", () => {
  test.each(dialects)('unlocks, and the event names its subject: $name', async (dialect) => {
    const userId = await lockedIn('acme');
    const token = await issuer.sign({ claims: { ...roles('helpdesk'), sub: 'grace@example|7' } });
    const answer = await clients.ask(dialect, { method: 'UnlockUser', message: { userId }, token });
    expect(answer).toMatchObject({ code: 'OK' });
    await using door = openDoor(server.url, owner);
    const [last] = (await door.events(userId)).slice(-1);
    expect(last).toMatchObject({
      type: 'user.unlocked',
      actor: { subject: `${issuer.url}|grace@example|7`, ip: '127.0.0.1' },
    });
    expect(last).not.toHaveProperty('actor.userId');
    expect(last).not.toHaveProperty('actor.osUser');
  });

  test.each(['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'])('may be signed with %s', async (algorithm) => {
    const kid = await issuer.addKey(algorithm);
    server.clock.nowMs += 31_000;
    expect((await unlock(await issuer.sign({ kid, claims: roles('helpdesk') }))).code).toBe('OK');
  });

  test.each([
    ['in a list of audiences', { aud: ['other', audience] }, {}],
    ['as an access token by name', {}, { typ: 'at+jwt' }],
    ['as an access token by its whole name', {}, { typ: 'application/at+JWT' }],
    ['as a JWT by name', {}, { typ: 'JWT' }],
    ['with a subject of 200 characters', { sub: '🔑'.repeat(200) }, {}],
    ['just expired, within the skew', { exp: () => nowSeconds() - 29 }, {}],
    ['not yet valid, within the skew', { nbf: () => nowSeconds() + 30 }, {}],
  ])('is taken %s', async (_, claims, header) => {
    const made = Object.entries(claims).map(([name, value]) => [
      name,
      typeof value === 'function' ? value() : value,
    ]);
    const token = await issuer.sign({
      claims: { ...roles('helpdesk'), ...Object.fromEntries(made) },
      header,
    });
    expect((await unlock(token)).code).toBe('OK');
  });

  test('expires while it is in use', async () => {
    const token = await issuer.sign({ claims: { ...roles('helpdesk'), exp: nowSeconds() + 10 } });
    for (let call = 0; call < 2; call += 1) expect((await unlock(token)).code).toBe('OK');
    server.clock.nowMs += 39_000;
    expect((await unlock(token)).code).toBe('OK');
    server.clock.nowMs += 2_000;
    expect((await unlock(token)).code).toBe('Unauthenticated');
  });

  test.each([
    253_402_300_799, 253_402_300_800, 1e306,
  ])('may say that it ends at %f, and is told as far as a time goes', async (exp) => {
    const token = await issuer.sign({ claims: { ...roles('admins'), exp } });
    await using door = openDoor(server.url, token);
    const told = await door.ask('GetCaller', {});
    expect(told).toMatchObject({
      code: 'OK',
      response: { expires: expect.stringMatching(/^9999-12-31T23:59:59/) },
    });
    const filter = { userIds: [await lockedIn('acme')] };
    const run = await startOf(door, await previewOf(door, filter));
    expect(await ended(door, run)).toMatchObject({ unlocked: '1' });
  });

  test('follows events until it expires, and no longer', async () => {
    const token = await issuer.sign({ claims: { ...roles('admins'), exp: nowSeconds() + 60 } });
    const transport = createConnectTransport({ baseUrl: server.url, httpVersion: '1.1' });
    const options = { headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(10_000) };
    const events = createClient(AdminService, transport).followEvents({}, options)[Symbol.asyncIterator]();
    expect((await events.next()).done).toBe(false);
    server.clock.nowMs += 91_000;
    const rest = async () => {
      while (!(await events.next()).done);
    };
    await expect(rest()).rejects.toMatchObject({ code: Code.Unauthenticated });
  });
});

describe('what its roles are worth', () => {
  test.each([
    ['nothing without the claim', {}, 'PermissionDenied', 'PermissionDenied'],
    ['nothing for a value that is not in the map', roles('staff'), 'PermissionDenied', 'PermissionDenied'],
    ['nothing for what is no text', roles(7, null, {}), 'PermissionDenied', 'PermissionDenied'],
    [
      'nothing for a name that every object has',
      roles('constructor'),
      'PermissionDenied',
      'PermissionDenied',
    ],
    ['the organization of the map alone', roles('helpdesk'), 'OK', 'NotFound'],
    ['reading alone', roles('viewers'), 'PermissionDenied', 'PermissionDenied'],
    ['several', roles('both, desks', 'staff'), 'OK', 'OK'],
    ['the instance', roles('admins'), 'OK', 'OK'],
    ['as one text', { realm_access: { roles: 'helpdesk' } }, 'OK', 'NotFound'],
    ['as the names of an object', { realm_access: { roles: { helpdesk: { 1: 'x' } } } }, 'OK', 'NotFound'],
    ['by the whole name of the claim', { 'realm_access.roles': ['helpdesk'] }, 'OK', 'NotFound'],
    [
      'nothing where the path ends early',
      { realm_access: 'helpdesk' },
      'PermissionDenied',
      'PermissionDenied',
    ],
  ])('%s', async (_, claims, here, there) => {
    const token = await issuer.sign({ claims });
    expect((await unlock(token)).code).toBe(here);
    expect((await unlock(token, 'beta')).code).toBe(there);
  });

  test('ends with the token that carries them: the next one is worth what it says', async () => {
    expect((await unlock(await issuer.sign({ claims: roles('helpdesk') }))).code).toBe('OK');
    expect((await unlock(await issuer.sign({ claims: roles() }))).code).toBe('PermissionDenied');
  });

  test("another organization's user is answered as one that does not exist", async () => {
    await using door = openDoor(server.url, await issuer.sign({ claims: roles('helpdesk') }));
    const hidden = await door.ask('UnlockUser', { userId: await lockedIn('beta') });
    expect(hidden).toEqual(await door.ask('UnlockUser', { userId: 'nobody' }));
    expect(hidden.httpStatus).toBe(404);
  });

  test('x-zitadel-orgid must name an organization, as for every caller', async () => {
    const token = await issuer.sign({ claims: roles('helpdesk') });
    await using door = openDoor(server.url, token);
    const userId = await lockedIn('acme');
    const ask = (id: string) => door.ask('UnlockUser', { userId }, token, { 'x-zitadel-orgid': id });
    expect(await ask('nowhere')).toMatchObject({ message: "Organisation doesn't exist (AUTH-Bs7Ds)" });
    expect((await ask('beta')).code).toBe('OK');
  });
});
