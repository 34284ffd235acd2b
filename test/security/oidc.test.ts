import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { openDoor } from '../support/door.ts';
import { audience, startIssuer, type TestIssuer } from '../support/issuer.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { openWire } from '../support/wire.ts';

const resources = new AsyncDisposableStack();
afterAll(() => resources.disposeAsync());

interface Started {
  readonly issuer: TestIssuer;
  readonly server: TestServer;
  /** Of our own kind, as the owner of the instance. */
  readonly own: string;
}

const flagsOf = ({ url }: TestIssuer): readonly string[] => [
  ...['--oidc-issuer', url, '--oidc-audience', audience],
  ...['--oidc-roles', 'admins=IAM_OWNER'],
];

async function start(): Promise<Started> {
  const issuer = resources.use(await startIssuer());
  const server = resources.use(await startServer({ flags: flagsOf(issuer) }));
  await server.people.organization('acme');
  return { issuer, server, own: await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] }) };
}

async function ask({ server }: Pick<Started, 'server'>, token: string) {
  await using door = openDoor(server.url, token);
  return await door.ask('ListOrganizations', {});
}

const admins = { roles: ['admins'] };
const edit = (token: string, part: 0 | 1, change: (json: Record<string, unknown>) => object): string => {
  const parts = token.split('.');
  const json = JSON.parse(Buffer.from(parts[part] ?? '', 'base64url').toString()) as Record<string, unknown>;
  parts[part] = Buffer.from(JSON.stringify(change(json))).toString('base64url');
  return parts.join('.');
};

describe('a token that the issuer did not sign for us, now', () => {
  let started: Started;
  let nowSeconds: number;
  beforeAll(async () => {
    started = await start();
    nowSeconds = Math.floor(started.server.clock.nowMs / 1_000);
  });

  const withClaims = (claims: object) => () => started.issuer.sign({ claims: { ...admins, ...claims } });
  const withHeader = (header: object) => () => started.issuer.sign({ claims: admins, header: { ...header } });
  const byStranger = async (): Promise<string> => {
    const { privateKey } = await generateKeyPair('ES256');
    const claims = { ...admins, iss: started.issuer.url, aud: audience, sub: 'eve', exp: nowSeconds + 60 };
    return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'key-1' }).sign(privateKey);
  };
  const byPublicKey = async (): Promise<string> => {
    const kid = await started.issuer.addKey('RS256');
    started.server.clock.nowMs += 31_000;
    const secret = Buffer.from(await exportSPKI(await started.issuer.publicKey(kid)));
    const claims = { ...admins, iss: started.issuer.url, aud: audience, sub: 'eve', exp: nowSeconds + 3_600 };
    return new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid }).sign(secret);
  };
  const unsigned = async (): Promise<string> =>
    new UnsecuredJWT({
      ...admins,
      iss: started.issuer.url,
      aud: audience,
      sub: 'eve',
      exp: nowSeconds + 60,
    }).encode();
  const good = () => started.issuer.sign({ claims: admins });

  test.each<[string, () => Promise<string>]>([
    ['of another issuer', withClaims({ iss: 'https://elsewhere.example' })],
    [
      'of an issuer with a slash more',
      async () => started.issuer.sign({ claims: { ...admins, iss: `${started.issuer.url}/` } }),
    ],
    ['without an issuer', withClaims({ iss: undefined })],
    ['for another audience', withClaims({ aud: 'https://other.example' })],
    ['without an audience', withClaims({ aud: undefined })],
    ['expired', withClaims({ exp: 1_769_860_000 })],
    ['without an expiry', withClaims({ exp: undefined })],
    ['with an expiry in words', withClaims({ exp: '2030-01-01' })],
    ['not valid yet', withClaims({ nbf: 4_000_000_000 })],
    ['issued in the future', withClaims({ iat: 4_000_000_000 })],
    ['without a subject', withClaims({ sub: undefined })],
    ['with an empty subject', withClaims({ sub: '' })],
    ['with a number for a subject', withClaims({ sub: 7 })],
    ['with a subject of 201 characters', withClaims({ sub: 'x'.repeat(201) })],
    ['with a NUL in its subject', withClaims({ sub: 'a\0b' })],
    ['for logging out', withHeader({ typ: 'logout+jwt' })],
    [
      'with a critical extension',
      async () => edit(await good(), 0, (header) => ({ ...header, crit: ['x'], x: 1 })),
    ],
    ['of an unknown key', withHeader({ kid: 'nobody' })],
    ['of a key that a stranger made', byStranger],
    ['signed with the public key as a secret (HS256)', byPublicKey],
    ['unsigned (none)', unsigned],
    ['said to be unsigned', async () => edit(await good(), 0, (header) => ({ ...header, alg: 'none' }))],
    [
      'changed after it was signed',
      async () => edit(await good(), 1, (claims) => ({ ...claims, sub: 'eve' })),
    ],
    ['that brings its own key', withHeader({ jku: 'http://127.0.0.1:1/keys', kid: 'nobody' })],
    ['cut off', async () => (await good()).slice(0, -3)],
    ['of no JSON', async () => 'eyJ.eyJ.x'],
    ['of dots', async () => 'a..'],
    ['of our own form, with a dot more', async () => `${started.own}.x`],
  ])('is refused like any invalid token: %s', async (_, make) => {
    const unknown = await ask(started, '1.unknown');
    expect(unknown).toMatchObject({ code: 'Unauthenticated', message: 'Errors.Token.Invalid (AUTH-7fs1e)' });
    expect(await ask(started, await make())).toEqual(unknown);
    expect((await ask(started, await good())).code).toBe('OK');
  });

  test.each([
    'HTTP/1.1',
    'HTTP/2',
  ] as const)('is taken up to the limit of headers, and told beyond it that they are too large: %s', async (version) => {
    const wire = openWire(started.server.url);
    const send = async (padding: number) => {
      const token = await started.issuer.sign({ claims: { ...admins, padding: 'x'.repeat(padding) } });
      const headers = { authorization: `Bearer ${token}` };
      const path = '/v2/users/nobody';
      const sent = { version: version === 'HTTP/2' ? 2 : 1, verb: 'GET', path, headers } as const;
      return [token.length, (await wire.send({ ...sent, body: new Uint8Array() })).status];
    };
    const [small, large, beyond] = [await send(6_500), await send(11_500), await send(13_000)];
    expect([small, large, beyond].map((sent) => sent?.[1])).toEqual([404, 404, 431]);
    expect([small?.[0], large?.[0], beyond?.[0]]).toEqual([
      expect.closeTo(9_100, -3),
      expect.closeTo(15_800, -3),
      expect.closeTo(17_800, -3),
    ]);
    await wire[Symbol.asyncDispose]();
  });

  test('strangers who make up keys do not make us fetch', async () => {
    const { issuer, server } = started;
    server.clock.nowMs += 31_000;
    const before = issuer.fetches;
    for (let call = 0; call < 20; call += 1) {
      expect((await ask(started, await issuer.sign({ header: { kid: `made up ${call}` } }))).code).toBe(
        'Unauthenticated',
      );
    }
    expect(issuer.fetches).toBe(before + 1);
  });
});

