import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { generateKeyPair, SignJWT } from 'jose';
import { parseLines } from '../cli/run-cli.ts';
import { audience, startIssuer, type TestIssuer } from '../support/issuer.ts';
import { serveLogged } from '../support/logged-server.ts';

const resources = new AsyncDisposableStack();
let issuer: TestIssuer;
beforeAll(async () => {
  issuer = resources.use(await startIssuer());
});
afterAll(() => resources.disposeAsync());

const nowSeconds = Math.floor(Date.now() / 1_000);
const alive = { roles: ['admins'], exp: nowSeconds + 600 };
const signed = (claims: object, header: Readonly<Record<string, unknown>> = {}) =>
  issuer.sign({ claims: { ...alive, ...claims }, header });
const byStranger = async () => {
  const { privateKey } = await generateKeyPair('ES256');
  const claims = { ...alive, iss: issuer.url, aud: audience, sub: 'eve' };
  return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'key-1' }).sign(privateKey);
};

const cases: readonly (readonly [why: string, make: () => Promise<string>])[] = [
  ['expired', () => signed({ exp: nowSeconds - 3_600 })],
  ['without a time of expiry', () => signed({ exp: undefined })],
  ['not valid yet', () => signed({ nbf: nowSeconds + 3_600 })],
  ['issued in the future', () => signed({ iat: nowSeconds + 3_600 })],
  ['for another audience than --oidc-audience', () => signed({ aud: 'https://other.example' })],
  ['of another issuer than --oidc-issuer', () => signed({ iss: 'https://elsewhere.example' })],
  ['without a subject', () => signed({ sub: undefined })],
  ['no subject, or a long one', () => signed({ sub: 'x'.repeat(201) })],
  ['signed by a key that the issuer does not name', () => signed({}, { kid: 'nobody' })],
  ['the signature is wrong', byStranger],
  ['of a type that is for something else', () => signed({}, { typ: 'logout+jwt' })],
  ['malformed', async () => 'eyJ.eyJ.x'],
];

const idOf = (why: string): string => why.replaceAll(/[^a-z]+/g, '-');

test('the log says why a JWT is refused, the answer does not', async () => {
  const roles = ['--oidc-roles', 'admins=IAM_OWNER', '--refused-per-second-per-address', '0'];
  const flags = ['--oidc-issuer', issuer.url, '--oidc-audience', audience, ...roles];
  await using server = await serveLogged('pipe', flags);
  const answers = new Set<string>();
  const tokens: string[] = [];
  for (const [why, make] of cases) {
    const token = await make();
    tokens.push(token);
    const { code, message } = await server.door.ask('ListOrganizations', {}, token, {
      'x-request-id': idOf(why),
    });
    answers.add(`${code} ${message}`);
  }
  expect(await server.door.ask('ListOrganizations', {}, await signed({}))).toMatchObject({ ok: true });
  const { errors } = await server.stop();
  const told = parseLines(errors).filter(({ msg }) => msg === 'call refused');
  expect(told.map(({ requestId, why }) => [requestId, why])).toEqual(
    cases.map(([why]) => [idOf(why), `JWT: ${why}`]),
  );
  expect([...answers]).toEqual(['Unauthenticated Errors.Token.Invalid (AUTH-7fs1e)']);
  for (const token of tokens.filter(({ length }) => length > 20)) {
    expect(errors).not.toContain(token.split('.').at(-1));
  }
}, 60_000);
