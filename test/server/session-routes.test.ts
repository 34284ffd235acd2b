import { create, type JsonObject, type JsonValue, toJson } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  SessionService,
  type SetSessionRequest,
  SetSessionRequestSchema,
} from '../../gen/es/zitadel/session/v2/session_service_pb.js';
import { SettingsService } from '../../gen/es/zitadel/settings/v2/settings_service_pb.js';
import { mounted, type OpenServices, openServices } from './doors/open-services.ts';

/** What the handlers were given, as JSON, newest last. */
const received: JsonValue[] = [];

const session = {
  id: '7',
  factors: { user: { id: 'u1', loginName: 'ada' } },
  metadata: { note: Uint8Array.of(1, 2), empty: new Uint8Array() },
  userAgent: { ip: '::1', header: { accept: { values: ['a', 'b'] } } },
};
const sessionJson = {
  id: '7',
  factors: { user: { id: 'u1', loginName: 'ada' } },
  metadata: { note: 'AQI=', empty: '' },
  userAgent: { ip: '::1', header: { accept: { values: ['a', 'b'] } } },
};
const options = { rpId: 'example.com', timeout: 5, allowCredentials: [null, true] };

let open: OpenServices;
beforeAll(async () => {
  const { createSession, setSession, getSession, deleteSession, listSessions } = SessionService.method;
  open = await openServices([
    mounted(SessionService, {
      createSession(request) {
        received.push(toJson(createSession.input, request));
        const challenges = { webAuthN: { publicKeyCredentialRequestOptions: options } };
        return { sessionId: '7', sessionToken: 't', challenges };
      },
      setSession(request) {
        received.push(toJson(setSession.input, request));
        return { sessionToken: 't2' };
      },
      getSession(request) {
        received.push(toJson(getSession.input, request));
        return { session };
      },
      deleteSession(request) {
        received.push(toJson(deleteSession.input, request));
        return {};
      },
      listSessions(request) {
        received.push(toJson(listSessions.input, request));
        return { sessions: [session, {}] };
      },
    }),
    mounted(SettingsService, {
      getLockoutSettings(request) {
        received.push(toJson(SettingsService.method.getLockoutSettings.input, request));
        return { settings: { maxPasswordAttempts: 10n, resourceOwnerType: 2 } };
      },
    }),
  ]);
});
afterAll(async () => {
  await open[Symbol.asyncDispose]();
});

interface Answer {
  readonly status: number;
  readonly json: JsonObject;
}

/** Sends `VERB /path`, with a body where there is one. */
async function send(line: string, body?: JsonObject, type = 'application/json'): Promise<Answer> {
  const [method = '', path = ''] = line.split(' ');
  const init = { method, headers: { 'content-type': type }, signal: AbortSignal.timeout(5_000) };
  const text = body && { body: JSON.stringify(body) };
  const response = await fetch(`${open.url}${path}`, { ...init, ...text });
  return { status: response.status, json: (await response.json()) as JsonObject };
}

const challenged = {
  sessionId: '7',
  sessionToken: 't',
  challenges: { webAuthN: { publicKeyCredentialRequestOptions: options } },
};

describe('a session that was created answers 201 on REST alone', () => {
  test('REST, with whatever content type', async () => {
    for (const type of ['application/json', 'text/plain']) {
      expect(await send('POST /v2/sessions', {}, type)).toEqual({ status: 201, json: challenged });
    }
  });

  test('Connect', async () => {
    const path = '/zitadel.session.v2.SessionService/CreateSession';
    expect(await send(`POST ${path}`, {})).toEqual({ status: 200, json: challenged });
  });

  test('Connect on the REST path', async () => {
    const headers = { 'content-type': 'application/proto' };
    const response = await fetch(`${open.url}/v2/sessions`, { method: 'POST', headers, body: '' });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/proto']);
  });

  test('gRPC', async () => {
    const client = createClient(SessionService, open.transport);
    expect(await client.createSession({})).toMatchObject(challenged);
  });

  test('a refusal keeps its own status', async () => {
    expect((await send('POST /v2/sessions', { checks: 1 })).status).toBe(400);
  });
});

const checks = { user: { loginName: 'ada' }, password: { password: 'p' } };
const otpEmail = { sendCode: { urlTemplate: 'https://a.example' } };
const userAgent = { fingerprintId: '', ip: '::1', header: { accept: { values: ['a', 'b'] }, none: {} } };
const changes = {
  checks: { ...checks, totp: { code: '123456' }, webAuthN: { credentialAssertionData: options } },
  metadata: { note: 'AQI=', empty: '' },
  challenges: { webAuthN: { domain: 'd', userVerificationRequirement: 1 }, otpSms: {}, otpEmail },
  lifetime: '3600.500s',
};
const changesRead = {
  ...changes,
  challenges: {
    ...changes.challenges,
    webAuthN: { domain: 'd', userVerificationRequirement: 'USER_VERIFICATION_REQUIREMENT_REQUIRED' },
  },
};
const snake = {
  checks: { web_auth_n: { credential_assertion_data: {} } },
  user_agent: { fingerprint_id: 'f' },
};
const snakeRead = {
  checks: { webAuthN: { credentialAssertionData: {} } },
  userAgent: { fingerprintId: 'f' },
};
const queries = [
  { idsQuery: { ids: ['1', '2'] } },
  { creationDateQuery: { method: 'TIMESTAMP_QUERY_METHOD_LESS', creationDate: '2026-01-02T03:04:05Z' } },
  { creatorQuery: {} },
  { userAgentQuery: { fingerprintId: '' } },
];

