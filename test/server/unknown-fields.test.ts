/** Whether a field that nobody knows is heard of: our own calls name it, the contract's ignore it, in every JSON dialect. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AdminService } from '../../gen/es/latchkey/v1/admin_pb.js';
import { AttemptService } from '../../gen/es/latchkey/v1/attempt_service_pb.js';
import { LockService } from '../../gen/es/latchkey/v1/lock_pb.js';
import { PolicyService } from '../../gen/es/latchkey/v1/policy_pb.js';
import { SubscriptionService } from '../../gen/es/latchkey/v1/subscription_pb.js';
import { UnlockRunService } from '../../gen/es/latchkey/v1/unlock_run_pb.js';
import { type Method, methods } from '../support/methods.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { openWire, type Wire } from '../support/wire.ts';
import { openStream, streamForms } from './clients/stream-client.ts';
import { envelope } from './dialect-cases.ts';

const resources = new AsyncDisposableStack();
let server: TestServer;
let wire: Wire;
let authorization: string;
let userId: string;

beforeAll(async () => {
  server = resources.use(await startServer());
  wire = resources.use(openWire(server.url));
  await server.people.organization('home');
  authorization = `Bearer ${await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] })}`;
  userId = await server.people.user({ organization: 'home', state: 'locked' });
});
afterAll(() => resources.disposeAsync());

interface Sent {
  readonly verb?: string;
  readonly path: string;
  readonly json?: string;
  readonly contentType?: string;
  readonly version?: 1 | 2;
}

/** All that is told of a failure, wherever the dialect puts it; empty where there is none. */
async function complaint({ verb = 'POST', path, json, contentType, version = 1 }: Sent): Promise<string> {
  const bytes = Buffer.from(json ?? '');
  const isFramed = contentType?.startsWith('application/grpc') ?? false;
  const framed = isFramed ? envelope(bytes) : bytes;
  const body = contentType?.includes('text') ? Buffer.from(framed.toString('base64')) : framed;
  const headers = { authorization, ...(contentType && { 'content-type': contentType }) };
  const answer = await wire.send({ version, verb, path, headers, body });
  const text = contentType?.includes('text')
    ? Buffer.from(answer.body.toString('latin1'), 'base64').toString()
    : answer.body.toString();
  const told = `${answer.headers['grpc-message'] ?? ''}${answer.trailers['grpc-message'] ?? ''}${text}`;
  const isInvalid =
    answer.status === 400 || /grpc-status: 3\b/.test(text) || answer.headers['grpc-status'] === '3';
  return isInvalid ? decodeURIComponent(told.replaceAll(/%(?![0-9A-F]{2})/g, '%25')) : '';
}

const forms: readonly (readonly [contentType: string, version: 1 | 2])[] = [
  ['application/json', 1],
  ['application/json', 2],
  ['application/grpc+json', 2],
  ['application/grpc-web+json', 1],
  ['application/grpc-web+json', 2],
  ['application/grpc-web-text+json', 1],
];
const all: readonly Method[] = Object.values(methods);
const own = all.filter(({ desc }) => desc.parent.typeName.startsWith('latchkey.'));
const contract = all.filter(({ desc }) => desc.parent.typeName.startsWith('zitadel.'));
const rpcPath = ({ desc }: Method): string => `/${desc.parent.typeName}/${desc.name}`;
const restPath = ({ route }: Method): string => route.replaceAll(/\{\w+\}/g, userId);

test('every call of ours takes a message of ours, and is in the table', () => {
  const services = [
    AdminService,
    AttemptService,
    LockService,
    PolicyService,
    SubscriptionService,
    UnlockRunService,
  ];
  const ofServices = services.flatMap((service) => service.methods);
  for (const { input } of ofServices) expect(input.typeName).toMatch(/^latchkey\.v1\./);
  const unary = ofServices.filter(({ methodKind }) => methodKind === 'unary');
  // By name: Jest runs out of memory over the difference of two descriptors.
  expect(own.map(({ desc }) => desc.name).sort()).toEqual(unary.map(({ name }) => name).sort());
});

describe.each(forms)('%s over HTTP/%i', (contentType, version) => {
  test('our own calls refuse it by its name', async () => {
    for (const method of own) {
      const told = await complaint({ path: rpcPath(method), json: '{"raeson":"x"}', contentType, version });
      expect([method.desc.name, told]).toEqual([
        method.desc.name,
        expect.stringContaining('unknown field raeson: '),
      ]);
    }
  });

  test("the contract's ignore it", async () => {
    for (const method of contract) {
      const told = await complaint({ path: rpcPath(method), json: '{"raeson":"x"}', contentType, version });
      expect([method.desc.name, told]).toEqual([
        method.desc.name,
        expect.not.stringContaining('unknown field'),
      ]);
    }
  });
});

