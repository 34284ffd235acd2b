import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { parseServeConfig } from '../../src/app/config.ts';
import { createTracer, parseTraceparent } from '../../src/ops/tracing.ts';
import { parseAllowed } from '../../src/outbound/allowed.ts';
import { createOutbound } from '../../src/outbound/outbound.ts';
import { followCall } from '../../src/rpc/follow-call.ts';
import type { Store } from '../../src/store/store.ts';
import { withSpans } from '../../src/store/traced.ts';
import { dialects, openClients } from '../support/dialects/all.ts';
import { serveLogged } from '../support/logged-server.ts';
import { password } from '../support/people.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { attributeOf, type Collector, type ReceivedSpan, startCollector } from './collector.ts';

const { agent } = createOutbound(parseAllowed([])).wayTo([]);
const resources = new AsyncDisposableStack();
let collector: Collector;
beforeAll(async () => {
  collector = resources.use(await startCollector());
});
afterAll(() => resources.disposeAsync());

const variables = [
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_PROTOCOL',
  'OTEL_TRACES_SAMPLER',
  'OTEL_TRACES_SAMPLER_ARG',
  'OTEL_SDK_DISABLED',
] as const;
type Variables = Partial<Record<(typeof variables)[number], string>>;
afterEach(() => {
  for (const name of variables) delete process.env[name];
});

const set = (values: Variables) => Object.assign(process.env, values);
const follow = (more: Variables = {}) =>
  set({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: collector.url, OTEL_TRACES_SAMPLER: 'always_on', ...more });

/** All that is received of what is done with a server, which is gone afterwards. */
async function spansOf(
  work: (server: TestServer, token: string) => Promise<unknown>,
  flags: readonly string[] = [],
): Promise<readonly ReceivedSpan[]> {
  const before = collector.spans.length;
  {
    await using server = await startServer({ flags });
    await server.people.organization('acme');
    const roles = ['IAM_OWNER', 'IAM_LOGIN_CLIENT'];
    await work(server, await server.people.caller({ organization: 'acme', roles }));
  }
  return collector.spans.slice(before);
}

const callers = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const traceparent = (flags: string) => `00-${callers.traceId}-${callers.spanId}-${flags}`;

const unlock =
  (flags: string, dialect = dialects[0]) =>
  async (server: TestServer, token: string) => {
    if (dialect === undefined) throw new Error('no dialect');
    const userId = await server.people.user({ organization: 'acme', state: 'locked' });
    await using clients = openClients(server.url);
    const headers = { traceparent: traceparent(flags) };
    const ask = { method: 'UnlockUser', message: { userId }, token, headers } as const;
    expect((await clients.ask(dialect, ask)).code).toBe('OK');
    return await clients.ask(dialect, ask);
  };

const names = (spans: readonly ReceivedSpan[], parent: ReceivedSpan | undefined) =>
  spans.filter(({ parentSpanId }) => parentSpanId === parent?.spanId).map(({ name }) => name);
const roots = (spans: readonly ReceivedSpan[]) => spans.filter(({ kind }) => kind === 2);

test.each(
  dialects.filter(({ client }) => client === 'bare'),
)('an unlock by $name is one trace of its own, with what it waits for, linked to the caller', async (dialect) => {
  follow();
  const spans = await spansOf(unlock('01', dialect));
  const [done, refused] = roots(spans);
  expect(roots(spans)).toHaveLength(2);
  expect(done).toMatchObject({ name: 'zitadel.user.v2.UserService/UnlockUser', links: [callers] });
  expect(done?.parentSpanId ?? '').toBe('');
  expect(done?.traceId).not.toBe(callers.traceId);
  expect(names(spans, done).sort()).toEqual(['append', 'load token', 'load user']);
  expect(names(spans, refused).sort()).toEqual(['load token', 'load user']);
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(2);
  const status = 'rpc.response.status_code';
  expect([done, refused].map((span) => span && attributeOf(span, status))).toEqual([
    'OK',
    'FAILED_PRECONDITION',
  ]);
  // Who asks for what cannot be is no error of the server.
  expect(refused?.status.code).toBe(0);
  const system = dialect.frame === 'rest' ? undefined : dialect.frame === 'connect' ? 'connectrpc' : 'grpc';
  expect(done && attributeOf(done, 'rpc.system.name')).toBe(system);
  expect(done && attributeOf(done, 'latchkey.request_id')).toMatch(/./);
  expect([...collector.serviceNames]).toEqual(['latchkey']);
});

test('a caller that is trusted has its trace continued, and decides', async () => {
  follow({ OTEL_TRACES_SAMPLER: 'always_off' });
  const trust = ['--trace-trust-remote', 'true'];
  const [done] = roots(await spansOf(unlock('01'), trust));
  expect(done).toMatchObject({ traceId: callers.traceId, parentSpanId: callers.spanId, links: [] });
  set({ OTEL_TRACES_SAMPLER: 'always_on' });
  expect(await spansOf(unlock('00'), trust)).toEqual([]);
});

test('a caller that is not trusted decides nothing', async () => {
  follow({ OTEL_TRACES_SAMPLER: 'always_off' });
  expect(await spansOf(unlock('01'))).toEqual([]);
});

test('a sign-in shows the check of the password', async () => {
  follow();
  const spans = await spansOf(async (server, token) => {
    const userId = await server.people.user({ organization: 'acme' });
    await using clients = openClients(server.url);
    const message = { checks: { user: { userId }, password: { password } } };
    const [dialect] = dialects;
    if (dialect === undefined) throw new Error('no dialect');
    expect((await clients.ask(dialect, { method: 'CreateSession', message, token })).code).toBe('OK');
  });
  expect(names(spans, roots(spans)[0])).toContain('check password');
  expect(JSON.stringify(spans)).not.toContain(password);
});

