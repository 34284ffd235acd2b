import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startServer, type TestServer } from '../support/start-server.ts';
import { longRun } from '../unlock-run/runs.ts';
import { openStream, type StreamCall, type StreamForm, streamForms } from './clients/stream-client.ts';

let server: TestServer;
let token: string;
let runId: string;

beforeAll(async () => {
  server = await startServer();
  await server.people.organization('acme');
  token = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
  runId = await longRun(server, token);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const isJson = ({ contentType }: StreamForm): boolean => contentType.endsWith('json');
const empty = (form: StreamForm): Buffer => Buffer.from(isJson(form) ? '{}' : '');
/** `after_position: 2^40`: nothing is that new. */
const quiet = (form: StreamForm): Buffer =>
  isJson(form)
    ? Buffer.from('{"afterPosition":"1099511627776"}')
    : Buffer.from([0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20]);

/** Every stream that the server has. */
const calls: readonly (readonly [name: string, call: Cell['call']])[] = [
  [
    'FollowEvents',
    (form, as = token) => ({
      path: '/latchkey.v1.AdminService/FollowEvents',
      message: quiet(form),
      headers: { authorization: `Bearer ${as}` },
    }),
  ],
  [
    'FollowLocks',
    (form, as = token) => ({
      path: '/latchkey.v1.LockService/FollowLocks',
      message: empty(form),
      headers: { authorization: `Bearer ${as}` },
    }),
  ],
  [
    'WatchUnlockRun',
    (form, as = token, run = runId) => ({
      path: '/latchkey.v1.UnlockRunService/WatchUnlockRun',
      message: isJson(form)
        ? Buffer.from(JSON.stringify({ runId: run }))
        : Buffer.from([0x0a, run.length, ...Buffer.from(run)]),
      headers: { authorization: `Bearer ${as}` },
    }),
  ],
  ['Watch', (form) => ({ path: '/grpc.health.v1.Health/Watch', message: empty(form) })],
  ['reflection', () => ({ path: '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo' })],
  ['reflection v1alpha', () => ({ path: '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo' })],
];
interface Cell {
  readonly name: string;
  readonly form: StreamForm;
  readonly call: (form: StreamForm, as?: string, run?: string) => StreamCall;
}

// What goes both ways at once needs HTTP/2.
const cells: readonly Cell[] = calls.flatMap(([name, call]) =>
  streamForms
    .filter((form) => form.http === 2 || !name.startsWith('reflection'))
    .map((form) => ({ name: `${name} as ${form.contentType} over HTTP/${form.http}`, form, call })),
);

/** What is not as it should be, each with the name of its cell. */
async function strays(
  check: (cell: Cell) => Promise<string | undefined>,
  of: readonly Cell[] = cells,
): Promise<string[]> {
  const found = await Promise.all(of.map(async (cell) => [cell.name, await check(cell)] as const));
  return found.flatMap(([name, stray]) => (stray === undefined ? [] : [`${name}: ${stray}`]));
}

test('headers come before anything happens, and what its deadline ends says so: every stream, dialect and version of HTTP', async () => {
  const found = await strays(async ({ form, call }) => {
    const { headers, ...asked } = call(form);
    const timeout = form.timeoutHeader === 'grpc-timeout' ? '2S' : '2000';
    const stream = openStream(server.url, form, {
      ...asked,
      headers: { ...headers, [form.timeoutHeader]: timeout },
    });
    const first = await Promise.race([stream.head, stream.end]);
    if (typeof first === 'string') return `ended with ${first} before its headers`;
    if (!String(first['content-type']).startsWith('application/')) return JSON.stringify(first);
    const end = await stream.end;
    stream.close();
    return ['4', 'deadline_exceeded'].includes(end) ? undefined : `ended with ${end}`;
  });
  expect(found).toEqual([]);
});

test.each([
  3_600_000, -3_600_000,
])('the clock of the machine jumps by %i ms: a stream ends when its time has passed, not before', async (jumpMs) => {
  const usual = Date.now;
  try {
    const found = await strays(async ({ form, call }) => {
      const { headers, ...asked } = call(form);
      const timeout = form.timeoutHeader === 'grpc-timeout' ? '1S' : '1000';
      const started = performance.now();
      const stream = openStream(server.url, form, {
        ...asked,
        headers: { ...headers, [form.timeoutHeader]: timeout },
      });
      await Promise.race([stream.head, stream.end]);
      Date.now = () => usual() + jumpMs;
      const end = await stream.end;
      const tookMs = performance.now() - started;
      stream.close();
      return ['4', 'deadline_exceeded'].includes(end) && tookMs >= 990 ? undefined : `${end} after ${tookMs}`;
    });
    expect(found).toEqual([]);
  } finally {
    Date.now = usual;
  }
});

test('what a server ends that goes is UNAVAILABLE: every stream, dialect and version of HTTP', async () => {
  const going = await startServer();
  await going.people.organization('acme');
  const as = await going.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
  const run = await longRun(going, as);
  const streams = new Map(
    cells.map((cell) => [cell, openStream(going.url, cell.form, cell.call(cell.form, as, run))]),
  );
  await Promise.all([...streams.values()].map(({ head }) => head));
  await going[Symbol.asyncDispose]();
  const found = await strays(async (cell) => {
    const end = (await streams.get(cell)?.end) ?? '';
    return ['14', 'unavailable'].includes(end) ? undefined : `ended with ${end}`;
  });
  expect(found).toEqual([]);
});

test('what goes both ways at once is refused over HTTP/1.1 before anything waits', async () => {
  const call = calls.find(([name]) => name === 'reflection')?.[1] ?? (() => ({ path: '' }));
  for (const form of streamForms.filter(({ http }) => http === 1)) {
    const stream = openStream(server.url, form, call(form));
    await stream.head;
    expect(await stream.end).toBe('none');
    stream.close();
  }
});

describe('a stream that is refused', () => {
  const follow: Cell['call'] = calls[0]?.[1] ?? (() => ({ path: '' }));
  test.each(
    streamForms.map((form) => [form.contentType, form.http, form] as const),
  )('says why as %s over HTTP/%i', async (_type, _http, form) => {
    const stream = openStream(server.url, form, follow(form, 'nobody'));
    expect(['16', 'unauthenticated']).toContain(await stream.end);
  });

  test.each([
    ['application/grpc', 'grpc-encoding', 'grpc-accept-encoding'],
    ['application/grpc-web+proto', 'grpc-encoding', 'grpc-accept-encoding'],
    ['application/connect+json', 'connect-content-encoding', 'connect-accept-encoding'],
  ])('for its encoding names the known ones, as %s', async (contentType, header, answered) => {
    for (const form of streamForms.filter((one) => one.contentType === contentType)) {
      const asked = follow(form);
      const stream = openStream(server.url, form, {
        ...asked,
        headers: { ...asked.headers, [header]: 'snappy' },
      });
      expect(await stream.head).toMatchObject({ [answered]: 'gzip,br' });
      expect(['12', 'unimplemented']).toContain(await stream.end);
    }
  });
});