describe('REST', () => {
  test.each([1, 2] as const)('over HTTP/%i', async (version) => {
    for (const method of [...own, ...contract]) {
      const isOwn = own.includes(method);
      const hasBody = method.verb === 'POST' || method.verb === 'PATCH';
      const body = { json: '{"raeson":"x"}', contentType: 'application/json' };
      const asks: Sent[] = [{ verb: method.verb, path: `${restPath(method)}?raeson=x`, version }];
      if (hasBody) asks.push({ verb: method.verb, path: restPath(method), version, ...body });
      for (const ask of asks) {
        const told = await complaint(ask);
        const expected = expect.stringContaining('unknown field raeson: ');
        expect([method.desc.name, told]).toEqual([
          method.desc.name,
          isOwn ? expected : expect.not.stringContaining('unknown field'),
        ]);
      }
    }
  });

  test('a field of the body does not come in the query', async () => {
    const path = `/latchkey/v1/users/${userId}/unlock?reason=because`;
    expect(await complaint({ path, json: '{}', contentType: 'application/json' })).toContain(
      'parameter reason: belongs into the body',
    );
  });
});

describe('our own calls', () => {
  const unlock = (json: string) =>
    complaint({ path: `/latchkey/v1/users/${userId}/unlock`, json, contentType: 'application/json' });

  test('say where it stands, and what there is', async () => {
    const path = '/latchkey.v1.AdminService/ListOrganizations';
    const json = '{"query":{"limit":1,"ofset":2}}';
    expect(await complaint({ path, json, contentType: 'application/json' })).toMatch(
      /unknown field query\.ofset: in \w+ there are offset, limit, asc/,
    );
  });

  test('never quote what is no name', async () => {
    const told = await unlock('{"correct horse battery staple":1}');
    expect(told).toContain('unknown field one whose name is none');
    expect(told).not.toContain('horse');
  });

  test('know both spellings', async () => {
    expect(await unlock('{"validateOnly":true,"request_id":"r1"}')).toBe('');
    expect(await unlock('{"validate_only":true,"requestId":"r2"}')).toBe('');
  });

  test('refuse the name of an enum that they do not have, wherever it stands, and never quote it', async () => {
    const own = '/latchkey.v1.UnlockRunService/PreviewUnlock';
    const filter = { organizationId: 'home', causes: ['LOCK_CAUSE_POLICY', 'LOCK_CAUSE_POLICE'] };
    for (const [contentType, version] of forms) {
      const told = await complaint({ path: own, json: JSON.stringify({ filter }), contentType, version });
      expect([contentType, told]).toEqual([
        contentType,
        expect.stringContaining(
          'filter.causes: a name that is none: there are LOCK_CAUSE_UNSPECIFIED, LOCK_CAUSE_POLICY, ',
        ),
      ]);
      expect(told).not.toContain('POLICE');
    }
    const json = JSON.stringify({ filter });
    const contentType = 'application/json';
    expect(await complaint({ path: '/latchkey/v1/unlock_runs/preview', json, contentType })).toContain(
      'a name',
    );
    const one = { path: '/latchkey.v1.LockService/ListLocks', json: '{"cause":"POLICY"}', contentType };
    expect(await complaint(one)).toContain('cause: a name that is none');
    expect(await complaint({ verb: 'GET', path: '/latchkey/v1/locks?cause=POLICY' })).toContain('cause');
    for (const cause of ['"LOCK_CAUSE_POLICY"', '1', 'null'])
      expect(await complaint({ ...one, json: `{"cause":${cause}}` })).toBe('');
    // The contract's pass over it.
    const sorted = { path: '/v2/users', json: '{"sortingColumn":"NAME"}', contentType };
    expect(await complaint(sorted)).toBe('');
  });

  test('a stream refuses it too', async () => {
    for (const form of streamForms.filter(({ contentType }) => contentType.endsWith('json'))) {
      const stream = openStream(server.url, form, {
        path: '/latchkey.v1.AdminService/FollowEvents',
        message: Buffer.from('{"afterPositoin":"5"}'),
        headers: { authorization },
      });
      expect(['3', 'invalid_argument']).toContain(await stream.end);
      stream.close();
    }
  });
});
