import { describe, expect, test } from '@jest/globals';
import { corsHeaders, createCorsPolicy, isPreflight, preflightAnswer } from '../../src/server/http/cors.ts';
import { startServer } from '../support/start-server.ts';
import { openWire } from '../support/wire.ts';

const console = 'https://console.example';
const host = 'api.example:8080';
const closed = createCorsPolicy({ allowedOrigins: [], scheme: 'http' });
const listed = createCorsPolicy({ allowedOrigins: [console, 'http://localhost:5173'], scheme: 'https' });
const open = createCorsPolicy({ allowedOrigins: ['*'], scheme: 'http' });

const allowed = (origin: string) => ({
  'access-control-allow-origin': origin,
  'access-control-expose-headers':
    'grpc-status, grpc-message, grpc-status-details-bin, content-length, x-request-id, retry-after, www-authenticate',
  vary: 'origin',
});
const refused = { vary: 'origin' };

describe('the headers of an answer', () => {
  test.each([
    ['no origin', closed, undefined, undefined],
    ['another origin, none allowed', closed, console, refused],
    ['its own origin', closed, 'http://api.example:8080', allowed('http://api.example:8080')],
    ['its own host under another scheme', closed, 'https://api.example:8080', refused],
    ['its own host on another port', closed, 'http://api.example', refused],
    ['an allowed origin', listed, console, allowed(console)],
    ['the other allowed origin', listed, 'http://localhost:5173', allowed('http://localhost:5173')],
    ['an origin that begins like an allowed one', listed, `${console}.evil.example`, refused],
    ['an allowed host under another scheme', listed, 'http://console.example', refused],
    ['an opaque origin', listed, 'null', refused],
    ['any origin, any allowed', open, 'https://a.example', allowed('https://a.example')],
  ])('%s', (_what, policy, origin, headers) => {
    expect(corsHeaders(policy, origin, host)).toEqual(headers);
  });

  test('without a host no origin is the own one', () => {
    expect(corsHeaders(closed, 'http://undefined', undefined)).toEqual(refused);
  });
});

describe('preflight', () => {
  test('is OPTIONS with an origin and a method to come, and nothing else', () => {
    expect(isPreflight('OPTIONS', console, 'POST')).toBe(true);
    expect(isPreflight('POST', console, 'POST')).toBe(false);
    expect(isPreflight('OPTIONS', undefined, 'POST')).toBe(false);
    expect(isPreflight('OPTIONS', console, undefined)).toBe(false);
  });

  test('names the methods and headers that browsers may send', () => {
    expect(preflightAnswer(listed, console, host)).toEqual({
      status: 204,
      headers: {
        'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE, OPTIONS',
        'access-control-allow-headers':
          'content-type, accept, accept-language, authorization, x-zitadel-orgid, x-user-agent, x-grpc-web, ' +
          'grpc-timeout, connect-protocol-version, connect-timeout-ms, idempotency-key, latchkey-reason, x-request-id, ' +
          'traceparent, tracestate, baggage, sentry-trace',
        'access-control-max-age': '7200',
        vary: 'access-control-request-method, access-control-request-headers',
      },
    });
  });

  test('grants nothing to an origin that is not allowed', () => {
    expect(preflightAnswer(listed, 'https://evil.example', host)).toEqual({
      status: 204,
      headers: { vary: 'access-control-request-method, access-control-request-headers' },
    });
  });
});

test.each([
  'console.example',
  'https://console.example/',
  'https://a@console.example',
  'null',
  '',
  'file:///x',
])('refuses %j as an allowed origin', (origin) => {
  expect(() => createCorsPolicy({ allowedOrigins: [origin], scheme: 'http' })).toThrow('not an origin');
});

describe.each([1, 2] as const)('a server that has an allowed origin, HTTP/%i', (version) => {
  const path = '/v2/users/nobody/unlock';
  const mayBeSent = [
    'latchkey-reason',
    'tracestate',
    'baggage',
    'sentry-trace',
    'idempotency-key',
    'traceparent',
  ];
  const mayBeRead = [
    'retry-after',
    'www-authenticate',
    'x-request-id',
    'grpc-status',
    'grpc-status-details-bin',
  ];
  const listOf = (value: string | undefined) => (value ?? '').split(', ');

  test('lets its pages send every header of a call and read those of the answer, and no other page', async () => {
    await using server = await startServer({ flags: ['--cors-origins', console] });
    await using wire = openWire(server.url);
    const preflight = (origin: string, header: string) =>
      wire.send({
        version,
        verb: 'OPTIONS',
        path,
        body: new Uint8Array(),
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': header,
        },
      });
    const call = (origin: string) =>
      wire.send({
        version,
        verb: 'POST',
        path,
        body: Buffer.from('{}'),
        headers: { origin, 'content-type': 'application/json' },
      });
    for (const header of mayBeSent) {
      const { status, headers } = await preflight(console, header);
      expect([header, status, headers['access-control-allow-origin']]).toEqual([header, 204, console]);
      expect(listOf(headers['access-control-allow-headers'])).toContain(header);
      expect(listOf(headers['access-control-allow-methods'])).toContain('POST');
      const foreign = await preflight('https://evil.example', header);
      expect(foreign.headers).not.toHaveProperty('access-control-allow-origin');
      expect(foreign.headers).not.toHaveProperty('access-control-allow-headers');
    }
    // Refused for want of a token, which a page has to be able to read.
    const answer = await call(console);
    expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([401, console]);
    const exposed = listOf(answer.headers['access-control-expose-headers']);
    expect(exposed).toEqual(expect.arrayContaining(mayBeRead));
    const foreign = await call('https://evil.example');
    expect(foreign.headers).not.toHaveProperty('access-control-allow-origin');
    expect(foreign.headers).not.toHaveProperty('access-control-expose-headers');
  });
});
