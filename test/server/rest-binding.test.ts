import { create, fromJson, type JsonObject, type JsonValue, type Message, toJson } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { describe, expect, test } from '@jest/globals';
import { compileRoutes, type Route } from '../../src/server/routes/http-rule.ts';
import { bindPath, bindRequest, encodeResponse } from '../../src/server/routes/rest-binding.ts';
import { probeMessage, probeMethods } from './probe.ts';

/** Binds `path?query` and a body by one rule, and answers the message's JSON or the refusal. */
function bind(rule: JsonObject, url: string, body: string | Uint8Array = ''): JsonValue {
  const { route, fields, query } = routeOf(rule, url);
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  try {
    return toJson(route.method.input, bindRequest(route, { fields, query, body: bytes }));
  } catch (error) {
    return refusal(error);
  }
}

function routeOf(rule: JsonObject, url: string): { route: Route; fields: readonly string[]; query: string } {
  const [path = '', query = ''] = url.split('?');
  const match = compileRoutes(probeMethods(rule)).match('POST', path);
  if (match?.kind !== 'found') throw new Error(`${url} is not routed`);
  return { route: match.route, fields: match.fields, query };
}

function refusal(error: unknown): string {
  if (!(error instanceof ConnectError)) throw error;
  expect(error.code).toBe(Code.InvalidArgument);
  return error.rawMessage;
}

const whole = { post: '/a/{user_id}', body: '*' };
const none = { post: '/a/{user_id}' };
const one = { post: '/a/{user_id}', body: 'child' };

