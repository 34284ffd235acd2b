import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { password } from '../support/people.ts';
import { openSignIns, type SignInFixture } from '../support/sessions.ts';
import { stores } from '../support/stores.ts';

const unknown = { code: 'NotFound', message: 'User could not be found (LATCH-us3rnf0d)' };

describe.each(stores.map(([kind]) => kind))('a name on %s', (kind) => {
  let fixture: SignInFixture;
  const tokens: Record<string, string> = {};
  let count = 0;

  beforeAll(async () => {
    fixture = await openSignIns({ store: kind });
    const { people } = fixture.server;
    for (const role of ['ORG_OWNER', 'ORG_USER_MANAGER']) {
      const roles = [{ role, organization: 'abroad' }];
      tokens[role] = await people.caller({ organization: 'abroad', roles });
    }
    tokens.abroad = await people.caller({ organization: 'abroad', roles: ['IAM_LOGIN_CLIENT'] });
    tokens.IAM_OWNER = await people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
  });
  afterAll(async () => {
    await fixture[Symbol.asyncDispose]();
  });

  const signIn = (loginName: string, { as, named }: { as?: string; named?: string } = {}) =>
    fixture.door.ask(
      'CreateSession',
      { checks: { user: { loginName }, password: { password } } },
      as && tokens[as],
      named === undefined ? {} : { 'x-zitadel-orgid': named },
    );
  /** Somebody at home whom the operator has made, with a verified address. */
  const someone = async () => {
    count += 1;
    const userName = `ada${count}`;
    const userId = await fixture.server.people.user({ organization: 'home', userId: userName, userName });
    return { userId, userName, email: `${userId}@mail.example`, whole: `${userName}@home.example` };
  };
  const human = (email: string, isVerified = true): JsonObject => ({
    profile: { givenName: 'Given', familyName: 'Family' },
    email: isVerified ? { email, isVerified } : { email },
    password: { password },
  });
  const addAbroad = (as: string, request: JsonObject) =>
    fixture.door.ask('CreateUser', { organizationId: 'abroad', ...request }, tokens[as]);
  const at = (organization: string) => ({
    code: 'OK',
    response: { details: { resourceOwner: organization } },
  });

  describe.each(['ORG_USER_MANAGER', 'ORG_OWNER'])('that an %s elsewhere gives out as well', (role) => {
    type Someone = Awaited<ReturnType<typeof someone>>;
    const ways: readonly (readonly [string, (one: Someone) => JsonObject])[] = [
      ['an e-mail address', ({ email }) => ({ username: `other${count}`, human: human(email) })],
      ['an e-mail address, for want of a user name', ({ email }) => ({ human: human(email) })],
      ['an e-mail address in capitals', ({ email }) => ({ human: human(email.toUpperCase()) })],
      ['an unverified e-mail address', ({ email }) => ({ human: human(email, false) })],
      ['a user name', ({ userName }) => ({ username: userName, human: human(`new${count}@mail.example`) })],
      [
        'a user name that is an e-mail address',
        ({ email }) => ({ username: email, human: human(`new${count}@mail.example`) }),
      ],
      [
        'a user name that is a whole login name',
        ({ whole }) => ({ username: whole, human: human(`n${count}@m.example`) }),
      ],
      ['an e-mail address that is a whole login name', ({ whole }) => ({ human: human(whole) })],
      ["a machine's user name", ({ userName }) => ({ username: userName, machine: { name: 'Robot' } })],
      [
        "a machine's user name that is an e-mail address",
        ({ email }) => ({ username: email, machine: { name: 'R' } }),
      ],
    ];
    test.each(ways)('still means its owner: %s', async (_, request) => {
      const one = await someone();
      expect(await addAbroad(role, request(one))).toMatchObject({ code: 'OK' });
      for (const name of [one.userName, one.email, one.whole]) {
        expect([name, await signIn(name)]).toMatchObject([name, at('home')]);
        expect([name, await signIn(name, { as: 'abroad' })]).toMatchObject([name, at('home')]);
      }
    });

    test('means their user where the call names the organization, or comes from it', async () => {
      count += 1;
      const [username, email] = [`local${count}`, `local${count}@mail.example`];
      await addAbroad(role, { username, human: human(email) });
      for (const name of [username, email]) {
        expect([name, await signIn(name)]).toMatchObject([name, unknown]);
        expect([name, await signIn(name, { named: 'abroad' })]).toMatchObject([name, at('abroad')]);
        expect([name, await signIn(name, { as: 'abroad' })]).toMatchObject([name, at('abroad')]);
      }
      expect(await signIn(`${username}@abroad.example`)).toMatchObject(at('abroad'));
    });
  });

  test('that an administrator of the instance gives out reaches everywhere: an address, where it is verified', async () => {
    count += 1;
    const address = (nth: number) => `given${count}-${nth}@mail.example`;
    await addAbroad('IAM_OWNER', { username: `given${count}`, human: human(address(1)) });
    await addAbroad('IAM_OWNER', { username: `late${count}`, human: human(address(2), false) });
    await addAbroad('IAM_OWNER', { human: human(address(3), false) });
    for (const name of [`given${count}`, address(1), `late${count}`]) {
      expect([name, await signIn(name)]).toMatchObject([name, at('abroad')]);
    }
    for (const name of [address(2), address(3)]) {
      expect([name, await signIn(name)]).toMatchObject([name, unknown]);
      expect([name, await signIn(name, { named: 'abroad' })]).toMatchObject([name, at('abroad')]);
    }
  });

  test('that two have means neither, and the event of the second one says so', async () => {
    const one = await someone();
    const added = await addAbroad('IAM_OWNER', { username: one.userName, human: human(one.email) });
    for (const name of [one.userName, one.email]) {
      expect([name, await signIn(name)]).toMatchObject([name, unknown]);
      expect([name, await signIn(name, { named: 'home' })]).toMatchObject([name, at('home')]);
    }
    const second = await fixture.door.ask(
      'ListEvents',
      { userId: added.response.id ?? null },
      tokens.IAM_OWNER,
    );
    expect(second.response).toMatchObject({
      events: [{ type: 'user.human.added', payload: { sharedNames: [one.userName, one.email] } }],
    });
    const first = await fixture.door.ask('ListEvents', { userId: one.userId }, tokens.IAM_OWNER);
    expect(first.response).not.toHaveProperty('events.0.payload.sharedNames');
  });
});
