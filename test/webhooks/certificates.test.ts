import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseServeConfig } from '../../src/app/config.ts';
import { type Authority, type KeyPair, makeAuthority } from '../support/authority.ts';
import { serveLogged } from '../support/logged-server.ts';
import { type Hooked, startHooked } from './hooked.ts';
import { type Receiver, startReceiver } from './receiver.ts';

const resources = new AsyncDisposableStack();
let own: Authority;
let others: Authority;
/** One server trusts our own authority, one does not. */
let trusting: Hooked;
let plain: Hooked;

beforeAll(async () => {
  own = resources.use(await makeAuthority());
  others = resources.use(await makeAuthority());
  trusting = resources.use(await startHooked({ flags: ['--outbound-ca-file', own.caPath] }));
  plain = resources.use(await startHooked());
});
afterAll(() => resources.disposeAsync());

/** What the one try of an event shows, by ListAttempts. */
async function tried(hooked: Hooked, { url }: Receiver) {
  const { subscriptionId } = await hooked.subscribe({ url, eventTypes: ['user.locked'] });
  const userId = await hooked.server.people.user({ organization: 'home' });
  await hooked.door.ask('LockUser', { userId });
  for (let look = 0; look < 300; look += 1) {
    const [attempt] = await hooked.attempts(subscriptionId);
    if (attempt !== undefined) {
      await hooked.door.ask('DeleteSubscription', { subscriptionId });
      return attempt;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('nothing was tried');
}

const receiver = async (pair: KeyPair): Promise<Receiver> =>
  resources.use(await startReceiver(0, '127.0.0.1', pair));
const loopback = 'IP:127.0.0.1';

describe('a receiver over TLS', () => {
  test('is told where its certificate is of an authority that the operator named', async () => {
    const to = await receiver(await own.certify(loopback));
    expect(await tried(trusting, to)).toMatchObject({
      outcome: 'ATTEMPT_OUTCOME_DELIVERED',
      status: 204,
    });
    expect(to.received).toHaveLength(1);
  });

  test.each<[string, () => Promise<KeyPair>]>([
    ['of another name', () => own.certify('DNS:hooks.example')],
    ['of another address', () => own.certify('IP:127.0.0.2')],
    ['over', () => own.certify(loopback, 'over')],
    ['of an authority that nobody named', () => others.certify(loopback)],
  ])('with a certificate that is %s gets nothing, and the try says so', async (_, certify) => {
    const to = await receiver(await certify());
    const attempt = await tried(trusting, to);
    expect(attempt).toMatchObject({ outcome: 'ATTEMPT_OUTCOME_TLS_FAILED', nth: 1 });
    expect(attempt).not.toHaveProperty('status');
    expect(to.received).toEqual([]);
  });

  test('that speaks in the clear where TLS is asked for gets nothing', async () => {
    const to = resources.use(await startReceiver());
    const attempt = await tried(trusting, { ...to, url: to.url.replace('http:', 'https:') });
    expect(attempt).toMatchObject({ outcome: 'ATTEMPT_OUTCOME_TLS_FAILED' });
    expect(to.received).toEqual([]);
  });

  test('of an authority of its own gets nothing from a server that was not told of it', async () => {
    const to = await receiver(await own.certify(loopback));
    expect(await tried(plain, to)).toMatchObject({ outcome: 'ATTEMPT_OUTCOME_TLS_FAILED' });
    expect(to.received).toEqual([]);
  });
});

describe('a process', () => {
  const send = async (flags: readonly string[], { url }: Receiver) => {
    await using logged = await serveLogged('pipe', ['--outbound-allow', '127.0.0.1', ...flags]);
    const { door } = logged;
    const made = await door.ask('CreateSubscription', { url, eventTypes: ['user.human.added'] });
    expect(made.ok).toBe(true);
    const { organizationId = '' } = (await door.ask('GetCaller', {})).response;
    const human = { profile: { givenName: 'A', familyName: 'B' }, email: { email: 'a@b.example' } };
    await door.ask('CreateUser', { organizationId, human });
    const { subscriptionId } = made.response.subscription as { subscriptionId: string };
    for (let look = 0; look < 300; look += 1) {
      const { response } = await door.ask('ListAttempts', { subscriptionId });
      if (response.attempts !== undefined) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return (await logged.stop()).errors;
  };

  test.each<[string, () => Promise<KeyPair>, string]>([
    ['over', () => own.certify(loopback, 'over'), 'CERT_HAS_EXPIRED'],
    ['of another name', () => own.certify('DNS:hooks.example'), 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['of nobody it knows', () => others.certify(loopback), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ])('says in its log that a certificate is %s', async (_, certify, why) => {
    const to = await receiver(await certify());
    const errors = await send(['--outbound-ca-file', own.caPath], to);
    expect(errors).toContain(`"outcome":"tls_failed","code":0,"why":"${why}"`);
    expect(to.received).toEqual([]);
  });

  test('that was started with NODE_EXTRA_CA_CERTS trusts that authority, beside one that a flag names', async () => {
    process.env.NODE_EXTRA_CA_CERTS = own.caPath;
    try {
      const to = await receiver(await own.certify(loopback));
      await send([], to);
      await send(['--outbound-ca-file', others.caPath], to);
      expect(to.received).toHaveLength(2);
    } finally {
      delete process.env.NODE_EXTRA_CA_CERTS;
    }
  });
});

describe('--outbound-ca-file', () => {
  const file = (name: string, text: string): string => {
    const path = join(dirname(own.caPath), name);
    writeFileSync(path, text);
    return path;
  };
  const parse = (path: string) => () => parseServeConfig(['--outbound-ca-file', path]);

  test('that is not there, or has no certificate, or a broken one, is wrong usage', () => {
    expect(parse('/nowhere/ca.pem')).toThrow(
      '--outbound-ca-file (LATCHKEY_OUTBOUND_CA_FILE): cannot read /nowhere/ca.pem (ENOENT)',
    );
    expect(parse(file('empty.pem', ''))).toThrow('there is no certificate in it');
    expect(parse(join(dirname(own.caPath), 'ca.key'))).toThrow('there is no certificate in it');
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    expect(parse(file('broken.pem', broken))).toThrow('certificate 1 of 1 cannot be read');
  });
});
