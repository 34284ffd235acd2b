import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Clients, type Dialect, dialects, openClients } from '../support/dialects/all.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { openWire, type Wire } from '../support/wire.ts';
import { type Exposition, readMetrics, sumOf } from './exposition.ts';

const resources = new AsyncDisposableStack();
let server: TestServer;
let clients: Clients;
let wire: Wire;
let token: string;

beforeAll(async () => {
  server = resources.use(await startServer({ flags: ['--metrics-listen', '127.0.0.1:0'] }));
  clients = resources.use(openClients(server.url));
  wire = resources.use(openWire(server.url));
  await server.people.organization('acme');
  token = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
});
afterAll(() => resources.disposeAsync());

const read = (): Promise<Exposition> => readMetrics(server.metricsUrl);
const rpc = 'rpc_server_call_duration_seconds';
const http = 'http_server_request_duration_seconds';
const unlockMethod = 'zitadel.user.v2.UserService/UnlockUser';

/** Every count of calls that the exposition holds, by its labels. */
function counts({ samples }: Exposition): Map<string, number> {
  const counted = samples.filter(({ name, value }) => /^(rpc|http)_server_.*_count$/.test(name) && value > 0);
  return new Map(counted.map(({ name, labels, value }) => [JSON.stringify({ name, ...labels }), value]));
}

function moved(before: Exposition, after: Exposition): Record<string, number> {
  const old = counts(before);
  const changes = [...counts(after)].map(([key, value]) => [key, value - (old.get(key) ?? 0)] as const);
  return Object.fromEntries(changes.filter(([, change]) => change !== 0));
}

const restStatus: Readonly<Record<string, string>> = { OK: '200', UNAUTHENTICATED: '401' };

function keyOf({ frame }: Dialect, code: string): string {
  if (frame === 'rest') {
    const labels = { http_request_method: 'POST', http_route: '/v2/users/{user_id}/unlock' };
    return JSON.stringify({
      name: `${http}_count`,
      ...labels,
      http_response_status_code: restStatus[code] ?? '400',
    });
  }
  const labels = { rpc_system_name: frame === 'connect' ? 'connectrpc' : 'grpc', rpc_method: unlockMethod };
  return JSON.stringify({ name: `${rpc}_count`, ...labels, rpc_status_code: code });
}

const once = (keys: readonly string[]): Record<string, number> => {
  const sums: Record<string, number> = {};
  for (const key of keys) sums[key] = (sums[key] ?? 0) + 1;
  return sums;
};

test.each(dialects)('$name: every call is counted once, refused ones too', async (dialect) => {
  const userId = await server.people.user({ organization: 'acme', state: 'locked' });
  const ask = { method: 'UnlockUser', message: { userId }, token } as const;
  const before = await read();
  const answers = [
    await clients.ask(dialect, ask),
    await clients.ask(dialect, ask),
    await clients.ask(dialect, { ...ask, token: 'nobody.nothing' }),
    await clients.ask(dialect, { ...ask, malformed: true }),
  ];
  const codes = answers.map(({ code }) => code.replaceAll(/(?<=[a-z])[A-Z]/g, '_$&').toUpperCase());
  expect(codes.slice(0, 3)).toEqual(['OK', 'FAILED_PRECONDITION', 'UNAUTHENTICATED']);
  expect(moved(before, await read())).toEqual(once(codes.map((code) => keyOf(dialect, code))));
});

