import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SessionService } from '../../gen/es/zitadel/session/v2/session_service_pb.js';
import { SettingsService } from '../../gen/es/zitadel/settings/v2/settings_service_pb.js';
import { UserService } from '../../gen/es/zitadel/user/v2/user_service_pb.js';
import { compileRoutes, type RouteMatch, type RouteTable } from '../../src/server/routes/http-rule.ts';
import { probeMethods } from './probe.ts';

/** `found <template> <values>`, `405 <verbs>`, `400 <reason>` or `404`, as one line for a table. */
function outcome(match: RouteMatch | undefined): string {
  switch (match?.kind) {
    case undefined:
      return '404';
    case 'found':
      return [match.route.template, ...match.fields].join(' ');
    case 'wrong-verb':
      return `405 ${match.allow.join()}`;
    case 'bad-path':
      return `400 ${match.reason}`;
  }
}

const check = (table: RouteTable, verb: string, path: string, expected: string): void =>
  expect([verb, path, outcome(table.match(verb, path))]).toEqual([verb, path, expected]);

const users = compileRoutes(UserService.methods);

describe('the routes of the user service', () => {
  test.each([
    ['POST', '/v2/users/7/unlock', '/v2/users/{user_id}/unlock 7'],
    ['POST', '/v2/users/7/lock', '/v2/users/{user_id}/lock 7'],
    ['POST', '/v2/users/7/deactivate', '/v2/users/{user_id}/deactivate 7'],
    ['POST', '/v2/users/7/reactivate', '/v2/users/{user_id}/reactivate 7'],
    ['POST', '/v2/users/7/password', '/v2/users/{user_id}/password 7'],
    ['POST', '/v2/users/7/pats', '/v2/users/{user_id}/pats 7'],
    ['DELETE', '/v2/users/7/pats/8', '/v2/users/{user_id}/pats/{token_id} 7 8'],
    ['DELETE', '/v2/users/7', '/v2/users/{user_id} 7'],
    ['GET', '/v2/users/7', '/v2/users/{user_id} 7'],
    ['POST', '/v2/users', '/v2/users'],
    ['POST', '/v2/users/new', '/v2/users/new'],
    ['POST', '/v2/users/human', '/v2/users/human'],
    ['POST', '/v2/users/pats/search', '/v2/users/pats/search'],
    // A literal wins only where it leads to a route: here the user's id is "pats".
    ['POST', '/v2/users/pats/unlock', '/v2/users/{user_id}/unlock pats'],
    ['GET', '/v2/users/new', '/v2/users/{user_id} new'],
  ])('%s %s', (verb, path, expected) => check(users, verb, path, expected));

  test.each([
    ['GET', '/v2/users/7/unlock', '405 POST'],
    ['HEAD', '/v2/users/7', '405 DELETE,GET,PATCH'],
    ['OPTIONS', '/v2/users/7', '405 DELETE,GET,PATCH'],
    ['post', '/v2/users/7/unlock', '405 POST'],
    ['PUT', '/v2/users', '405 POST'],
    ['POST', '/v2/users/', '404'],
    ['POST', '/v2/users//unlock', '404'],
    ['POST', '//v2/users/7/unlock', '404'],
    ['POST', '/v2/users/7/unlock/', '404'],
    ['POST', '/v2/users/7/unlocked', '404'],
    ['POST', '/v2/users/7/%75nlock', '404'],
    ['POST', '/v2/users/../users/7/unlock', '404'],
    ['POST', 'v2/users/7/unlock', '404'],
    ['POST', '*', '404'],
    ['POST', '', '404'],
    ['POST', '/', '404'],
  ])('%s %s is refused', (verb, path, expected) => check(users, verb, path, expected));

  test.each([
    ['a%20b', 'a b'],
    ['a%2Fb', 'a/b'],
    ['a%252Fb', 'a%2Fb'],
    ['%2e%2e', '..'],
    ['..', '..'],
    ['%C3%A9', 'é'],
    ['a+b', 'a+b'],
    ['a:b', 'a:b'],
    ['__proto__', '__proto__'],
  ])('the segment %s is decoded once', (segment, value) =>
    check(users, 'GET', `/v2/users/${segment}`, `/v2/users/{user_id} ${value}`));

  test.each([
    '%',
    '%4',
    '%zz',
    '%ff',
    '%c3',
    '%ed%a0%80',
    'a b',
    'é',
    'a\u0000',
  ])('the segment %j is no percent-encoded UTF-8', (segment) =>
    check(users, 'GET', `/v2/users/${segment}`, '400 user_id: not percent-encoded UTF-8'));

  test('a path of a megabyte is answered', () => {
    check(users, 'POST', `/v2/users/${'a/'.repeat(500_000)}unlock`, '404');
  });
});

