import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { buffer } from 'node:stream/consumers';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { codeOf, grpc, rpc, type Sent, sendTo } from './clients/lane-client.ts';
import { envelope, envelopes, protoRequest } from './dialect-cases.ts';
import { type OpenLane, openLane } from './doors/open-lane.ts';

let lane: OpenLane;
beforeAll(async () => {
  lane = await openLane();
});
afterAll(async () => {
  await lane[Symbol.asyncDispose]();
});

const send = (body: Uint8Array, { to = lane, ...sent }: Sent = {}) => sendTo(to, body, sent);

const most = 256 * 1_024;

/** A message of exactly so many bytes: one of tag, three of length, the rest text. */
const ofBytes = (bytes: number): Buffer => protoRequest('x'.repeat(bytes - 4));

describe('limits', () => {
  const forms: [type: string, wrap: (message: Buffer) => Buffer, refused: string][] = [
    ['application/proto', (message) => message, 'resource_exhausted'],
    ['application/grpc', (message) => envelope(message), '8'],
    ['application/grpc-web', (message) => envelope(message), '8'],
    ['application/grpc-web-text', (message) => Buffer.from(envelope(message).toString('base64')), '8'],
  ];
  const ways = forms.flatMap(([type, wrap, refused]) =>
    ([1, 2] as const).map((version) => ({ type, wrap, refused, version })),
  );
  test.each(ways)('$type, HTTP/$version: 256 KiB is taken, one byte more is not', async (way) => {
    const { type, wrap, refused, version } = way;
    const taken = await send(wrap(ofBytes(most)), { type, version });
    expect(codeOf(taken, type)).toBe('ok');
    const refusal = await send(wrap(ofBytes(most + 1)), { type, version });
    expect(codeOf(refusal, type)).toBe(refused);
    expect(codeOf(await send(wrap(protoRequest('u7')), { type, version }), type)).toBe('ok');
  });

  test.each([1, 2] as const)('REST, HTTP/%i: the body is bounded too', async (version) => {
    const path = '/v2/users/u7/unlock';
    const ofJson = (bytes: number): Buffer => Buffer.from(`{"x":"${'y'.repeat(bytes - 8)}"}`);
    const type = 'application/json';
    expect((await send(ofJson(most), { type, path, version })).status).toBe(200);
    expect((await send(ofJson(most + 1), { type, path, version })).status).toBe(429);
  });

  test('a limit below what fits one packet holds too', async () => {
    await using open = await openLane({ bodyBytesMax: 100 });
    const forms: [string, (userId: string) => Buffer, string][] = [
      ['application/proto', protoRequest, 'resource_exhausted'],
      ['application/grpc', grpc, '8'],
    ];
    for (const [type, encode, refused] of forms) {
      expect(codeOf(await send(encode('x'.repeat(98)), { to: open, type }), type)).toBe('ok');
      expect(codeOf(await send(encode('x'.repeat(99)), { to: open, type }), type)).toBe(refused);
    }
  });

  test('a body that does not declare its size is refused as soon as it is too large', async () => {
    const req = http.request(`${lane.url}${rpc}`, {
      method: 'POST',
      headers: { 'content-type': 'application/proto', 'transfer-encoding': 'chunked' },
    });
    const answered = once(req, 'response');
    req.write(Buffer.alloc(most + 1));
    const [res] = (await answered) as [http.IncomingMessage];
    expect(res.statusCode).toBe(429);
    req.end();
    await buffer(res);
  });

  test('a message that lies about its length is refused without waiting for it', async () => {
    const lying = Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1]);
    expect(codeOf(await send(lying))).toBe('8');
  });

  test('a streaming call is bounded as well, and its client is told', async () => {
    const answer = await send(envelope(Buffer.alloc(most + 1)), { path: '/grpc.health.v1.Health/Watch' });
    expect(answer.trailers['grpc-status']).toBe('8');
  });
});