describe('the whole request in the body', () => {
  test.each([
    ['', { userId: '7' }],
    ['{}', { userId: '7' }],
    [' { } ', { userId: '7' }],
    ['{"userId":"8","oneString":"x"}', { userId: '7', oneString: 'x' }],
    ['{"user_id":"8","one_string":"x"}', { userId: '7', oneString: 'x' }],
    ['{"unknown":[{"deep":1}],"oneInt32":"5"}', { userId: '7', oneInt32: 5 }],
    ['{"color":"COLOR_RED"}', { userId: '7', color: 'COLOR_RED' }],
    ['{"color":2}', { userId: '7', color: 'COLOR_BLUE' }],
    ['{"oneUint64":18446744073709551615e0}', 'JSON: one_uint64 does not hold a valid scalar (uint64)'],
    ['{"oneUint64":"18446744073709551615"}', { userId: '7', oneUint64: '18446744073709551615' }],
    ['{"oneBytes":"-_8"}', { userId: '7', oneBytes: '+/8=' }],
    ['{"oneString":5}', 'JSON: one_string does not hold a valid scalar (string)'],
    ['{"oneString":"a","one_string":"b"}', 'JSON: one_string does not hold a valid scalar (string)'],
    ['{"children":{}}', 'JSON: children does not hold a valid list (probe.v1.Probe)'],
    ['{"left":"a","right":1}', 'JSON: more than one member of side is given'],
    ['{"when":"yesterday"}', 'JSON: not a valid google.protobuf.Timestamp, such as 2031-01-31T12:00:00Z'],
    ['{"when":"2028-02-29T23:59:59Z"}', { userId: '7', when: '2028-02-29T23:59:59Z' }],
    [
      '{"when":"2027-02-29T00:00:00Z"}',
      'JSON: not a valid google.protobuf.Timestamp, such as 2031-01-31T12:00:00Z',
    ],
    [
      '{"child":{"when":"2027-04-31T00:00:00+02:00"}}',
      'JSON: not a valid google.protobuf.Timestamp, such as 2031-01-31T12:00:00Z',
    ],
    [
      '{"children":[{"when":"2027-04-30T24:00:00Z"}]}',
      'JSON: not a valid google.protobuf.Timestamp, such as 2031-01-31T12:00:00Z',
    ],
    ['{"child":{"wait":"1h"}}', 'JSON: not a valid google.protobuf.Duration, such as 3600s'],
    ['{"child":{"wait":"1s or so"}}', 'JSON: not a valid google.protobuf.Duration, such as 3600s'],
    ['{"child":{"wait":"1.1234567891s"}}', 'JSON: not a valid google.protobuf.Duration, such as 3600s'],
    ['{"wait":"-1.123456789s"}', { userId: '7', wait: '-1.123456789s' }],
    ['{"child":{"child":5}}', 'JSON: not a valid probe.v1.Probe'],
    ['[]', 'JSON: not a valid probe.v1.Probe'],
    ['null', 'JSON: not a valid probe.v1.Probe'],
    ['{"oneString":"secret"', 'malformed JSON at position 21'],
    ['{]', 'malformed JSON at position 1'],
    ['secret', 'malformed JSON'],
    ['{}{}', 'malformed JSON at position 2'],
  ])('%s', (body, expected) => expect(bind(whole, '/a/7', body)).toEqual(expected));

  test('the query binds nothing', () => {
    expect(bind(whole, '/a/7?one_string=x', '{}')).toEqual({ userId: '7' });
  });

  test('bytes that are no UTF-8 are refused', () => {
    expect(bind(whole, '/a/7', Uint8Array.of(0x22, 0xff, 0x22))).toBe('malformed JSON: not UTF-8');
  });

  test('a byte order mark is passed over', () => {
    expect(bind(whole, '/a/7', '\ufeff{"oneInt32":1}')).toEqual({ userId: '7', oneInt32: 1 });
  });

  const nested = (levels: number, name: string): string =>
    [`{"${name}":`.repeat(levels), '{}', '}'.repeat(levels)].join('');

  test('JSON nested deeply is refused where it is read, and ignored where it is unknown', () => {
    expect(bind(whole, '/a/7', nested(99, 'child'))).toMatchObject({ userId: '7' });
    expect(bind(whole, '/a/7', nested(100, 'child'))).toBe('JSON: nested deeper than 100');
    expect(bind(whole, '/a/7', `{"thing":${nested(100, 'x')}}`)).toBe('JSON: nested deeper than 100');
    expect(bind(whole, '/a/7', nested(16_000, 'child'))).toBe('JSON: nested deeper than 100');
    expect(bind(whole, '/a/7', nested(16_000, 'x'))).toEqual({ userId: '7' });
    expect(bind(whole, '/a/7', '['.repeat(16_000))).toMatch(/^malformed JSON/);
    for (const json of [nested(80_000, 'x'), '['.repeat(1_000_000)]) {
      expect(bind(whole, '/a/7', json)).toBe('JSON: must contain no more than 16384 values');
    }
  });
});