describe('the routes of sign-in', () => {
  const table = compileRoutes([
    ...UserService.methods,
    ...SessionService.methods,
    ...SettingsService.methods,
  ]);

  test.each([
    ['POST', '/v2/sessions', '/v2/sessions'],
    ['POST', '/v2/sessions/search', '/v2/sessions/search'],
    ['PATCH', '/v2/sessions/7', '/v2/sessions/{session_id} 7'],
    ['GET', '/v2/sessions/7', '/v2/sessions/{session_id} 7'],
    ['DELETE', '/v2/sessions/7', '/v2/sessions/{session_id} 7'],
    // A session whose id is "search" is out of reach of POST alone.
    ['GET', '/v2/sessions/search', '/v2/sessions/{session_id} search'],
    ['GET', '/v2/settings/lockout', '/v2/settings/lockout'],
    ['GET', '/v2/sessions', '405 POST'],
    ['PUT', '/v2/sessions/7', '405 DELETE,GET,PATCH'],
    ['PUT', '/v2/sessions/search', '405 DELETE,GET,PATCH,POST'],
    ['POST', '/v2/settings/lockout', '405 GET'],
  ])('%s %s', (verb, path, expected) => check(table, verb, path, expected));

  test('only CreateSession answers 201', () => {
    const created = table.routes.filter(({ status }) => status !== 200);
    expect(created.map(({ method, status }) => `${method.name} ${status}`)).toEqual(['CreateSession 201']);
  });
});

