import { Code } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { HttpVersion, WireAnswer, WireHeaders } from '../support/wire.ts';
import { dialects, envelope, envelopes, protoRequest, type WireDialect } from './dialect-cases.ts';
import { copying, type OpenLane, openLane } from './doors/open-lane.ts';

let lane: OpenLane;
beforeAll(async () => {
  lane = await openLane();
});
afterAll(async () => {
  await lane[Symbol.asyncDispose]();
});

const ways = dialects.flatMap((dialect) =>
  dialect.versions.map((version) => ({ way: `${dialect.name}, HTTP/${version}`, dialect, version })),
);

function ask(
  { dialect, version }: { dialect: WireDialect; version: HttpVersion },
  userId: string,
  headers: WireHeaders = {},
  to = lane,
): Promise<WireAnswer> {
  return to.wire.send({
    version,
    verb: 'POST',
    path: dialect.path(userId),
    headers: { 'content-type': dialect.contentType, ...headers },
    body: dialect.encode(userId),
  });
}

/** `{details:{sequence:2, resourceOwner:"u7"}}`, as protobuf in base64 and as JSON. */
const okProto = Buffer.from([0x0a, 6, 0x08, 2, 0x1a, 2, 0x75, 0x37]).toString('base64');
const okJson = '{"details":{"sequence":"2","resourceOwner":"u7"}}';

const isGrpc = (dialect: WireDialect): boolean => dialect.contentType.startsWith('application/grpc');
const isRest = (dialect: WireDialect): boolean =>
  dialect.path('') !== dialects[0]?.path('') && /json|plain/.test(dialect.contentType);

/** How each dialect writes a code. */
function dressed(dialect: WireDialect, code: Code): string {
  if (isGrpc(dialect) || isRest(dialect)) return String(code);
  const name = Code[code] ?? '';
  return name.replace(/[A-Z]/g, (letter, at) => (at === 0 ? '' : '_') + letter.toLowerCase());
}

describe('the same call in every dialect', () => {
  test.each(ways)('$way: succeeds', async (way) => {
    const answer = await ask(way, 'u7');
    const response = /proto|grpc$|web$|text$/.test(way.dialect.contentType) ? okProto : okJson;
    expect(way.dialect.read(answer)).toEqual({ http: 200, code: 'ok', response });
    expect(answer.headers['x-request-id']).toMatch(/^[\w-]+$/);
    expect(Date.parse(answer.headers.date ?? '')).toBeGreaterThan(0);
  });

  test.each(ways)('$way: fails with code, message and details', async (way) => {
    const answer = await ask(way, 'fail');
    expect(way.dialect.read(answer)).toEqual({
      http: isGrpc(way.dialect) ? 200 : 400,
      code: dressed(way.dialect, Code.FailedPrecondition),
      message: 'Nutzer ist 100% gültig',
    });
    const text = JSON.stringify([answer.headers, answer.trailers, decoded(way.dialect, answer)]);
    expect(text).toContain('x-error');
    expect(text).not.toContain('"content-length":"7"');
  });

  test.each(ways)('$way: says nothing of an unexpected cause, and logs it', async (way) => {
    const before = lane.log.length;
    const answer = await ask(way, 'crash');
    expect(way.dialect.read(answer)).toEqual({
      http: isGrpc(way.dialect) ? 200 : 500,
      code: dressed(way.dialect, Code.Internal),
      message: 'internal error',
    });
    expect(lane.log.slice(before)).toMatchObject([
      ['call.failed', { cause: { message: 'the secret cause' }, requestId: answer.headers['x-request-id'] }],
    ]);
  });

  test.each(ways)('$way: carries the headers and trailers of the handler', async (way) => {
    for (const userId of ['metadata', 'fail-with-metadata']) {
      const answer = await ask(way, userId);
      expect(answer.headers['x-head']).toBe('one, two');
      expect(answer.headers['content-type']).not.toBe('text/html');
      const trailing = /grpc-web/.test(way.dialect.contentType)
        ? decoded(way.dialect, answer)
        : JSON.stringify(isGrpc(way.dialect) ? answer.trailers : answer.headers['trailer-x-tail']);
      expect(trailing).toContain('end');
      expect(way.dialect.read(answer).code).toBe(
        userId === 'metadata' ? 'ok' : dressed(way.dialect, Code.FailedPrecondition),
      );
    }
  });

  test.each(ways)('$way: runs interceptors that pass copies on', async (way) => {
    await using copied = await openLane({ interceptors: [copying] });
    const answer = await ask(way, 'metadata', {}, copied);
    expect(way.dialect.read(answer).code).toBe('ok');
    expect(answer.headers['x-head']).toBe('one, two');
  });
});

