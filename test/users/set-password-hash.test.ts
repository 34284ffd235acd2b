import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Door, openDoor } from '../support/door.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { otherPrograms } from './other-programs.ts';

let server: TestServer;
let door: Door;
let count = 0;

beforeAll(async () => {
  server = await startServer();
  await server.people.organization('acme');
  const roles = ['IAM_OWNER'];
  door = openDoor(server.url, await server.people.caller({ organization: 'acme', roles }));
});
afterAll(async () => {
  await door[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

async function importHash(hash: string) {
  count += 1;
  const userId = `imported-${count}`;
  const human = {
    profile: { givenName: 'Given', familyName: 'Family' },
    email: { email: `${userId}@mail.example`, isVerified: true },
    hashedPassword: { hash },
  };
  return { userId, answer: await door.ask('CreateUser', { organizationId: 'acme', userId, human }) };
}

const change = (userId: string, currentPassword: string) =>
  door.ask('SetPassword', { userId, currentPassword, newPassword: { password: 'next' } });

const salt = 'c29tZXNhbHQ';
const tag = 'nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4';
const bcryptTail = 'CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';

/** Published test vectors of the reference implementations, and what other programs made. */
const vectors = [
  ['argon2id, 256 KiB', 'password', `$argon2id$v=19$m=256,t=2,p=1$${salt}$${tag}`],
  [
    'argon2id, 64 MiB',
    'password',
    `$argon2id$v=19$m=65536,t=2,p=1$${salt}$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc`,
  ],
  ['bcrypt 2a', 'U*U', `$2a$05$${bcryptTail}`],
  ['bcrypt 2b', 'U*U', `$2b$05$${bcryptTail}`],
  ['bcrypt 2y', 'U*U', `$2y$05$${bcryptTail}`],
  ...otherPrograms,
] as const;

describe('a hash made elsewhere', () => {
  test.each(vectors)('%s lets in who knows the password', async (_, password, hash) => {
    const { userId, answer } = await importHash(hash);
    expect(answer).toMatchObject({ code: 'OK' });
    expect(await door.user(userId)).toMatchObject({ state: 'USER_STATE_ACTIVE' });
    expect((await change(userId, `${password}!`)).details[0]).toMatchObject({ failedAttempts: 1 });
    expect(await change(userId, password)).toMatchObject({ code: 'OK' });
    expect(JSON.stringify(await door.events(userId))).not.toContain(hash);
  });

  test.each([
    ['a password as it is', 'correct horse battery staple'],
    ['argon2d', `$argon2d$v=19$m=256,t=2,p=1$${salt}$${tag}`],
    ['argon2id without a version', `$argon2id$m=256,t=2,p=1$${salt}$${tag}`],
    ['argon2id of the old version', `$argon2id$v=16$m=256,t=2,p=1$${salt}$${tag}`],
    ['argon2id with too little memory', `$argon2id$v=19$m=7,t=2,p=1$${salt}$${tag}`],
    ['argon2id of a cost that would take the machine', `$argon2id$v=19$m=4194304,t=2,p=1$${salt}$${tag}`],
    ['argon2id of too many passes', `$argon2id$v=19$m=256,t=999,p=1$${salt}$${tag}`],
    ['argon2id of no pass', `$argon2id$v=19$m=256,t=0,p=1$${salt}$${tag}`],
    ['argon2id of no lane', `$argon2id$v=19$m=256,t=2,p=0$${salt}$${tag}`],
    ['argon2id without a salt', `$argon2id$v=19$m=256,t=2,p=1$$${tag}`],
    ['argon2id without a tag', `$argon2id$v=19$m=256,t=2,p=1$${salt}$`],
    ['argon2id and more', `$argon2id$v=19$m=256,t=2,p=1$${salt}$${tag}$`],
    ['bcrypt of too low a cost', `$2b$03$${bcryptTail}`],
    ['bcrypt of a cost that would take the machine', `$2b$15$${bcryptTail}`],
    ['bcrypt cut short', `$2b$05$${bcryptTail.slice(0, -1)}`],
    ['bcrypt of an unknown kind', `$2x$05$${bcryptTail}`],
    ['argon2i of the old version', `$argon2i$v=16$m=256,t=2,p=1$${salt}$${tag}`],
    ['scrypt of more than 128 MiB', `$scrypt$ln=18,r=8,p=1$${salt}$${tag}`],
    ['scrypt of a cost that would take the machine', `$scrypt$ln=17,r=8,p=9$${salt}$${tag}`],
    ['scrypt of no lane', `$scrypt$ln=16,r=8,p=0$${salt}$${tag}`],
    ['scrypt of N = 1', `$scrypt$ln=0,r=8,p=1$${salt}$${tag}`],
    ['scrypt of more than N may be of so small blocks', `$scrypt$ln=16,r=1,p=1$${salt}$${tag}`],
    ['scrypt without a salt', `$scrypt$ln=16,r=8,p=1$$${tag}`],
    ['PBKDF2 of another digest', `$pbkdf2-md5$1000$${salt}$${tag}`],
    ['PBKDF2 of no round', `$pbkdf2-sha256$0$${salt}$${tag}`],
    ['PBKDF2 of rounds that would take the machine', `$pbkdf2-sha256$9000000$${salt}$${tag}`],
    ['PBKDF2 of a tag that anything may equal', `$pbkdf2-sha256$1000$${salt}$AAAA`],
    ['Django’s PBKDF2 of no round', `pbkdf2_sha256$0$salt$${tag}=`],
    ['SHA-512 crypt cut short', `$6$saltstring$${'s'.repeat(85)}`],
    ['SHA-256 crypt of the other’s length', `$5$saltstring$${'s'.repeat(86)}`],
    ['SHA-512 crypt of too few rounds', `$6$rounds=999$saltstring$${'s'.repeat(86)}`],
    ['SHA-512 crypt of rounds that would take the machine', `$6$rounds=900000$salt$${'s'.repeat(86)}`],
    ['DES crypt', 'ab1234567890.'],
    ['MD5 crypt', '$1$saltstri$4nx2fGKzBFfB8zC.6.8Gk1'],
    ['MD5', '5f4dcc3b5aa765d61d8327deb882cf99'],
  ])('%s is refused, and nobody made', async (_, hash) => {
    const { userId, answer } = await importHash(hash);
    expect(answer).toMatchObject({
      code: 'InvalidArgument',
      message:
        'Password hash is of no kind that is checked here: argon2id, argon2i, bcrypt, PBKDF2, scrypt or SHA-crypt (LATCH-pwhash0x)',
      details: [{ id: 'LATCH-pwhash0x' }, { reason: 'PASSWORD_HASH_UNSUPPORTED' }],
    });
    expect(await door.user(userId)).toBeUndefined();
    expect(await door.events(userId)).toEqual([]);
  });
});

test('a hash of our own is argon2id, of no less than 19 MiB, two passes, one lane, with a salt of its own', async () => {
  const hashes = [];
  for (const userId of ['one', 'two']) {
    await server.people.user({ organization: 'acme', userId });
    await door.ask('SetPassword', { userId, newPassword: { password: 'the same' } });
    hashes.push(await server.app.store.loadPasswordHash(userId as never));
  }
  const form = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/;
  for (const hash of hashes) expect(hash).toMatch(form);
  expect(hashes[0]).not.toBe(hashes[1]);
});