describe('compression', () => {
  const ways: [name: string, squeeze: (bytes: Buffer) => Buffer, expand: (bytes: Buffer) => Buffer][] = [
    ['gzip', gzipSync, gunzipSync],
    ['br', brotliCompressSync, brotliDecompressSync],
  ];

  test.each(ways)('%s both ways, Connect', async (name, squeeze, expand) => {
    const headers = { 'content-encoding': name, 'accept-encoding': `deflate, ${name};q=0.5` };
    const answer = await send(squeeze(protoRequest('big')), { type: 'application/proto', headers });
    expect([answer.status, answer.headers['content-encoding']]).toEqual([200, name]);
    expect(expand(answer.body).length).toBeGreaterThan(5_000);
    expect(answer.body.length).toBeLessThan(500);
  });

  test.each(ways)('%s both ways, gRPC and gRPC-Web', async (name, squeeze, expand) => {
    for (const type of ['application/grpc', 'application/grpc-web']) {
      const headers = { 'grpc-encoding': name, 'grpc-accept-encoding': `identity,${name}` };
      const answer = await send(envelope(squeeze(protoRequest('big')), 1), { type, headers });
      expect([codeOf(answer, type), answer.headers['grpc-encoding']]).toEqual(['ok', name]);
      const [first] = envelopes(answer.body);
      expect(first?.flags).toBe(1);
      expect(expand(first?.bytes ?? Buffer.alloc(0)).length).toBeGreaterThan(5_000);
    }
  });

  test('what is small, or not asked for, goes out as it is', async () => {
    const small = await send(grpc('u7'), { headers: { 'grpc-accept-encoding': 'gzip' } });
    const unasked = await send(grpc('big'));
    const declined = await send(protoRequest('big'), {
      type: 'application/proto',
      headers: { 'accept-encoding': 'gzip;q=0, br;q=0.000' },
    });
    expect(small.headers['grpc-encoding']).toBeUndefined();
    expect(unasked.headers['grpc-encoding']).toBeUndefined();
    expect(declined.headers['content-encoding']).toBeUndefined();
  });

  test('an unknown encoding is refused with those that are known', async () => {
    const asGrpc = await send(grpc('u7'), { headers: { 'grpc-encoding': 'snappy' } });
    expect([codeOf(asGrpc), asGrpc.headers['grpc-accept-encoding']]).toEqual(['12', 'gzip,br']);
    const headers = { 'content-encoding': 'snappy' };
    const asConnect = await send(protoRequest('u7'), { type: 'application/proto', headers });
    expect([asConnect.status, asConnect.headers['accept-encoding']]).toEqual([501, 'gzip,br']);
  });

  test('a small body may not become a large one', async () => {
    const bomb = Buffer.alloc(8 * most);
    for (const [name, squeeze] of ways) {
      const headers = { 'grpc-encoding': name };
      expect(codeOf(await send(envelope(squeeze(bomb), 1), { headers }))).toBe('8');
      const exact = squeeze(protoRequest(randomText(most - 4)));
      expect(codeOf(await send(envelope(exact, 1), { headers }))).toBe('ok');
    }
  });

  test('beyond 256 KiB, 100 times what came is taken, and no more', async () => {
    await using to = await openLane({ bodyBytesMax: 2 * most });
    for (const [name, squeeze] of ways) {
      const headers = { 'grpc-encoding': name };
      const free = squeeze(ofBytes(most));
      expect([codeOf(await send(envelope(free, 1), { headers, to }))]).toEqual(['ok']);
      const [within, beyond] = aroundRatio(squeeze, 100);
      expect(codeOf(await send(envelope(within, 1), { headers, to }))).toBe('ok');
      expect(codeOf(await send(envelope(beyond, 1), { headers, to }))).toBe('8');
    }
  });

  test('broken compression is the caller’s mistake', async () => {
    for (const [name] of ways) {
      const broken = envelope(Buffer.from('not compressed'), 1);
      expect(codeOf(await send(broken, { headers: { 'grpc-encoding': name } }))).toBe('3');
    }
  });
});

const randomText = (length: number): string => randomBytes(length / 2).toString('hex');

/** Two compressed messages of 400 KiB, one at most so many times as large as compressed, the other hardly more. */
function aroundRatio(squeeze: (bytes: Buffer) => Buffer, ratio: number): [within: Buffer, beyond: Buffer] {
  const bytes = 400 * 1_024;
  const random = randomText(bytes / 10);
  const of = (length: number) => squeeze(protoRequest(random.slice(0, length).padEnd(bytes - 4, 'x')));
  let [less, more] = [0, random.length];
  while (more - less > 1) {
    const middle = Math.floor((less + more) / 2);
    if (bytes <= ratio * of(middle).length) more = middle;
    else less = middle;
  }
  return [of(more), of(less)];
}