test('lines of the log say which trace they belong to', async () => {
  follow();
  const before = collector.spans.length;
  const server = await serveLogged('pipe');
  await server.door.ask('UnlockUser', { userId: 'nobody' });
  const { errors } = await server.stop();
  const [line] = errors.split('\n').filter((one) => one.includes('UnlockUser'));
  const { trace_id, span_id } = JSON.parse(line ?? '{}') as Record<string, string>;
  const found = roots(collector.spans.slice(before)).map(({ traceId, spanId }) => [traceId, spanId]);
  expect(found).toContainEqual([trace_id, span_id]);
  await server[Symbol.asyncDispose]();
});

test('without an endpoint nothing is followed, and no library loaded', async () => {
  await using server = await startServer();
  expect(server.app.tracer).toBeUndefined();
});

const url = 'http://collector.example:4318';
test.each<[Variables, object | undefined]>([
  [{}, undefined],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_SDK_DISABLED: 'true' }, undefined],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: url }, { url: `${url}/v1/traces`, ratio: 0.01, trustsRemote: false }],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: `${url}/` }, { url: `${url}/v1/traces` }],
  [
    { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/own`, OTEL_EXPORTER_OTLP_ENDPOINT: url },
    { url: `${url}/own` },
  ],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_TRACES_SAMPLER_ARG: '1' }, { ratio: 1 }],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_TRACES_SAMPLER: 'parentbased_always_on' }, { ratio: 1 }],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_TRACES_SAMPLER: 'always_off' }, { ratio: 0 }],
])('%j', (values, expected) => {
  set(values);
  const { tracing } = parseServeConfig([]);
  if (expected === undefined) expect(tracing).toBeUndefined();
  else expect(tracing).toMatchObject(expected);
});

test.each<[Variables, RegExp]>([
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, /must be a URL of http or https/],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, /must be http\/json.*4318/],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_TRACES_SAMPLER: 'jaeger_remote' },
    /always_on, always_off or traceidratio/,
  ],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_TRACES_SAMPLER_ARG: '1.01' }, /from 0 to 1/],
])('%j is refused', (values, message) => {
  set(values);
  expect(() => parseServeConfig([])).toThrow(message);
});

test.each([
  [traceparent('01'), 1],
  [traceparent('00'), 0],
  [`cc-${callers.traceId}-${callers.spanId}-01-what-comes-later`, 1],
  [`00-${callers.traceId}-${callers.spanId}-01-more`, undefined],
  [`ff-${callers.traceId}-${callers.spanId}-01`, undefined],
  [`00-${'0'.repeat(32)}-${callers.spanId}-01`, undefined],
  [`00-${callers.traceId}-${'0'.repeat(16)}-01`, undefined],
  [traceparent('01').toUpperCase(), undefined],
  ['', undefined],
  [undefined, undefined],
])('traceparent %s', (text, flags) => {
  expect(parseTraceparent(text)?.traceFlags).toBe(flags);
});

/** Bytes of heap that one round takes, of many: nothing else runs meanwhile, and no garbage is collected. */
function bytesOf(round: () => unknown): number {
  const rounds = 20_000;
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const measure = () => {
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let nth = 0; nth < rounds; nth += 1) round();
    return (process.memoryUsage().heapUsed - before) / rounds;
  };
  // Until it is compiled.
  for (let warm = 0; warm < 5; warm += 1) measure();
  return Math.min(...Array.from({ length: 5 }, measure));
}

test('of a hundred calls about as many are followed as the ratio says', async () => {
  for (const ratio of [0, 0.01, 0.5, 1]) {
    const config = { url: collector.url, serviceName: 'test', ratio, trustsRemote: false };
    await using tracer = createTracer(config, { version: '0', agent });
    const calls = 100_000;
    const chosen = Array.from({ length: calls }, () => tracer.samples(undefined)).filter(Boolean).length;
    // Six times the standard deviation.
    expect(Math.abs(chosen - calls * ratio)).toBeLessThanOrEqual(6 * Math.sqrt(calls * ratio * (1 - ratio)));
  }
});

test('a call that is not followed takes no memory', async () => {
  const config = { url: collector.url, serviceName: 'test', ratio: 0, trustsRemote: false };
  await using tracer = createTracer(config, { version: '0', agent });
  const answer = Promise.resolve(undefined);
  const bare = { loadToken: () => answer, loadUser: () => answer, append: () => answer } as unknown as Store;
  const traced = withSpans(bare, tracer);
  const callOn = (store: Store) => () => {
    void store.loadToken('token');
    void store.loadUser('user' as never);
    void store.append(undefined as never);
  };
  const header = traceparent('01');
  const followed = callOn(traced);
  const plain = bytesOf(callOn(bare));
  const beside = bytesOf(() => (tracer.samples(header) ? undefined : followed()));
  expect(beside - plain).toBeLessThan(1);
});

test('nor does the interceptor of a call that is not followed', async () => {
  const config = { url: collector.url, serviceName: 'test', ratio: 0, trustsRemote: false };
  await using tracer = createTracer(config, { version: '0', agent });
  const answer = Promise.resolve(undefined);
  const next = () => answer;
  const header = traceparent('01');
  const info = { header: () => header };
  const request = { stream: false, contextValues: { get: () => info } } as never;
  const asked = followCall(tracer)(next as never);
  const beside = bytesOf(() => void asked(request));
  expect(beside - bytesOf(() => void next())).toBeLessThan(1);
});