describe('query parameters, where the route has no body', () => {
  test.each([
    ['', {}],
    ['?', {}],
    ['?&&', {}],
    ['?one_string=a+b%2Bc&oneInt32=-5', { oneString: 'a b+c', oneInt32: -5 }],
    ['?oneString', {}],
    ['?oneString=a=b', { oneString: 'a=b' }],
    ['?oneUint64=18446744073709551615&oneSint64=-1', { oneUint64: '18446744073709551615', oneSint64: '-1' }],
    ['?oneBool=true&oneDouble=1.5e3&oneFloat=NaN', { oneBool: true, oneDouble: 1500, oneFloat: 'NaN' }],
    ['?oneBytes=-_8&manyBytes=%2B/8%3D', { oneBytes: '+/8=', manyBytes: ['+/8='] }],
    [
      '?manyInt32=1&many_int32=2&manyString=&manyBool=false',
      { manyInt32: [1, 2], manyString: [''], manyBool: [false] },
    ],
    [
      '?color=COLOR_RED&colors=2&colors=COLOR_RED&colors=7',
      { color: 'COLOR_RED', colors: ['COLOR_BLUE', 'COLOR_RED', 7] },
    ],
    [
      '?when=2026-01-02T03:04:05Z&stamps=2026-01-02T03:04:05.120%2B01:00',
      { when: '2026-01-02T03:04:05Z', stamps: ['2026-01-02T02:04:05.120Z'] },
    ],
    ['?wait=1.5s&mask=user_id,oneString', { wait: '1.500s', mask: 'userId,oneString' }],
    ['?flag=false&maybe=', { flag: false, maybe: '' }],
    ['?note=', { note: '' }],
    ['?child.child.one_string=x&child.oneInt32=1', { child: { child: { oneString: 'x' }, oneInt32: 1 } }],
    ['?left=x', { left: 'x' }],
    ['?middle.oneString=x&middle.oneInt32=1', { middle: { oneString: 'x', oneInt32: 1 } }],
    ['?user_id=8', {}],
    ['?unknown=1&child.unknown=2&oneString.x=3&__proto__=4&constructor=5&toString=6', {}],
  ])('%s', (query, expected) => expect(bind(none, `/a/7${query}`)).toEqual({ userId: '7', ...expected }));

  test.each([
    ['oneInt32=x', 'parameter oneInt32: not a valid int32'],
    ['oneInt32=', 'parameter oneInt32: not a valid int32'],
    ['one_int32=2147483648', 'parameter one_int32: not a valid int32'],
    ['oneUint64=-1', 'parameter oneUint64: not a valid uint64'],
    ['oneBool=yes', 'parameter oneBool: not a valid bool'],
    ['oneDouble=1,5', 'parameter oneDouble: not a valid double'],
    ['oneBytes=!', 'parameter oneBytes: not a valid bytes'],
    ['color=COLOR_NONE', 'parameter color: not a valid probe.v1.Color'],
    ['color=99999999999', 'parameter color: not a valid probe.v1.Color'],
    ['when=yesterday', 'parameter when: not a valid google.protobuf.Timestamp, such as 2031-01-31T12:00:00Z'],
    [
      'when=2027-02-29T00:00:00Z',
      'parameter when: not a valid google.protobuf.Timestamp, such as 2031-01-31T12:00:00Z',
    ],
    ['wait=1seconds', 'parameter wait: not a valid google.protobuf.Duration, such as 3600s'],
    ['flag=1', 'parameter flag: not a valid google.protobuf.BoolValue'],
    ['manyInt32=1&manyInt32=x', 'parameter manyInt32: not a valid int32'],
    ['child.child.oneInt32=x', 'parameter child.child.oneInt32: not a valid int32'],
    ['child=x', 'parameter child: takes no text; name a field inside it'],
    ['thing=x', 'parameter thing: takes no text; name a field inside it'],
    ['labels=x', 'parameter labels: takes no text; name a field inside it'],
    ['oneString=a&one_string=b', 'parameter one_string: given twice'],
    ['left=a&right=1', 'parameter right: another member of side is given'],
    ['middle.oneString=a&left=b', 'parameter left: another member of side is given'],
    ['oneString=%ff', 'parameter oneString: not percent-encoded UTF-8'],
    ['%ff=1', 'query: not percent-encoded UTF-8'],
  ])('?%s is refused', (query, message) => expect(bind(none, `/a/7?${query}`)).toBe(message));

  test('a body is not read', () => {
    expect(bind(none, '/a/7', '{"oneString":')).toEqual({ userId: '7' });
  });
});