function decoded(dialect: WireDialect, answer: WireAnswer): string {
  const isText = dialect.contentType.includes('-text');
  return isText ? Buffer.from(answer.body.toString(), 'base64').toString() : answer.body.toString();
}

const rpc = '/zitadel.user.v2.UserService/UnlockUser';

function send(
  body: Buffer | string,
  contentType: string,
  more: Partial<{ path: string; verb: string }> = {},
) {
  const headers = contentType === '' ? {} : { 'content-type': contentType };
  return lane.wire.send({ version: 2, verb: 'POST', path: rpc, headers, body: Buffer.from(body), ...more });
}

describe('bodies that are not what they say', () => {
  const whole = envelope(protoRequest('u7'));
  const cases: [name: string, type: string, body: Buffer, code: string][] = [
    ['no message', 'application/grpc', Buffer.alloc(0), '12'],
    ['half a prefix', 'application/grpc', whole.subarray(0, 3), '3'],
    ['half a message', 'application/grpc', whole.subarray(0, -1), '3'],
    ['two messages', 'application/grpc', Buffer.concat([whole, whole]), '12'],
    ['unknown flags', 'application/grpc', envelope(protoRequest('u7'), 2), '3'],
    ['a trailer in the request', 'application/grpc-web', envelope(Buffer.alloc(0), 0x80), '3'],
    ['compressed with nothing named', 'application/grpc', envelope(protoRequest('u7'), 1), '13'],
    ['no protobuf', 'application/grpc', envelope(Buffer.from([0x0a, 0x7f, 1])), '3'],
    ['no JSON', 'application/grpc+json', envelope(Buffer.from('{"userId":')), '3'],
    ['no base64', 'application/grpc-web-text', Buffer.from('%%%%'), '3'],
    ['base64 cut short', 'application/grpc-web-text', Buffer.from('AAAAA'), '3'],
  ];
  test.each(cases)('%s in %s', async (_name, contentType, body, code) => {
    const dialect = dialects.find((known) => known.contentType === contentType);
    expect(dialect?.read(await send(body, contentType)).code).toBe(code);
  });

  const unary: [name: string, type: string, body: Buffer | string][] = [
    ['nothing', 'application/json', ''],
    ['half an object', 'application/json', '{"userId":'],
    ['an array', 'application/json', '[]'],
    ['a wrong type', 'application/json', '{"userId":{}}'],
    ['bytes that are not UTF-8', 'application/json', Buffer.from([0x7b, 0xff, 0x7d])],
    ['no protobuf', 'application/proto', Buffer.from([0x0a, 0x7f, 1])],
  ];
  test.each(unary)('%s as %s', async (_name, contentType, body) => {
    const answer = await send(body, contentType);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ code: 'invalid_argument' });
  });

  test('text may be base64 in several padded pieces, with a line end', async () => {
    const pieces = `${whole.subarray(0, 5).toString('base64')}${whole.subarray(5).toString('base64')}\n`;
    const dialect = dialects.find(({ contentType }) => contentType === 'application/grpc-web-text');
    expect(dialect?.read(await send(pieces, 'application/grpc-web-text')).response).toBe(okProto);
  });
});