describe('interceptors', () => {
  test('run in their order around every call, lane and adapter alike', async () => {
    const seen: string[] = [];
    const named = (name: string): Interceptor => {
      seen.push(`made ${name}`);
      return (next) => async (req) => {
        seen.push(`${name} ${req.method.name} ${req.header.get('x-test')} ${req.stream}`);
        const response = await next(req);
        seen.push(`${name} out`);
        return response;
      };
    };
    await using open = await openLane({ interceptors: [named('a'), named('b')] });
    const headers = { 'x-test': 'yes' };
    await send(grpc('u7'), { to: open, headers });
    await send(envelope(Buffer.alloc(0)), { to: open, headers, path: '/grpc.health.v1.Health/Watch' });
    const around = (method: string, stream: boolean): string[] => [
      `a ${method} yes ${stream}`,
      `b ${method} yes ${stream}`,
      'b out',
      'a out',
    ];
    expect(seen).toEqual(['made a', 'made b', ...around('UnlockUser', false), ...around('Watch', true)]);
  });

  test('may refuse, change the request, and change the answer', async () => {
    const changing: Interceptor = (next) => async (req) => {
      if (req.stream) return next(req);
      if (req.header.has('x-refused')) throw new ConnectError('no', Code.PermissionDenied);
      const response = await next({ ...req, message: { ...req.message, userId: 'changed' } as never });
      return { ...response, header: new Headers({ 'x-by': 'interceptor' }), trailer: new Headers() };
    };
    await using open = await openLane({ interceptors: [changing] });
    const answer = await send(protoRequest('metadata'), { to: open, type: 'application/proto' });
    expect(answer.body.toString()).toContain('changed');
    expect(answer.headers['x-by']).toBe('interceptor');
    expect(codeOf(await send(grpc('u7'), { to: open, headers: { 'x-refused': '1' } }))).toBe('7');
    expect(open.contexts).toHaveLength(1);
  });
});

describe('what a call knows of its request', () => {
  test('address, headers and request id', async () => {
    await using open = await openLane({ clientAddress: { trustedProxies: ['127.0.0.1'] } });
    const headers = { 'x-test': 'yes', 'x-request-id': 'mine-1', 'x-forwarded-for': '192.0.2.7' };
    for (const version of [1, 2] as const) {
      const answer = await send(Buffer.from('{"userId":"info"}'), {
        to: open,
        version,
        type: 'application/json',
        headers,
      });
      expect(JSON.parse(answer.body.toString()).details.resourceOwner).toBe('192.0.2.7 yes mine-1');
      expect(answer.headers['x-request-id']).toBe('mine-1');
    }
  });

  test('of many calls at once, each gets its own answer', async () => {
    const ids = Array.from({ length: 200 }, (_, i) => `user-${i}`);
    const type = 'application/json';
    const answers = await Promise.all(
      ids.map((userId, i) => send(Buffer.from(JSON.stringify({ userId })), { type, version: i % 2 ? 1 : 2 })),
    );
    expect(answers.map(({ body }) => JSON.parse(body.toString()).details.resourceOwner)).toEqual(ids);
    expect(new Set(answers.map(({ headers }) => headers['x-request-id'])).size).toBe(ids.length);
  });

  test('the context is a whole HandlerContext', async () => {
    await send(grpc('u7'), { headers: { 'x-test': 'yes' } });
    const context = lane.contexts.at(-1);
    expect(context?.requestHeader.get('x-test')).toBe('yes');
    expect([context?.protocolName, context?.requestMethod]).toEqual(['grpc', 'POST']);
    expect([context?.url, context?.method.name]).toEqual([`${lane.url}${rpc}`, 'UnlockUser']);
    expect(context?.service.typeName).toBe('zitadel.user.v2.UserService');
    expect(context?.signal.aborted).toBe(true);
  });

  test('a browser of an allowed origin reads the answer, of another it does not', async () => {
    const ask2 = (origin: string, verb: string) =>
      lane.wire.send({
        version: 1,
        verb,
        path: rpc,
        headers: { origin, 'content-type': 'application/json', 'access-control-request-method': 'POST' },
        body: Buffer.from('{"userId":"u7"}'),
      });
    const answer = await ask2('https://console.example', 'POST');
    expect(answer.headers['access-control-allow-origin']).toBe('https://console.example');
    expect(answer.headers['access-control-expose-headers']).toContain('grpc-status');
    const preflight = await ask2('https://console.example', 'OPTIONS');
    expect(preflight.status).toBe(204);
    expect(preflight.headers['access-control-allow-headers']).toContain('x-grpc-web');
    const foreign = await ask2('https://evil.example', 'POST');
    expect(foreign.headers['access-control-allow-origin']).toBeUndefined();
  });
});

describe('an answer that HTTP cannot carry', () => {
  test.each([1, 2] as const)('ends the exchange all the same, HTTP/%i', async (version) => {
    // A handler's header that no header of HTTP/1.1 may hold; HTTP/2 carries it.
    const answers = await Promise.all(
      ['application/grpc', 'application/json'].map((type) =>
        sendTo(
          lane,
          type === 'application/grpc' ? grpc('unsendable') : Buffer.from('{"userId":"unsendable"}'),
          {
            version,
            type,
          },
        ),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(version === 1 ? [500, 500] : [200, 200]);
  });
});
