import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { password } from '../support/people.ts';
import { openSignIns, type SignInFixture, wrongPassword } from '../support/sessions.ts';
import { stores } from '../support/stores.ts';

const taken = 'User name is taken in this organization (LATCH-us3rname)';
const unknown = 'User could not be found (LATCH-us3rnf0d)';

describe.each(stores.map(([kind]) => kind))('login names on %s', (kind) => {
  let fixture: SignInFixture;
  beforeAll(async () => {
    fixture = await openSignIns({ store: kind });
  });
  afterAll(async () => {
    await fixture[Symbol.asyncDispose]();
  });

  const signIn = (loginName: string, guess = password, headers: Record<string, string> = {}) =>
    fixture.door.ask(
      'CreateSession',
      { checks: { user: { loginName }, password: { password: guess } } },
      undefined,
      headers,
    );
  const create = (username: string, email: string, organizationId = 'home') =>
    fixture.door.ask('CreateUser', {
      organizationId,
      username,
      human: {
        profile: { givenName: 'Given', familyName: 'Family' },
        email: { email, isVerified: true },
        password: { password },
      },
    } as JsonObject);

  test('aliases, letter case and Unicode forms are one user with one counter', async () => {
    expect((await create('Ｄàna', 'Dana@mail.example')).code).toBe('OK');
    const aliases = ['dàna', 'DA\u0300NA', 'dana@MAIL.example', 'Ｄàna@home.example', 'DÀNA@HOME.EXAMPLE'];
    for (const [index, alias] of aliases.slice(0, 4).entries()) {
      expect(await signIn(alias, `wrong ${index}`)).toMatchObject({
        message: wrongPassword,
        details: [{ failedAttempts: index + 1 }, {}],
      });
    }
    for (const alias of aliases) expect((await signIn(alias)).code).toBe('OK');
  });

  // Each is tried by whoever would come second, with the names of whoever is there.
  test.each([
    ['user name = user name', 'EVE', 'new@mail.example'],
    ['user name = e-mail address', 'eve@MAIL.example', 'new@mail.example'],
    ['user name = login name', 'eve@home.example', 'new@mail.example'],
    ['e-mail address = user name', 'newcomer', 'Eve@BOX.example'],
    ['e-mail address = e-mail address', 'newcomer', 'EVE@mail.example'],
    ['e-mail address = login name', 'newcomer', 'eve@HOME.example'],
  ])('a name that collides is refused at creation: %s', async (_, username, email) => {
    await create('eve', 'eve@mail.example');
    await create('eve@box.example', 'box@mail.example');
    expect(await create(username, email)).toMatchObject({ code: 'AlreadyExists', message: taken });
    expect((await signIn('eve')).response).toMatchObject({ details: { resourceOwner: 'home' } });
  });

  test('a login name that would be somebody’s e-mail address is refused as well', async () => {
    expect((await create('first', 'second@home.example')).code).toBe('OK');
    expect(await create('second', 'other@mail.example')).toMatchObject({ message: taken });
  });

  test('of many who come at once with one name, one is made', async () => {
    // Each is called frank@x.example by one way or the other, so that no two of them may be.
    const names = [
      'frank@x.example',
      'mail of frank',
      'FRANK@x.example',
      'mail of Frank too',
      'Frank@X.example',
    ];
    const mails = ['a@x.example', 'frank@x.example', 'b@x.example', 'FRANK@x.example', 'c@x.example'];
    const answers = await Promise.all(names.map((name, nth) => create(name, mails[nth] ?? '')));
    expect(answers.filter(({ code }) => code === 'OK')).toHaveLength(1);
  });

  test('a bare name in two organizations means nobody, unless the call names one', async () => {
    await create('grace', 'grace@mail.example');
    await create('grace', 'grace@mail.example', 'abroad');
    for (const name of ['grace', 'grace@mail.example']) {
      expect(await signIn(name)).toMatchObject({ code: 'NotFound', message: unknown });
      const abroad = await signIn(name, password, { 'x-zitadel-orgid': 'abroad' });
      expect(abroad).toMatchObject({ code: 'OK', response: { details: { resourceOwner: 'abroad' } } });
    }
    const { response } = await signIn('grace@abroad.example');
    expect(response).toMatchObject({ details: { resourceOwner: 'abroad' } });
  });

  test('nobody elsewhere takes a whole login name from its owner', async () => {
    await create('heidi', 'heidi@mail.example');
    expect((await create('heidi@home.example', 'x@mail.example', 'abroad')).code).toBe('OK');
    expect((await create('imposter', 'Heidi@home.example', 'abroad')).code).toBe('AlreadyExists');
    expect(await signIn('heidi@home.example')).toMatchObject({
      response: { details: { resourceOwner: 'home' } },
    });
  });

  test('a name is free again after its user is deleted, and nothing of them comes along', async () => {
    const { response } = await create('ivan', 'ivan@mail.example');
    const userId = String(response.id);
    for (const guess of ['a', 'b', 'c']) await signIn('ivan', guess);
    await fixture.server.people.act(userId, 'delete');
    expect(await signIn('ivan')).toMatchObject({ code: 'NotFound', message: unknown });
    await create('ivan', 'ivan@mail.example', 'abroad');
    expect(await signIn('ivan', 'a')).toMatchObject({ details: [{ failedAttempts: 1 }, {}] });
  });
});