describe('one field of the request in the body', () => {
  test.each([
    ['', '', { child: {} }],
    ['', '{"userId":"8"}', { child: { userId: '8' } }],
    ['?one_string=x&child.user_id=9', '{"userId":"8"}', { oneString: 'x', child: { userId: '8' } }],
  ])('query "%s", body "%s"', (query, body, expected) => {
    expect(bind(one, `/a/7${query}`, body)).toEqual({ userId: '7', ...expected });
  });

  test('its faults are named', () => {
    expect(bind(one, '/a/7', '{"oneInt32":"x"}')).toBe(
      'JSON: one_int32 does not hold a valid scalar (int32)',
    );
    expect(bind(one, '/a/7', '{')).toBe('malformed JSON at position 1');
  });

  test('a repeated field is a JSON array, absent where the body is empty', () => {
    const rule = { post: '/a', body: 'many_int32' };
    expect(bind(rule, '/a', '[1,2]')).toEqual({ manyInt32: [1, 2] });
    expect(bind(rule, '/a', '')).toEqual({});
  });

  test('the path wins over the body it leads into', () => {
    const rule = { post: '/a/{child.user_id}', body: 'child' };
    expect(bind(rule, '/a/7', '{"userId":"8","oneString":"x"}')).toEqual({
      child: { userId: '7', oneString: 'x' },
    });
  });
});

describe('the path', () => {
  test.each([
    ['/a/{one_int32}', '/a/-5', { oneInt32: -5 }],
    ['/a/{color}', '/a/COLOR_RED', { color: 'COLOR_RED' }],
    ['/a/{when}', '/a/2026-01-02T03:04:05Z', { when: '2026-01-02T03:04:05Z' }],
    ['/a/{left}', '/a/x', { left: 'x' }],
    ['/a/{note}', '/a/x', { note: 'x' }],
    ['/a/{maybe}/{flag}', '/a/x/true', { maybe: 'x', flag: true }],
    ['/a/{child.left}', '/a/x', { child: { left: 'x' } }],
    ['/a/{one_int32}', '/a/x', 'parameter one_int32: not a valid int32'],
    ['/a/{color}', '/a/COLOR_NONE', 'parameter color: not a valid probe.v1.Color'],
  ])('%s takes %s', (post, url, expected) => {
    expect(bind({ post, body: '*' }, url)).toEqual(expected);
    expect(bind({ post }, url)).toEqual(expected);
  });

  test('a member of a oneof in the path drops the one in the body', () => {
    expect(bind({ post: '/a/{left}', body: '*' }, '/a/x', '{"right":5}')).toEqual({ left: 'x' });
  });

  test('is written over an RPC body', () => {
    const { route, fields } = routeOf({ post: '/a/{user_id}/{child.one_int32}', body: '*' }, '/a/7/5');
    const message: Message = fromJson(route.method.input, {
      userId: '8',
      oneString: 'x',
      child: { oneBool: true },
    });
    bindPath(message, route, fields);
    expect(toJson(route.method.input, message)).toEqual({
      userId: '7',
      oneString: 'x',
      child: { oneInt32: 5, oneBool: true },
    });
  });
});

describe('the response', () => {
  const answer = (responseBody: string, json: JsonObject): string => {
    const { route } = routeOf({ post: '/a', responseBody }, '/a');
    return Buffer.from(encodeResponse(route, fromJson(route.method.output, json))).toString();
  };

  test.each([
    ['', { userId: '7', oneUint64: '8' }, '{"userId":"7","oneUint64":"8"}'],
    ['', {}, '{}'],
    ['child', { userId: '7', child: { userId: '8' } }, '{"userId":"8"}'],
    ['child', { userId: '7' }, '{}'],
    ['children', { children: [{}, { userId: '8' }] }, '[{},{"userId":"8"}]'],
    ['children', {}, '[]'],
    ['one_string', {}, '""'],
    ['one_uint64', { oneUint64: '5' }, '"5"'],
    ['note', {}, 'null'],
  ])('response_body "%s" of %j', (responseBody, json, text) => expect(answer(responseBody, json)).toBe(text));
});

test('a message is made anew for every request', () => {
  const { route, fields } = routeOf(whole, '/a/7');
  const request = { fields, query: '', body: new Uint8Array() };
  expect(bindRequest(route, request)).not.toBe(bindRequest(route, request));
  expect(bindRequest(route, request)).toEqual(create(probeMessageOf(route), { userId: '7' }));
});

function probeMessageOf(route: Route) {
  expect(route.method.input.typeName).toBe(probeMessage('Probe').typeName);
  return route.method.input;
}