describe('keys', () => {
  test('are taken up when they first sign, and go out of use when they are withdrawn', async () => {
    const started = await start();
    const { issuer, server } = started;
    const old = await issuer.sign({ claims: admins });
    expect((await ask(started, old)).code).toBe('OK');
    server.clock.nowMs += 31_000;
    await issuer.addKey();
    expect((await ask(started, await issuer.sign({ claims: admins }))).code).toBe('OK');
    expect((await ask(started, old)).code).toBe('OK');
    issuer.withdraw('key-1');
    server.clock.nowMs += 300_000;
    // This call still goes by the old set, and has it fetched anew.
    await ask(started, old);
    const until = Date.now() + 5_000;
    while ((await ask(started, old)).code === 'OK' && Date.now() < until) await new Promise(setImmediate);
    expect((await ask(started, old)).code).toBe('Unauthenticated');
    expect((await ask(started, await issuer.sign({ claims: admins }))).code).toBe('OK');
  });

  test('are fetched once for many who come at once, and not again for those who follow', async () => {
    const started = await start();
    const tokens = Array.from({ length: 20 }, (_, index) =>
      started.issuer.sign({ claims: { ...admins, sub: `${index}` } }),
    );
    const answers = await Promise.all(tokens.map(async (token) => ask(started, await token)));
    expect(answers.every(({ code }) => code === 'OK')).toBe(true);
    expect(started.issuer.fetches).toBe(1);
  });

  test('serve for an hour while the issuer is down, and no longer', async () => {
    const started = await start();
    const { issuer, server, own } = started;
    const token = (expSeconds: number) =>
      issuer.sign({ claims: { ...admins, exp: Math.floor(server.clock.nowMs / 1_000) + expSeconds } });
    const long = await token(7_200);
    expect((await ask(started, long)).code).toBe('OK');
    issuer.answer = (res) => res.destroy();
    server.clock.nowMs += 3_599_000;
    expect((await ask(started, long)).code).toBe('OK');
    server.clock.nowMs += 2_000;
    expect((await ask(started, long)).code).toBe('Unavailable');
    expect((await ask(started, own)).code).toBe('OK');
    issuer.answer = undefined;
    server.clock.nowMs += 6_000;
    expect((await ask(started, long)).code).toBe('OK');
  });
});

