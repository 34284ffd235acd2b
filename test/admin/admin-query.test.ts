import { type Client, Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AdminService, type Event } from '../../gen/es/latchkey/v1/admin_pb.js';
import { systemCaller } from '../../src/auth/caller.ts';
import { removeToken } from '../../src/commands/tokens.ts';
import { parseUserId } from '../../src/domain/ids.ts';
import { startServer, type TestServer } from '../support/start-server.ts';

let server: TestServer;
const clients = {} as Record<'instance' | 'acme' | 'nobody', Client<typeof AdminService>>;

beforeAll(async () => {
  server = await startServer();
  const { people } = server;
  for (const id of ['acme', 'beta', 'home']) await people.organization(id);
  await people.user({ organization: 'acme', userId: 'u1' });
  await people.grant('u1', { role: 'ORG_OWNER', organization: 'acme' });
  await people.grant('u1', { role: 'ORG_OWNER', organization: 'beta' });
  await people.grant('u1', 'IAM_OWNER_VIEWER');
  await people.user({ organization: 'beta', userId: 'u2' });
  await people.grant('u2', { role: 'ORG_USER_MANAGER', organization: 'acme' });
  const roles = [{ role: 'ORG_OWNER_VIEWER', organization: 'acme' }];
  clients.instance = clientOf(await people.caller({ organization: 'home', roles: ['IAM_OWNER'] }));
  clients.acme = clientOf(await people.caller({ organization: 'home', roles }));
  clients.nobody = clientOf(await people.caller({ organization: 'acme', roles: [] }));
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

function clientOf(token: string): Client<typeof AdminService> {
  return createClient(
    AdminService,
    createGrpcTransport({
      baseUrl: server.url,
      defaultTimeoutMs: 10_000,
      interceptors: [
        (next) => (req) => {
          req.header.set('authorization', `Bearer ${token}`);
          return next(req);
        },
      ],
    }),
  );
}

async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'no refusal';
  } catch (error) {
    const { code, rawMessage } = ConnectError.from(error);
    return `${Code[code]}: ${rawMessage}`;
  }
}

describe('ListOrganizations', () => {
  const idsOf = async (
    caller: 'instance' | 'acme',
    query: { asc?: boolean; limit?: number; offset?: bigint },
  ) => {
    const { organizations, details } = await clients[caller].listOrganizations({ query });
    return [...organizations.map(({ organizationId }) => organizationId), Number(details?.totalResult)];
  };

  test('answers those whose users the caller may read, by id', async () => {
    expect(await idsOf('instance', { asc: true })).toEqual(['acme', 'beta', 'home', 3]);
    expect(await idsOf('instance', {})).toEqual(['home', 'beta', 'acme', 3]);
    expect(await idsOf('instance', { asc: true, offset: 1n, limit: 1 })).toEqual(['beta', 3]);
    expect(await idsOf('acme', {})).toEqual(['acme', 1]);
  });

  test('refuses who may read nowhere, and a page too large', async () => {
    expect(await refusal(clients.nobody.listOrganizations({}))).toContain('PermissionDenied');
    const tooLarge = { query: { limit: 1_001 } };
    expect(await refusal(clients.instance.listOrganizations(tooLarge))).toContain('LATCH-l1m1tmax');
  });
});

describe('ListGrants', () => {
  const grantsOf = async (caller: 'instance' | 'acme', req: { userId?: string; organizationId?: string }) => {
    const { grants, details } = await clients[caller].listGrants({ ...req, query: { asc: true } });
    expect(details?.totalResult).toBe(BigInt(grants.length));
    return grants.map(
      ({ userId, role, organizationId }) => `${userId} ${role} ${organizationId ?? 'instance'}`,
    );
  };

  test('answers the grants of a user, in the order they were given', async () => {
    expect(await grantsOf('instance', { userId: 'u1' })).toEqual([
      'u1 ORG_OWNER acme',
      'u1 ORG_OWNER beta',
      'u1 IAM_OWNER_VIEWER instance',
    ]);
    expect(await grantsOf('instance', { userId: 'unknown' })).toEqual([]);
  });

  test('answers the grants on an organization', async () => {
    const found = await grantsOf('instance', { organizationId: 'acme' });
    expect(found.filter((grant) => grant.startsWith('u'))).toEqual([
      'u1 ORG_OWNER acme',
      'u2 ORG_USER_MANAGER acme',
    ]);
    expect(found).toHaveLength(3);
  });

  test('hides foreign holders and foreign organizations', async () => {
    expect(await grantsOf('acme', {})).toEqual(['u1 ORG_OWNER acme', 'u1 IAM_OWNER_VIEWER instance']);
    expect(await refusal(clients.nobody.listGrants({}))).toContain('PermissionDenied');
  });
});