describe('the forms of a template', () => {
  const table = compileRoutes(
    probeMethods(
      { get: '/v1/{user_id=shelves/*}/books', additionalBindings: [{ put: '/alt/{user_id}' }] },
      { get: '/v1/{user_id=files/**}' },
      { get: '/v1/{user_id=**}:scan' },
      { post: '/v1/{child.child.user_id}/of/{one_string}' },
      { post: '/v1/{user_id}:undo' },
      { post: '/v1/{user_id}' },
      { post: '/v1/all:undo' },
      { custom: { kind: 'purge', path: '/v1/{user_id}' } },
      { custom: { kind: '*', path: '/any/{one_int32}' } },
      { get: '/v1/a/*/c' },
      { get: '/rest/**' },
    ),
  );

  test.each([
    ['GET', '/v1/shelves/3/books', '/v1/{user_id=shelves/*}/books shelves/3'],
    ['GET', '/v1/shelves/a%2Fb/books', '/v1/{user_id=shelves/*}/books shelves/a%2Fb'],
    ['GET', '/v1/shelves/a%2fb%20c/books', '/v1/{user_id=shelves/*}/books shelves/a%2fb c'],
    ['PUT', '/alt/3', '/alt/{user_id} 3'],
    ['GET', '/v1/files', '/v1/{user_id=files/**} files'],
    ['GET', '/v1/files/a//b/', '/v1/{user_id=files/**} files/a//b/'],
    ['GET', '/v1/files/a%2Fb/c', '/v1/{user_id=files/**} files/a%2Fb/c'],
    ['GET', '/v1/files/a:scan', '/v1/{user_id=**}:scan files/a'],
    ['POST', '/v1/7/of/8', '/v1/{child.child.user_id}/of/{one_string} 7 8'],
    ['POST', '/v1/7:undo', '/v1/{user_id}:undo 7'],
    ['POST', '/v1/all:undo', '/v1/all:undo'],
    ['POST', '/v1/7:redo', '/v1/{user_id} 7:redo'],
    ['POST', '/v1/7%3Aundo', '/v1/{user_id} 7:undo'],
    ['PURGE', '/v1/7', '/v1/{user_id} 7'],
    ['BREW', '/any/7', '/any/{one_int32} 7'],
    ['GET', '/v1/a/b/c', '/v1/a/*/c'],
    ['GET', '/rest', '/rest/**'],
    ['GET', '/rest/', '/rest/**'],
    ['GET', '/rest/a/b', '/rest/**'],
    ['GET', '/v1/7', '405 POST,PURGE'],
    ['GET', '/alt/3', '405 PUT'],
  ])('%s %s', (verb, path, expected) => check(table, verb, path, expected));

  test.each([
    [{ get: 'v1/a' }, 'nothing fits at character 1'],
    [{ get: '/' }, 'nothing fits at character 1'],
    [{ get: '/a//b' }, 'nothing fits at character 3'],
    [{ get: '/a/{user_id' }, 'nothing fits at character 3'],
    [{ get: '/a/{user_id=b//c}' }, 'a segment is empty'],
    [{ get: '/a/**/b' }, '** must be last'],
    [{ get: '/a/b*' }, 'mixes a star and text'],
    [{ get: '/a/{nobody}' }, 'no single field of that name'],
    [{ get: '/a/{child}' }, 'no single field of that name'],
    [{ get: '/a/{many_string}' }, 'no single field of that name'],
    [{ get: '/a/{children.user_id}' }, 'no single field of that name'],
    [{ post: '/a', body: 'nobody' }, 'has no field nobody'],
    [{ get: '/a', responseBody: 'nobody' }, 'has no field nobody'],
    [{ body: '*' }, 'without a pattern'],
    [{ get: '/a', status: 199 }, 'rest_status 199 is not 200 to 203'],
    [{ get: '/a', status: 204 }, 'rest_status 204 is not 200 to 203'],
  ])('%j is refused at start', (rule, reason) => {
    expect(() => compileRoutes(probeMethods(rule))).toThrow(reason);
  });

  test('two routes of one shape are refused at start', () => {
    const methods = probeMethods({ get: '/a/{user_id}' }, { get: '/a/{one_string}' });
    expect(() => compileRoutes(methods)).toThrow('route GET /a/{one_string} of Call1 is taken by Call0');
  });
});

/** The text that a client puts in the place of a variable. */
const encoded = (value: string, isMultiSegment: boolean): string =>
  isMultiSegment ? value.split('/').map(encodeURIComponent).join('/') : encodeURIComponent(value);

test('what a client formats from a template, the server reads back', () => {
  const value = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => text.isWellFormed());
  const literal = fc.stringMatching(/^[a-z]{1,4}$/);
  const part = fc.oneof(
    literal.map((text) => ({ template: text, variable: undefined })),
    fc.constantFrom('{$}', '{$=*}').map((template) => ({ template, variable: false })),
  );
  const names = ['user_id', 'one_string', 'child.user_id', 'child.one_string', 'left', 'note'];
  const shape = fc.record({
    parts: fc.array(part, { minLength: 1, maxLength: 6 }),
    isOpen: fc.boolean(),
    values: fc.array(value, { minLength: 7, maxLength: 7 }),
  });
  fc.assert(
    fc.property(shape, ({ parts, isOpen, values }) => {
      const all = isOpen ? [...parts, { template: '{$=**}', variable: true }] : parts;
      const sent: string[] = [];
      let template = '';
      let path = '';
      for (const one of all) {
        const index = sent.length;
        template += `/${one.template.replace('$', one.variable === true ? 'one_bytes' : (names[index] ?? ''))}`;
        // Across segments an encoded slash and a percent sign before "2F" are one text: keep to what has one reading.
        const text = (values[index] ?? '').replace(/%/g, one.variable === true ? '_' : '%');
        if (one.variable !== undefined) sent.push(text);
        path += `/${one.variable === undefined ? one.template : encoded(text, one.variable)}`;
      }
      const match = compileRoutes(probeMethods({ get: template })).match('GET', path);
      expect(match?.kind === 'found' ? match.fields : match).toEqual(sent);
    }),
  );
});
