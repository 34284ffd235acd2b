import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openSignIns, type SignInFixture } from '../support/sessions.ts';

let fixture: SignInFixture;
beforeAll(async () => {
  fixture = await openSignIns();
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});

const make = async (message: JsonObject) => (await fixture.door.ask('CreateSession', message)).code;
const base64 = (bytes: number) => Buffer.alloc(bytes, 1).toString('base64');
const entries = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, nth) => [`k${nth}`, 'YQ==']));
const headers = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, nth) => [`h${nth}`, { values: ['v'] }]));

describe('a session takes what is at the limit, and nothing beyond it', () => {
  test.each<readonly [string, JsonObject, JsonObject]>([
    ['lifetime', { lifetime: '31536000s' }, { lifetime: '31536000.000000001s' }],
    ['the shortest lifetime', { lifetime: '0.000000001s' }, { lifetime: '0s' }],
    ['entries of metadata', { metadata: entries(50) }, { metadata: entries(51) }],
    [
      'keys of metadata',
      { metadata: { ['é'.repeat(200)]: 'YQ==' } },
      { metadata: { ['é'.repeat(201)]: 'YQ==' } },
    ],
    ['bytes of metadata', { metadata: { k: base64(4_095) } }, { metadata: { k: base64(4_096) } }],
    [
      'texts of the user agent',
      { userAgent: { description: 'é'.repeat(500) } },
      { userAgent: { description: 'é'.repeat(501) } },
    ],
    [
      'headers of the user agent',
      { userAgent: { header: headers(50) } },
      { userAgent: { header: headers(51) } },
    ],
    [
      'bytes of the headers',
      { userAgent: { header: { h: { values: ['v'.repeat(4_094)] } } } },
      { userAgent: { header: { h: { values: ['v'.repeat(4_095)] } } } },
    ],
  ])('%s', async (_, within, beyond) => {
    expect(await make(within)).toBe('OK');
    expect(await make(beyond)).toBe('InvalidArgument');
  });

  test('metadata that grows bit by bit', async () => {
    const { response } = await fixture.door.ask('CreateSession', { metadata: entries(50) });
    const { sessionId = '' } = response;
    const more = await fixture.door.ask('SetSession', { sessionId, metadata: { more: 'YQ==' } });
    expect(more).toMatchObject({ code: 'InvalidArgument', message: expect.stringMatching(/^metadata: /) });
    const swapped = await fixture.door.ask('SetSession', { sessionId, metadata: { k0: '', more: 'YQ==' } });
    expect(swapped.code).toBe('OK');
  });
});

test.each<readonly [string, JsonObject]>([
  ['checks.web_auth_n', { checks: { webAuthN: { credentialAssertionData: {} } } }],
  ['checks.idp_intent', { checks: { idpIntent: { idpIntentId: 'a', idpIntentToken: 'b' } } }],
  ['checks.totp', { checks: { totp: { code: '123456' } } }],
  ['checks.otp_sms', { checks: { otpSms: { code: '1' } } }],
  ['checks.otp_email', { checks: { otpEmail: { code: '1' } } }],
  ['challenges.web_auth_n', { challenges: { webAuthN: { domain: 'example.com' } } }],
  ['challenges.otp_sms', { challenges: { otpSms: {} } }],
  ['challenges.otp_email', { challenges: { otpEmail: {} } }],
])('%s is refused by its name', async (field, message) => {
  expect(await fixture.door.ask('CreateSession', message)).toMatchObject({
    code: 'InvalidArgument',
    message: `Field is not served: ${field} (LATCH-f1eld0ns)`,
  });
  const { response } = await fixture.door.ask('CreateSession', {});
  const { sessionId = '' } = response;
  expect((await fixture.door.ask('SetSession', { sessionId, ...message })).code).toBe('InvalidArgument');
});

test.each([
  '',
  '192.0.2.7',
  '2001:db8::7',
  '::ffff:192.0.2.7',
  'fe80::1%eth0',
])('the user’s address may be "%s"', async (ip) => {
  expect(await make({ userAgent: { ip } })).toBe('OK');
});

test.each([
  'unknown',
  '192.0.2',
  '192.0.2.7:443',
  '[2001:db8::7]',
  '10.0.0.0/8',
  ' 192.0.2.7',
  '192.0.2.7, ::1',
])('the user’s address "%s" is none, and refused by the name of its field', async (ip) => {
  const message = { userAgent: { ip }, checks: { user: { userId: 'nobody' } } };
  expect(await fixture.door.ask('CreateSession', message)).toMatchObject({
    code: 'InvalidArgument',
    message: 'user_agent.ip: must be an IP address',
  });
});

test('a password takes a user', async () => {
  expect(await fixture.door.ask('CreateSession', { checks: { password: { password: 'x' } } })).toMatchObject({
    code: 'InvalidArgument',
    message: 'checks.user: value is required for a password',
  });
});
