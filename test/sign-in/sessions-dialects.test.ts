import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Clients, dialects, openClients } from '../support/dialects/all.ts';
import { password } from '../support/people.ts';
import { openSignIns, type SignInFixture } from '../support/sessions.ts';

let fixture: SignInFixture;
let clients: Clients;
let token: string;

beforeAll(async () => {
  fixture = await openSignIns();
  clients = openClients(fixture.server.url);
  token = await fixture.server.people.caller({ organization: 'home', roles: ['IAM_LOGIN_CLIENT'] });
});
afterAll(async () => {
  await clients[Symbol.asyncDispose]();
  await fixture[Symbol.asyncDispose]();
});

const detail = { id: 'COMMAND-3M0fs', message: 'Password is invalid', failedAttempts: 1 };
const wrong = {
  code: 'InvalidArgument',
  message: 'Password is invalid (COMMAND-3M0fs)',
  details: [
    { type: 'zitadel.v1.CredentialsCheckError', ...detail },
    { type: 'google.rpc.ErrorInfo', reason: 'PASSWORD_INVALID', domain: 'latchkey' },
  ],
};

describe.each(dialects.map((dialect) => [dialect.name, dialect] as const))('%s', (_, dialect) => {
  test('signs in, looks and signs out', async () => {
    const userId = await fixture.server.people.user({ organization: 'home' });
    const ask = (method: Parameters<Clients['ask']>[1]['method'], message: object) =>
      clients.ask(dialect, { method, message: message as never, token });
    const checks = (guess: string) => ({ checks: { user: { userId }, password: { password: guess } } });
    expect(await ask('CreateSession', checks('wrong'))).toMatchObject(wrong);
    const made = await ask('CreateSession', checks(password));
    expect(made.code).toBe('OK');
    const { sessionId = '', sessionToken = '' } = made.response;
    // A route with GET, PATCH or DELETE takes no RPC body.
    if (dialect.name.includes('on the REST URL')) return;
    const looked = await ask('GetSession', { sessionId, sessionToken });
    expect(looked.response).toMatchObject({ session: { id: sessionId, factors: { user: { id: userId } } } });
    expect((await ask('SetSession', { sessionId, metadata: { a: 'YQ==' } })).code).toBe('OK');
    expect(await ask('GetSession', { sessionId, sessionToken })).toMatchObject({ code: 'PermissionDenied' });
    expect((await ask('DeleteSession', { sessionId })).code).toBe('OK');
    expect((await ask('GetSession', { sessionId })).code).toBe('NotFound');
  });
});