const byDate = 'SESSION_FIELD_NAME_CREATION_DATE';

describe('every route fills the request', () => {
  test.each<[line: string, body: JsonObject | undefined, expected: JsonObject]>([
    ['POST /v2/sessions', { ...changes, userAgent }, { ...changesRead, userAgent }],
    ['POST /v2/sessions', snake, snakeRead],
    ['POST /v2/sessions?lifetime=5s', undefined, {}],
    ['PATCH /v2/sessions/7', undefined, { sessionId: '7' }],
    ['PATCH /v2/sessions/7', { sessionId: '8', ...changes }, { sessionId: '7', ...changesRead }],
    ['PATCH /v2/sessions/7?sessionToken=x', { checks }, { sessionId: '7', checks }],
    ['GET /v2/sessions/a%2Fb', undefined, { sessionId: 'a/b' }],
    ['GET /v2/sessions/7?session_token=a%2Bb', undefined, { sessionId: '7', sessionToken: 'a+b' }],
    ['GET /v2/sessions/7?sessionToken=', undefined, { sessionId: '7', sessionToken: '' }],
    ['DELETE /v2/sessions/7', undefined, { sessionId: '7' }],
    ['DELETE /v2/sessions/7', { session_token: 't' }, { sessionId: '7', sessionToken: 't' }],
    ['DELETE /v2/sessions/7?sessionToken=t', {}, { sessionId: '7' }],
    ['POST /v2/sessions/search', { queries, sortingColumn: 1 }, { queries, sortingColumn: byDate }],
    ['GET /v2/settings/lockout', undefined, {}],
    ['GET /v2/settings/lockout?ctx.orgId=1', undefined, { ctx: { orgId: '1' } }],
    ['GET /v2/settings/lockout?ctx.org_id=1&x=2', undefined, { ctx: { orgId: '1' } }],
    ['GET /v2/settings/lockout?ctx.instance=true', undefined, { ctx: { instance: true } }],
    ['GET /v2/settings/lockout?ctx.instance=false', undefined, { ctx: { instance: false } }],
  ])('%s %j', async (line, body, expected) => {
    expect((await send(line, body)).json).not.toHaveProperty('code');
    expect(received.at(-1)).toEqual(expected);
  });

  test.each([
    ['GET /v2/sessions/7?sessionToken=a&session_token=b', 'parameter session_token: given twice'],
    [
      'GET /v2/settings/lockout?ctx.orgId=1&ctx.instance=true',
      'parameter ctx.instance: another member of resource_owner is given',
    ],
    ['GET /v2/settings/lockout?ctx.instance=yes', 'parameter ctx.instance: not a valid bool'],
    ['GET /v2/settings/lockout?ctx=1', 'parameter ctx: takes no text; name a field inside it'],
    ['DELETE /v2/sessions/%ff', 'session_id: not percent-encoded UTF-8'],
  ])('%s is refused', async (line, message) => {
    expect(await send(line)).toMatchObject({ status: 400, json: { code: 3, message } });
  });

  test.each<[JsonObject, string]>([
    [{ lifetime: '1h' }, 'JSON: not a valid google.protobuf.Duration, such as 3600s'],
    [{ metadata: { note: '!' } }, 'JSON: metadata does not hold a valid map (bytes)'],
    [{ metadata: [] }, 'JSON: metadata does not hold a valid map (bytes)'],
    [{ checks: { user: { userId: '1', loginName: 'a' } } }, 'JSON: more than one member of search is given'],
  ])('%j is refused', async (body, message) => {
    expect(await send('PATCH /v2/sessions/7', body)).toMatchObject({ status: 400, json: { message } });
  });
});

describe('every answer', () => {
  test.each<[line: string, json: JsonObject]>([
    ['PATCH /v2/sessions/7', { sessionToken: 't2' }],
    ['GET /v2/sessions/7', { session: sessionJson }],
    ['DELETE /v2/sessions/7', {}],
    ['POST /v2/sessions/search', { sessions: [sessionJson, {}] }],
    [
      'GET /v2/settings/lockout',
      { settings: { maxPasswordAttempts: '10', resourceOwnerType: 'RESOURCE_OWNER_TYPE_ORG' } },
    ],
  ])('%s', async (line, json) => expect(await send(line)).toEqual({ status: 200, json }));

  test('is the same over gRPC', async () => {
    const client = createClient(SessionService, open.transport);
    const { sessions } = await client.listSessions({});
    expect(sessions).toMatchObject([session, {}]);
    const sent: SetSessionRequest = create(SetSessionRequestSchema, {
      sessionId: '7',
      metadata: { note: Uint8Array.of(1) },
      lifetime: { seconds: 5n },
    });
    await client.setSession(sent);
    expect(received.at(-1)).toEqual({ sessionId: '7', metadata: { note: 'AQ==' }, lifetime: '5s' });
  });
});

test.each(['__proto__', 'constructor', 'toString'])('the map key %s is a key like any other', async (key) => {
  const body = JSON.parse(`{"metadata":{"${key}":"AQI=","a":"AQ=="},"userAgent":{"header":{"${key}":{}}}}`);
  expect((await send('POST /v2/sessions', body)).status).toBe(201);
  expect(JSON.stringify(received.at(-1))).toBe(JSON.stringify(body));
});