describe('ListEvents', () => {
  test('answers every event once, page by page', async () => {
    const whole = await clients.instance.listEvents({ limit: 1_000 });
    const paged: Event[] = [];
    let afterPosition = 0n;
    for (let pages = 0; pages < 100; pages += 1) {
      const page = await clients.instance.listEvents({ afterPosition, limit: 3 });
      paged.push(...page.events);
      if (page.events.length === 0) {
        expect(page.nextPosition).toBe(afterPosition);
        break;
      }
      afterPosition = page.nextPosition;
    }
    expect(paged).toEqual(whole.events);
    expect(paged.map(({ position }) => Number(position))).toEqual(paged.map((_event, index) => index + 1));
  });

  test('tells who did what, and what the type does not say', async () => {
    const { events } = await clients.instance.listEvents({ userId: 'u2' });
    expect(events.map(({ type, sequence }) => `${sequence} ${type}`)).toEqual([
      '1 user.human.added',
      '2 user.grant.added',
    ]);
    expect(events[1]?.payload).toEqual({ role: 'ORG_USER_MANAGER', organizationId: 'acme' });
    expect(events[1]?.actor).toMatchObject({ userId: '', osUser: 'operator', userAgent: 'latchkey-cli' });
  });

  test('by type, alone and of one user', async () => {
    const type = 'organization.added';
    const { events } = await clients.instance.listEvents({ type });
    expect(events.map(({ payload }) => payload?.organizationId)).toEqual(['acme', 'beta', 'home']);
    expect((await clients.instance.listEvents({ type, limit: 2 })).events).toEqual(events.slice(0, 2));
    const granted = await clients.instance.listEvents({ userId: 'u1', type: 'user.grant.added', limit: 2 });
    expect(granted.events.map(({ sequence }) => sequence)).toEqual([2n, 3n]);
    expect((await clients.instance.listEvents({ userId: 'u1', type })).events).toEqual([]);
  });

  test('past the end, and past every number, there is nothing', async () => {
    const afterPosition = 2n ** 64n - 1n;
    expect(await clients.instance.listEvents({ afterPosition })).toMatchObject({
      events: [],
      nextPosition: afterPosition,
    });
  });

  test('takes events.read', async () => {
    expect(await refusal(clients.acme.listEvents({}))).toContain('PermissionDenied');
  });
});

describe('FollowEvents', () => {
  // A stream that is hung up on leaves the client's own deadline timer behind, so none is set here.
  const bounded = (hangUp?: AbortController) => {
    const limit = AbortSignal.timeout(20_000);
    return { timeoutMs: 0, signal: hangUp === undefined ? limit : AbortSignal.any([hangUp.signal, limit]) };
  };
  const unlocks = async (times: number) => {
    for (let time = 0; time < times; time += 1) {
      await server.people.act('u2', 'lock');
      await server.people.act('u2', 'unlock');
    }
  };

  test('sends what was, then what comes, without gap or repeat, and resumes', async () => {
    const before = (await clients.instance.listEvents({ limit: 1_000 })).events.length;
    const seen: number[] = [];
    const wanted = before + 40;
    // Hung up and resumed after every seventh event.
    for (let streams = 0; streams < 100 && seen.length < wanted; streams += 1) {
      const hangUp = new AbortController();
      const afterPosition = BigInt(seen.at(-1) ?? 0);
      const acting = streams === 2 ? unlocks(20) : undefined;
      try {
        for await (const { position } of clients.instance.followEvents({ afterPosition }, bounded(hangUp))) {
          seen.push(Number(position));
          if (seen.length % 7 === 0 || seen.length === wanted) hangUp.abort();
          if (hangUp.signal.aborted) break;
        }
      } catch (error) {
        if (!hangUp.signal.aborted) throw error;
      }
      await acting;
    }
    expect(seen).toEqual(Array.from({ length: wanted }, (_value, index) => index + 1));
  });

  test('says that it lives where nothing happens, to whoever asks for that', async () => {
    const afterPosition = 2n ** 40n;
    const request = { afterPosition, heartbeatSeconds: 1 };
    const stream = clients.instance.followEvents(request, bounded())[Symbol.asyncIterator]();
    for (let beat = 0; beat < 2; beat += 1) {
      const { value } = await stream.next();
      expect(value).toMatchObject({
        position: afterPosition,
        eventId: '',
        type: '',
        userId: '',
        sequence: 0n,
      });
    }
    const tooRare = { afterPosition, heartbeatSeconds: 3_601 };
    const refused = clients.instance.followEvents(tooRare, bounded())[Symbol.asyncIterator]().next();
    expect(await refusal(refused)).toContain('InvalidArgument');
    // At the limit it is taken: an event comes as ever.
    const patient = { afterPosition: 0n, heartbeatSeconds: 3_600 };
    const { value } = await clients.instance.followEvents(patient, bounded())[Symbol.asyncIterator]().next();
    expect(value.position).toBe(1n);
  });

  test('takes events.read', async () => {
    const first = clients.acme.followEvents({}, bounded())[Symbol.asyncIterator]().next();
    expect(await refusal(first)).toContain('PermissionDenied');
  });

  test.each(['locked', 'token revoked', 'role lost'])('ends where its caller is %s', async (what) => {
    const { people, app } = server;
    const token = await people.caller({ organization: 'home', roles: ['IAM_OWNER_VIEWER'] });
    const tokenId = token.split('.')[0] ?? '';
    const owner = (await app.store.loadToken(tokenId))?.owner.userId ?? '';
    const stream = clientOf(token).followEvents({}, bounded())[Symbol.asyncIterator]();
    await stream.next();
    const operator = systemCaller('operator');
    if (what === 'locked') await people.act(owner, 'lock');
    else if (what === 'token revoked')
      await removeToken(app, operator, { userId: parseUserId(owner), tokenId });
    else await revoke(owner);
    const rest = async () => {
      while (!(await stream.next()).done);
    };
    expect(await refusal(rest())).toContain(what === 'role lost' ? 'PermissionDenied' : 'Unauthenticated');
  });

  const revoke = async (userId: string) => {
    await clients.instance.removeGrant({ userId, role: 'IAM_OWNER_VIEWER' });
  };
});
