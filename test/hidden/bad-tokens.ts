import { exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import type { Door } from '../support/door.ts';
import { audience, type TestIssuer } from '../support/issuer.ts';
import { password } from '../support/people.ts';
import type { TestServer } from '../support/start-server.ts';

/** By what is wrong with each: tokens that would open everything to their holder if they were taken. */
export async function makeBadTokens(server: TestServer, door: Door, issuer: TestIssuer) {
  return {
    ...(await ofOurs(server, door)),
    ...(await fromSignIn(server, door)),
    ...(await ofIssuer(server, issuer)),
  };
}

/** A token of an owner of the instance, and whose it is. */
async function owner({ people }: TestServer) {
  const userId = await people.user({ organization: 'home', kind: 'machine' });
  await people.grant(userId, 'IAM_OWNER');
  return { userId, token: await people.token(userId) };
}

async function ofOurs(server: TestServer, door: Door): Promise<Record<string, string>> {
  const { people, clock } = server;
  const [valid, other, revoked, short] = [
    await owner(server),
    await owner(server),
    await owner(server),
    await owner(server),
  ];
  const [validId, otherSecret] = [valid.token.split('.')[0], other.token.split('.')[1]];
  await door.ask('RemovePersonalAccessToken', {
    userId: revoked.userId,
    tokenId: revoked.token.split('.')[0] ?? '',
  });
  const expirationDate = new Date(clock.nowMs + 1_000).toISOString();
  const added = await door.ask('AddPersonalAccessToken', { userId: short.userId, expirationDate });
  clock.nowMs += 1_000;
  const ended: Record<string, string> = {};
  for (const actions of [
    ['lock'],
    ['lock', 'unlock'],
    ['deactivate'],
    ['deactivate', 'reactivate'],
    ['delete'],
  ] as const) {
    const { userId, token } = await owner(server);
    for (const action of actions) await people.act(userId, action);
    ended[`from before its owner's ${actions.join(' and ')}`] = token;
  }
  return {
    'of nobody': '1.unknown',
    "with another token's secret": `${validId}.${otherSecret}`,
    'without its last character': valid.token.slice(0, -1),
    revoked: revoked.token,
    expired: String(added.response.token),
    ...ended,
  };
}

/** What proves a sign-in proves nothing here. */
async function fromSignIn(server: TestServer, door: Door): Promise<Record<string, string>> {
  const userId = await server.people.user({ organization: 'home' });
  await server.people.grant(userId, 'IAM_OWNER');
  const { response } = await door.ask('CreateSession', {
    checks: { user: { userId }, password: { password } },
  });
  return {
    "that is a session's": String(response.sessionToken),
    "that is a session's, behind its id": `${response.sessionId}.${response.sessionToken}`,
    "that is a device's": String(response.deviceToken),
  };
}

async function ofIssuer({ clock }: TestServer, issuer: TestIssuer): Promise<Record<string, string>> {
  const kid = await issuer.addKey('RS256');
  const roles = ['admins'];
  const nowSeconds = Math.floor(clock.nowMs / 1_000);
  const claims = { roles, iss: issuer.url, aud: audience, sub: 'eve', exp: nowSeconds + 3_600 };
  const { privateKey } = await generateKeyPair('ES256');
  const publicKey = Buffer.from(await exportSPKI(await issuer.publicKey(kid)));
  const signed = (more: object) => issuer.sign({ claims: { roles, ...more } });
  return {
    'of another issuer': await signed({ iss: 'https://elsewhere.example' }),
    'for another audience': await signed({ aud: 'https://other.example' }),
    'of the issuer, expired': await signed({ exp: nowSeconds - 31 }),
    'said to need no signature': new UnsecuredJWT(claims).encode(),
    'signed with the public key for a secret': await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', kid })
      .sign(publicKey),
    'signed by a stranger, who names no key': await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256' })
      .sign(privateKey),
  };
}