describe('an issuer that answers badly: its tokens wait, ours do not, and the server lives', () => {
  test.each<[string, NonNullable<TestIssuer['answer']>]>([
    ['hangs up', (res) => res.destroy()],
    ['fails', (res) => res.writeHead(500).end('{"keys":[]}')],
    ['sends elsewhere', (res) => res.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
    ['answers no JSON', (res) => res.end('<html>')],
    ['answers no keys', (res) => res.end('{"keys":7}')],
    ['answers nothing', (res) => res.end('null')],
    ['answers too much', (res) => res.end(`{"keys":[],"x":"${'x'.repeat(300_000)}"}`)],
    ['answers too many keys', (res) => res.end(JSON.stringify({ keys: Array(101).fill({ kty: 'EC' }) }))],
  ])('%s', async (_, answer) => {
    const started = await start();
    const { issuer, server, own } = started;
    issuer.answer = answer;
    const token = await issuer.sign({ claims: admins });
    expect(await ask(started, token)).toMatchObject({
      code: 'Unavailable',
      message: 'The keys of the token issuer cannot be fetched, please try again (LATCH-1ssuer0x)',
    });
    await ask(started, token);
    expect(issuer.fetches).toBe(1);
    expect((await ask(started, own)).code).toBe('OK');
    issuer.answer = undefined;
    server.clock.nowMs += 5_001;
    expect((await ask(started, token)).code).toBe('OK');
  });

  test('never answers', async () => {
    const started = await start();
    started.issuer.answer = () => undefined;
    const waiting = ask(started, await started.issuer.sign({ claims: admins }));
    const before = performance.now();
    for (let call = 0; call < 10; call += 1) expect((await ask(started, started.own)).code).toBe('OK');
    expect(performance.now() - before).toBeLessThan(4_000);
    expect((await waiting).code).toBe('Unavailable');
  }, 15_000);

  test('is not there at all, not even at the start', async () => {
    const issuer = await startIssuer();
    const token = await issuer.sign({ claims: admins });
    await issuer[Symbol.asyncDispose]();
    const server = resources.use(await startServer({ flags: flagsOf(issuer) }));
    expect((await ask({ server }, token)).code).toBe('Unavailable');
  });

  test('speaks for another', async () => {
    const issuer = resources.use(await startIssuer());
    const flags = ['--oidc-issuer', `${issuer.url}/`, ...flagsOf(issuer).slice(2)];
    const server = resources.use(await startServer({ flags }));
    expect((await ask({ server }, await issuer.sign({ claims: admins }))).code).toBe('Unavailable');
  });
});

test('its keys may have a URL of their own', async () => {
  const issuer = resources.use(await startIssuer());
  const flags = ['--oidc-jwks-url', issuer.jwksUrl, ...flagsOf(issuer)];
  const server = resources.use(await startServer({ flags }));
  expect((await ask({ server }, await issuer.sign({ claims: admins }))).code).toBe('OK');
});

test('a token that has worked is heard where strangers are not any more', async () => {
  const issuer = resources.use(await startIssuer());
  const flags = [...flagsOf(issuer), '--refused-per-second-per-address', '1'];
  const server = resources.use(await startServer({ flags }));
  const [worked, fresh] = [
    await issuer.sign({ claims: admins }),
    await issuer.sign({ claims: { ...admins, jti: '2' } }),
  ];
  expect((await ask({ server }, worked)).code).toBe('OK');
  for (let call = 0; call < 5; call += 1) await ask({ server }, 'a.b.c');
  expect((await ask({ server }, fresh)).code).toBe('ResourceExhausted');
  expect((await ask({ server }, worked)).code).toBe('OK');
});

test('where no issuer is configured, its token is a wrong one', async () => {
  const issuer = resources.use(await startIssuer());
  const server = resources.use(await startServer());
  const token = await issuer.sign({ claims: admins });
  expect(await ask({ server }, token)).toEqual(await ask({ server }, '1.unknown'));
  expect(issuer.fetches).toBe(0);
});
