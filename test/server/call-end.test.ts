import http from 'node:http';
import http2 from 'node:http2';
import { Code } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { codeOf, grpc, rpc, type Sent, sendTo } from './clients/lane-client.ts';
import { envelope, protoRequest } from './dialect-cases.ts';
import { type OpenLane, openLane } from './doors/open-lane.ts';

let lane: OpenLane;
beforeAll(async () => {
  lane = await openLane();
});
afterAll(async () => {
  await lane[Symbol.asyncDispose]();
});

const send = (body: Uint8Array, { to = lane, ...sent }: Sent = {}) => sendTo(to, body, sent);

describe('deadlines', () => {
  test('the client’s own ends the call, and the handler hears of it', async () => {
    const before = lane.aborted.length;
    expect(codeOf(await send(grpc('wait'), { headers: { 'grpc-timeout': '30m' } }))).toBe('4');
    const type = 'application/json';
    const late = await send(Buffer.from('{"userId":"wait"}'), {
      type,
      headers: { 'connect-timeout-ms': '30' },
    });
    expect(late.status).toBe(504);
    expect(lane.aborted.slice(before)).toMatchObject([
      { code: Code.DeadlineExceeded },
      { code: Code.DeadlineExceeded },
    ]);
  });

  test('a handler that does not listen is answered for', async () => {
    expect(codeOf(await send(grpc('deaf'), { headers: { 'grpc-timeout': '30m' } }))).toBe('4');
    expect(codeOf(await send(grpc('u7'), { headers: { 'grpc-timeout': '0S' } }))).toBe('4');
  });

  test.each([
    '',
    '1',
    '-1m',
    '1x',
    '123456789m',
    '1.5S',
    'm',
  ])('grpc-timeout %j is refused', async (value) => {
    expect(codeOf(await send(grpc('u7'), { headers: { 'grpc-timeout': value } }))).toBe('3');
  });

  test.each(['-1', 'soon', '12345678901', '1.5'])('connect-timeout-ms %j is refused', async (value) => {
    const headers = { 'connect-timeout-ms': value };
    for (const path of [rpc, '/v2/users/u7/unlock']) {
      expect((await send(Buffer.from('{}'), { type: 'application/json', headers, path })).status).toBe(400);
    }
  });

  test('the handler knows what is left of the client’s time, and nothing of the server’s', async () => {
    await send(grpc('u7'), { headers: { 'grpc-timeout': '20S' } });
    const leftMs = lane.contexts.at(-1)?.timeoutMs() ?? 0;
    expect(leftMs).toBeGreaterThan(0);
    expect(leftMs).toBeLessThanOrEqual(20_000);
    await send(grpc('u7'));
    expect(lane.contexts.at(-1)?.timeoutMs()).toBeUndefined();
  });

  test('a client may not ask for more than the server gives, in the lane or a stream', async () => {
    await using short = await openLane({ timeoutMsMax: 40 });
    const headers = { 'grpc-timeout': '99999999H' };
    expect(codeOf(await send(grpc('wait'), { to: short, headers }))).toBe('4');
    const watch = envelope(Buffer.from([0x0a, 4, ...Buffer.from('wait')]));
    const streamed = await send(watch, { to: short, headers, path: '/grpc.health.v1.Health/Watch' });
    expect(streamed.trailers['grpc-status']).toBe('4');
  });

  test.each([
    3_600_000, -3_600_000,
  ])('the clock of the machine jumps by %i ms: a call ends when its time has passed, not before', async (jumpMs) => {
    await using short = await openLane({ defaultTimeoutMs: 400 });
    const started = performance.now();
    const waiting = send(grpc('wait'), { to: short });
    await short.begun(1);
    const usual = Date.now;
    Date.now = () => usual() + jumpMs;
    try {
      expect(codeOf(await waiting)).toBe('4');
    } finally {
      Date.now = usual;
    }
    expect(performance.now() - started).toBeGreaterThanOrEqual(399);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test('a call that names no deadline has one', async () => {
    await using short = await openLane({ defaultTimeoutMs: 1_500 });
    const waiting = ['wait', 'wait', 'wait'].map((id) => send(grpc(id), { to: short }));
    await short.begun(3);
    expect(codeOf(await send(grpc('u7'), { to: short }))).toBe('ok');
    expect((await Promise.all(waiting)).map((answer) => codeOf(answer))).toEqual(['4', '4', '4']);
    expect(short.door.callsInFlight).toBe(0);
  });
});

describe('clients that leave', () => {
  test('a reset stream ends its call alone', async () => {
    await using open = await openLane();
    const session = http2.connect(open.url);
    const headers = { ':method': 'POST', ':path': rpc, 'content-type': 'application/grpc' };
    const stream = session.request(headers);
    stream.on('error', () => undefined);
    stream.end(grpc('wait'));
    await open.begun(1);
    const other = send(grpc('u7'), { to: open });
    stream.close(http2.constants.NGHTTP2_CANCEL);
    expect(codeOf(await other)).toBe('ok');
    await over(open);
    expect(open.aborted).toMatchObject([{ code: Code.Canceled }]);
    session.close();
  });

  test('a closed connection ends its call', async () => {
    await using open = await openLane();
    const req = http.request(`${open.url}/v2/users/wait/unlock`, { method: 'POST' }).end();
    req.on('error', () => undefined);
    await open.begun(1);
    req.destroy();
    await over(open);
    expect(open.aborted).toMatchObject([{ code: Code.Canceled }]);
  });

  test.each([
    1, 2,
  ] as const)('a body that stops half way never reaches a handler, HTTP/%i', async (version) => {
    await using open = await openLane();
    if (version === 1) {
      const headers = { 'content-type': 'application/proto', 'content-length': '100' };
      const req = http.request(`${open.url}${rpc}`, { method: 'POST', headers });
      req.on('error', () => undefined);
      req.write(protoRequest('u7'));
      await inFlight(open, 1);
      req.destroy();
    } else {
      const session = http2.connect(open.url).on('error', () => undefined);
      const headers = { ':method': 'POST', ':path': rpc, 'content-type': 'application/grpc' };
      const stream = session.request(headers).on('error', () => undefined);
      stream.write(grpc('u7'));
      await inFlight(open, 1);
      session.destroy();
    }
    await inFlight(open, 0);
    expect(open.contexts).toEqual([]);
    expect(open.log).toEqual([]);
  });

  test('streams end when the server says so, and say why', async () => {
    await using open = await openLane();
    const watch = envelope(Buffer.from([0x0a, 4, ...Buffer.from('wait')]));
    const answer = send(watch, { to: open, path: '/grpc.health.v1.Health/Watch' });
    await open.begun(1);
    open.door.endStreams();
    expect((await answer).trailers['grpc-status']).toBe('14');
  });
});

async function inFlight(open: OpenLane, calls: number): Promise<void> {
  while (open.door.callsInFlight !== calls) await new Promise((resolve) => setImmediate(resolve));
}

async function over(open: OpenLane): Promise<void> {
  while (open.aborted.length === 0) await new Promise((resolve) => setImmediate(resolve));
}
