import { connect } from 'node:net';
import { type Client, Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  Health as HealthService,
  HealthCheckResponse_ServingStatus as Status,
} from '../../gen/es/grpc/health/v1/health_pb.js';
import { createHealth, type Health } from '../../src/rpc/health.ts';
import { mounted, openServices } from '../server/doors/open-services.ts';

const users = 'zitadel.user.v2.UserService';

interface Fixture {
  readonly client: Client<typeof HealthService>;
  readonly health: Health;
  readonly url: string;
  ready: boolean | 'broken';
}

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(pollMs = 3_600_000): Promise<Fixture> {
  const fixture = { ready: true as boolean | 'broken' };
  const health = createHealth({
    services: [users],
    async isReady() {
      if (fixture.ready === 'broken') throw new Error('the store is gone');
      return fixture.ready;
    },
    watchesMax: 2,
    pollMs,
  });
  const open = await openServices([mounted(HealthService, health.service)]);
  closers.push(async () => {
    health.shutdown();
    await open[Symbol.asyncDispose]();
  });
  const client = createClient(HealthService, open.transport);
  return Object.assign(fixture, { client, health, url: open.url });
}

type Statuses = AsyncIterator<{ readonly status: Status }>;

function watch({ client }: Fixture, service: string, signal?: AbortSignal): Statuses {
  return client.watch({ service }, signal === undefined ? {} : { signal })[Symbol.asyncIterator]();
}

/** The next status of a watch, or `end`. */
async function next(statuses: Statuses): Promise<string> {
  const result = await statuses.next();
  return result.done === true ? 'end' : Status[result.value.status];
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof ConnectError ? Code[error.code] : 'OK';
}

describe('Check', () => {
  test.each(['', users])('tells whether "%s" is ready now', async (service) => {
    const fixture = await start();
    expect(await fixture.client.check({ service })).toMatchObject({ status: Status.SERVING });
    fixture.ready = false;
    expect(await fixture.client.check({ service })).toMatchObject({ status: Status.NOT_SERVING });
    fixture.ready = 'broken';
    expect(await fixture.client.check({ service })).toMatchObject({ status: Status.NOT_SERVING });
    fixture.ready = true;
    fixture.health.shutdown();
    expect(await fixture.client.check({ service })).toMatchObject({ status: Status.NOT_SERVING });
  });

  test('answers NOT_FOUND for a service that is not served', async () => {
    const { client } = await start();
    expect(await codeOf(client.check({ service: 'zitadel.user.v2' }))).toBe('NotFound');
  });
});

test('List tells every service', async () => {
  const fixture = await start();
  const statuses = async () =>
    Object.entries((await fixture.client.list({})).statuses).map(([name, { status }]) => [
      name,
      Status[status],
    ]);
  expect(await statuses()).toEqual([
    ['', 'SERVING'],
    [users, 'SERVING'],
  ]);
  fixture.ready = false;
  expect(await statuses()).toEqual([
    ['', 'NOT_SERVING'],
    [users, 'NOT_SERVING'],
  ]);
});

describe('Watch', () => {
  test('tells the status at once and every change, then ends with the server', async () => {
    const fixture = await start();
    const statuses = watch(fixture, users);
    expect(await next(statuses)).toBe('SERVING');
    fixture.ready = false;
    await fixture.health.refresh();
    expect(await next(statuses)).toBe('NOT_SERVING');
    await fixture.health.refresh();
    fixture.ready = true;
    await fixture.health.refresh();
    expect(await next(statuses)).toBe('SERVING');
    fixture.health.shutdown();
    expect(await next(statuses)).toBe('NOT_SERVING');
    expect(await codeOf(next(statuses))).toBe('Unavailable');
  });

  test('keeps a stream open for a service that is not served', async () => {
    const fixture = await start();
    const statuses = watch(fixture, 'nobody');
    expect(await next(statuses)).toBe('SERVICE_UNKNOWN');
    const after = codeOf(next(statuses));
    fixture.ready = false;
    await fixture.health.refresh();
    fixture.health.shutdown();
    expect(await after).toBe('Unavailable');
  });

  test('asks for itself while anybody watches', async () => {
    const fixture = await start(1);
    const statuses = [watch(fixture, users), watch(fixture, '')];
    expect(await Promise.all(statuses.map(next))).toEqual(['SERVING', 'SERVING']);
    fixture.ready = false;
    expect(await Promise.all(statuses.map(next))).toEqual(['NOT_SERVING', 'NOT_SERVING']);
    fixture.ready = true;
    expect(await Promise.all(statuses.map(next))).toEqual(['SERVING', 'SERVING']);
  });

  test('is refused beyond the limit, and a place is free again when a client hangs up', async () => {
    const fixture = await start();
    const hangUp = new AbortController();
    const first = watch(fixture, users, hangUp.signal);
    const second = watch(fixture, users);
    expect(await Promise.all([next(first), next(second)])).toEqual(['SERVING', 'SERVING']);
    expect(await codeOf(next(watch(fixture, users)))).toBe('ResourceExhausted');
    hangUp.abort();
    expect(await codeOf(next(first))).toBe('Canceled');
    // The server learns of it a moment later: ask until it has.
    let code = 'ResourceExhausted';
    for (let attempt = 0; code === 'ResourceExhausted' && attempt < 1000; attempt += 1) {
      code = await codeOf(next(watch(fixture, users)));
    }
    expect(code).toBe('OK');
  });

  test('of one address, however many, shut out no other: the oldest of theirs ends for it', async () => {
    const fixture = await start();
    const [first, second] = [watch(fixture, users), watch(fixture, users)];
    expect([await next(first), await next(second)]).toEqual(['SERVING', 'SERVING']);
    const { hostname: host, port } = new URL(fixture.url);
    const createConnection = () => connect({ host, port: Number(port), localAddress: '127.0.0.2' });
    const options = { baseUrl: fixture.url, nodeOptions: { createConnection } };
    const client = createClient(HealthService, createGrpcTransport(options));
    const hangUp = new AbortController();
    expect(await next(watch({ ...fixture, client }, users, hangUp.signal))).toBe('SERVING');
    // By a reset, of which each client's library makes what it likes.
    expect(await codeOf(next(first))).not.toBe('OK');
    expect(await codeOf(next(watch(fixture, users)))).toBe('ResourceExhausted');
    hangUp.abort();
  });

  test('ends at its deadline', async () => {
    const fixture = await start();
    const statuses = fixture.client.watch({ service: users }, { timeoutMs: 500 })[Symbol.asyncIterator]();
    expect(await next(statuses)).toBe('SERVING');
    expect(await codeOf(next(statuses))).toBe('DeadlineExceeded');
  });

  test('tells NOT_SERVING and ends where the server is going already', async () => {
    const fixture = await start();
    fixture.health.shutdown();
    const statuses = watch(fixture, users);
    expect(await next(statuses)).toBe('NOT_SERVING');
    expect(await codeOf(next(statuses))).toBe('Unavailable');
  });
});