describe('what leads to no method', () => {
  const cases = [
    [
      'a path that nobody serves',
      { version: 1, verb: 'GET', path: '/nowhere' },
      { verb: 'GET', status: '404' },
    ],
    [
      'a route with another verb',
      { version: 2, verb: 'PUT', path: '/v2/users/1/unlock' },
      { verb: 'PUT', status: '405' },
    ],
    [
      'a verb that nobody knows',
      { version: 2, verb: 'BREW', path: '/nowhere' },
      { verb: '_OTHER', status: '404' },
    ],
    [
      'GET of a method',
      { version: 1, verb: 'GET', path: `/${unlockMethod}` },
      { verb: 'GET', status: '405' },
    ],
  ] as const;
  test.each(cases)('%s is a request without a route', async (_, request, { verb, status }) => {
    const before = await read();
    await wire.send({ ...request, headers: {}, body: new Uint8Array() });
    const labels = { http_request_method: verb, http_response_status_code: status };
    expect(moved(before, await read())).toEqual({
      [JSON.stringify({ name: `${http}_count`, ...labels })]: 1,
    });
  });

  test.each([
    ['application/grpc', 'grpc'],
    ['application/grpc-web+proto', 'grpc'],
    ['application/json', 'connectrpc'],
    ['application/proto', 'connectrpc'],
  ])('an unknown method by %s is _OTHER of %s', async (contentType, system) => {
    const before = await read();
    const headers = { 'content-type': contentType };
    const path = '/no.such.Service/Method';
    await wire.send({ version: 2, verb: 'POST', path, headers, body: Buffer.from('{}') });
    const labels = { rpc_system_name: system, rpc_method: '_OTHER', rpc_status_code: 'UNIMPLEMENTED' };
    const key = JSON.stringify({ name: `${rpc}_count`, ...labels, error_type: 'UNIMPLEMENTED' });
    expect(moved(before, await read())).toEqual({ [key]: 1 });
  });

  test('ten thousand made-up paths, verbs and content types add no series', async () => {
    const send = (nth: number) => {
      const paths = [
        `/made/up/${nth}`,
        `/made.up${nth}.Service/Method${nth}`,
        `/v2/users/${nth}/unlock/${nth}`,
      ];
      const verbs = ['POST', 'GET', 'DELETE', 'PATCH', `VERB${nth % 50}`];
      const types = ['application/grpc', 'application/json', `text/made-up-${nth}`, 'application/grpc-web'];
      const headers = { 'content-type': types[nth % types.length] ?? '' };
      const path = paths[nth % paths.length] ?? '';
      return wire.send({
        version: 2,
        verb: verbs[nth % verbs.length] ?? '',
        path,
        headers,
        body: new Uint8Array(),
      });
    };
    const hundred = (from: number) =>
      Promise.all(Array.from({ length: 100 }, (_none, nth) => send(from + nth)));
    await hundred(0);
    const before = await read();
    for (let from = 100; from <= 10_000; from += 100) await hundred(from);
    const after = await read();
    expect(after.samples).toHaveLength(before.samples.length);
    const changes = Object.values(moved(before, after)).reduce((sum, change) => sum + change, 0);
    expect(changes).toBe(10_000);
  });
});

test('streams are counted when they end', async () => {
  const before = await read();
  const headers = { 'content-type': 'application/grpc', authorization: 'Bearer nobody.nothing' };
  const path = '/latchkey.v1.AdminService/FollowEvents';
  await wire.send({ version: 2, verb: 'POST', path, headers, body: Buffer.alloc(5) });
  const labels = { rpc_system_name: 'grpc', rpc_method: path.slice(1), rpc_status_code: 'UNAUTHENTICATED' };
  expect(moved(before, await read())).toEqual({ [JSON.stringify({ name: `${rpc}_count`, ...labels })]: 1 });
});

test('probes have routes of their own', async () => {
  const before = await read();
  await wire.send({ version: 1, verb: 'GET', path: '/readyz', headers: {}, body: new Uint8Array() });
  const labels = { http_request_method: 'GET', http_route: '/readyz', http_response_status_code: '200' };
  expect(moved(before, await read())).toEqual({ [JSON.stringify({ name: `${http}_count`, ...labels })]: 1 });
});

test('every method is there at zero before anybody calls it', async () => {
  await using fresh = await startServer({ flags: ['--metrics-listen', '127.0.0.1:0'] });
  const metrics = await readMetrics(fresh.metricsUrl);
  const systems = metrics.samples.filter(
    ({ name, labels }) => name === `${rpc}_count` && labels.rpc_method === unlockMethod,
  );
  expect(systems.map(({ labels, value }) => [labels.rpc_system_name, labels.rpc_status_code, value])).toEqual(
    [
      ['connectrpc', 'OK', 0],
      ['grpc', 'OK', 0],
    ],
  );
  expect(sumOf(metrics, `${http}_count`, { http_route: '/v2/users/{user_id}/unlock' })).toBe(0);
  expect(metrics.types.get(http)).toBe('histogram');
});
