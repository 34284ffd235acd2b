import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { startHooked } from '../webhooks/hooked.ts';
import { type Receiver, startReceiver } from '../webhooks/receiver.ts';
import { type Collector, type ReceivedSpan, startCollector } from './collector.ts';

const resources = new AsyncDisposableStack();
let collector: Collector;
let receiver: Receiver;
beforeAll(async () => {
  collector = resources.use(await startCollector());
  receiver = resources.use(await startReceiver());
});
afterAll(() => resources.disposeAsync());
afterEach(() => {
  for (const name of ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_TRACES_SAMPLER']) delete process.env[name];
});

const callers = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const traceparent = `00-${callers.traceId}-${callers.spanId}-01`;

/** The spans of deliveries of one lock, tried twice: the first is refused. */
async function deliverySpans(sampler: string): Promise<readonly ReceivedSpan[]> {
  Object.assign(process.env, {
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: collector.url,
    OTEL_TRACES_SAMPLER: sampler,
  });
  const before = [collector.spans.length, receiver.received.length] as const;
  receiver.answer = (res) => res.writeHead(500).end();
  {
    await using hooked = await startHooked();
    const url = `${receiver.url}s3cr3t`;
    const { subscriptionId } = await hooked.subscribe({ url, eventTypes: ['user.locked'] });
    const userId = await hooked.server.people.user({ organization: 'home' });
    await hooked.door.ask('LockUser', { userId }, hooked.token, { traceparent });
    await hooked.untilShown(subscriptionId, { failedTries: 1 });
    receiver.answer = (res) => res.writeHead(204).end();
    await hooked.door.ask('ResumeSubscription', { subscriptionId });
    await receiver.until(before[1] + 2);
    await hooked.untilShown(subscriptionId, { failedTries: 0 });
  }
  return collector.spans.slice(before[0]).filter(({ name }) => name === 'deliver webhook');
}

const facts = ({ attributes }: ReceivedSpan): Readonly<Record<string, unknown>> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

test('each try is a trace of its own, linked to the call that it tells of, and names no URL', async () => {
  const spans = await deliverySpans('always_on');
  const client = 3;
  const failed = 2;
  expect(spans).toMatchObject([
    { kind: client, links: [callers], status: { code: failed } },
    { kind: client, links: [callers], status: { code: 0 } },
  ]);
  expect(new Set([callers.traceId, ...spans.map(({ traceId }) => traceId)]).size).toBe(3);
  expect(spans.map(({ parentSpanId = '' }) => parentSpanId)).toEqual(['', '']);
  const id = receiver.received.at(-1)?.id;
  const both = { 'latchkey.webhook_id': id, 'latchkey.event_type': 'user.locked' };
  expect(spans.map(facts)).toEqual([
    {
      ...both,
      'latchkey.try': 1,
      'latchkey.outcome': 'refused',
      'http.response.status_code': 500,
      'error.type': 'refused',
    },
    { ...both, 'latchkey.try': 1, 'latchkey.outcome': 'delivered', 'http.response.status_code': 204 },
  ]);
  expect(JSON.stringify(spans)).not.toContain('s3cr3t');
});

test('where nothing is chosen, none is made', async () => {
  expect(await deliverySpans('always_off')).toEqual([]);
});