describe('verbs, types and paths', () => {
  test('another verb on a method is refused with Allow', async () => {
    for (const verb of ['GET', 'PUT', 'DELETE', 'HEAD', 'OPTIONS']) {
      const answer = await send('', 'application/json', { verb });
      expect([answer.status, answer.headers.allow]).toEqual([405, 'POST']);
    }
  });

  test('a method without side effects says that GET is allowed', async () => {
    const path = '/connectrpc.conformance.v1.ConformanceService/IdempotentUnary';
    const answer = await send('', '', { verb: 'PUT', path });
    expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, POST']);
  });

  test('another verb on a REST path is refused with Allow and code 12', async () => {
    const answer = await send('', '', { verb: 'PATCH', path: '/v2/users/1/unlock' });
    expect([answer.status, answer.headers.allow]).toEqual([405, 'POST']);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ code: 12 });
  });

  test('an unknown content type is refused with Accept-Post', async () => {
    for (const contentType of [
      'text/html',
      '',
      'application/json; charset=latin1',
      'application/connect+json',
    ]) {
      const answer = await send('{}', contentType);
      expect(answer.status).toBe(415);
      expect(answer.headers['accept-post']?.split(', ')).toEqual([
        'application/json',
        'application/proto',
        'application/grpc',
        'application/grpc+proto',
        'application/grpc+json',
        'application/grpc-web',
        'application/grpc-web+proto',
        'application/grpc-web+json',
        'application/grpc-web-text',
        'application/grpc-web-text+proto',
        'application/grpc-web-text+json',
      ]);
    }
  });

  test('an unknown path: gRPC and Connect read Unimplemented, REST code 5, gRPC-Web the status alone', async () => {
    const asGrpc = await send(envelope(Buffer.alloc(0)), 'application/grpc', { path: '/a.B/C' });
    expect([asGrpc.status, asGrpc.headers['grpc-status']]).toEqual([200, '12']);
    const asRest = await send('{}', 'application/json', { path: '/v2/nowhere' });
    expect([asRest.status, JSON.parse(asRest.body.toString()).code]).toEqual([404, 5]);
    const asWeb = await send('{}', 'application/grpc-web', { path: '/a.B/C' });
    expect([asWeb.status, asWeb.body.length]).toEqual([404, 0]);
    for (const contentType of [
      'application/json',
      'Application/JSON; charset=utf-8',
      'application/proto',
      'application/connect+proto',
      'application/connect+json',
    ]) {
      const asConnect = await send('{}', contentType, { path: '/a.B/C' });
      expect([asConnect.status, asConnect.headers['content-type']]).toEqual([404, 'application/json']);
      expect(JSON.parse(asConnect.body.toString())).toEqual({ code: 'unimplemented', message: 'not found' });
    }
  });

  const tricks = [
    '/..',
    '//v2//users',
    '/v2/%2e%2e/etc',
    '/%zz',
    '/v2/users/%ff/unlock',
    `/${'a'.repeat(9_000)}`,
  ];
  test.each(tricks)('the path %.30s leads nowhere', async (path) => {
    for (const version of [1, 2] as const) {
      const answer = await lane.wire.send({
        version,
        verb: 'POST',
        path,
        headers: {},
        body: Buffer.alloc(0),
      });
      expect([400, 404]).toContain(answer.status);
      expect([3, 5]).toContain(JSON.parse(answer.body.toString()).code);
    }
  });
});

describe('what the lane leaves to the adapter', () => {
  const watch = '/grpc.health.v1.Health/Watch';
  const okStatus = Buffer.from([0x08, 1]);

  test.each([1, 2] as const)('a stream in every dialect of streams, HTTP/%i', async (version) => {
    const text = (body: Buffer): Buffer => Buffer.from(body.toString('base64'));
    const types: [string, Buffer][] = [
      ['application/grpc', envelope(Buffer.alloc(0))],
      ['application/grpc-web', envelope(Buffer.alloc(0))],
      ['application/grpc-web-text', text(envelope(Buffer.alloc(0)))],
      ['application/connect+proto', envelope(Buffer.alloc(0))],
    ];
    for (const [contentType, body] of types) {
      const headers = { 'content-type': contentType, origin: 'https://console.example' };
      const answer = await lane.wire.send({ version, verb: 'POST', path: watch, headers, body });
      expect(answer.status).toBe(200);
      expect(answer.headers['content-type']?.startsWith(contentType)).toBe(true);
      expect(answer.headers['x-head']).toBe('one, two');
      expect(answer.headers['x-request-id']).toMatch(/^[\w-]+$/);
      expect(answer.headers['access-control-allow-origin']).toBe('https://console.example');
      const isText = contentType.includes('-text');
      const pieces = isText ? piecesOf(answer.body.toString()) : answer.body;
      expect(envelopes(pieces)[0]?.bytes).toEqual(okStatus);
      if (contentType === 'application/grpc') expect(answer.trailers['grpc-status']).toBe('0');
    }
  });

  test('a stream that is asked for with a unary type is refused with Accept-Post', async () => {
    const answer = await send('{}', 'application/json', { path: watch });
    expect(answer.status).toBe(415);
    expect(answer.headers['accept-post']).toContain('application/connect+json');
  });

  test.each([1, 2] as const)('Connect GET, compressed, HTTP/%i', async (version) => {
    const path =
      '/connectrpc.conformance.v1.ConformanceService/IdempotentUnary?connect=v1&encoding=json&message=%7B%7D';
    const headers = { 'accept-encoding': 'gzip' };
    const answer = await lane.wire.send({ version, verb: 'GET', path, headers, body: Buffer.alloc(0) });
    expect([answer.status, answer.headers['content-encoding']]).toEqual([200, 'gzip']);
  });
});

function piecesOf(text: string): Buffer {
  const pieces = text.match(/[A-Za-z0-9+/]+={0,2}/g) ?? [];
  return Buffer.concat(pieces.map((piece) => Buffer.from(piece, 'base64')));
}
