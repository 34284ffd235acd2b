import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { LockoutPolicy } from '../../src/domain/lockout-policy.ts';
import type { Answer } from '../support/answer.ts';
import { password } from '../support/people.ts';
import { notActive, openSignIns, type SignInFixture, setPolicy, wrongPassword } from '../support/sessions.ts';

const overloaded = 'Too many passwords are being checked, please try again (LATCH-0verl0ad)';
const addressFailing =
  'Too many sign-ins have failed from this address, please try again later (LATCH-addrfa1l)';
const unknown = 'User could not be found (LATCH-us3rnf0d)';

let fixture: SignInFixture;
beforeAll(async () => {
  fixture = await openSignIns({ store: 'sqlite' });
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});

const person = () => fixture.server.people.user({ organization: 'home' });
const from = (ip: string) => ({ userAgent: { ip } });
const many = (count: number, ask: (nth: number) => Promise<Answer>) =>
  Promise.all(Array.from({ length: count }, (_, nth) => ask(nth)));
const policy = (change: Partial<LockoutPolicy>) => setPolicy(fixture, change);

function tally(answers: readonly Answer[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { message } of answers) counts[message] = (counts[message] ?? 0) + 1;
  return counts;
}

async function failedAttempts(userId: string): Promise<number | undefined> {
  return (await fixture.server.app.store.loadUser(userId as never))?.failedPasswordAttempts;
}

describe('the same wrong password over and over', () => {
  test('uses up what its address may fail, and counts once for the user', async () => {
    await policy({ addressFailuresMax: 3 });
    const userId = await person();
    const answers = await many(6, () => fixture.signIn(userId, 'again', from('203.0.113.10')));
    expect(tally(answers)).toEqual({ [wrongPassword]: 3, [addressFailing]: 3 });
    expect(await failedAttempts(userId)).toBe(1);
    expect((await fixture.signIn(userId, password, from('203.0.113.11'))).code).toBe('OK');
  });

  test('ends for a known device too, whose right password gets in all the same', async () => {
    await policy({ addressFailuresMax: 3 });
    const userId = await person();
    const { deviceToken = '' } = (await fixture.signIn(userId)).response;
    const known = { ...from('203.0.113.20'), deviceToken };
    const messages: string[] = [];
    for (let nth = 0; nth < 5; nth += 1)
      messages.push((await fixture.signIn(userId, 'stale', known)).message);
    expect(messages).toEqual([...Array(3).fill(wrongPassword), ...Array(2).fill(addressFailing)]);
    expect((await fixture.signIn(userId, password, known)).code).toBe('OK');
  });

  test('of a locked known device’s user ends as well', async () => {
    await policy({ addressFailuresMax: 3 });
    const userId = await person();
    const { deviceToken = '' } = (await fixture.signIn(userId)).response;
    await fixture.server.people.act(userId, 'lock');
    const known = { ...from('203.0.113.25'), deviceToken };
    const messages: string[] = [];
    for (let nth = 0; nth < 4; nth += 1)
      messages.push((await fixture.signIn(userId, password, known)).message);
    expect(messages).toEqual([...Array(3).fill(notActive), addressFailing]);
  });
});

describe('many at once from one address', () => {
  test('get as many failures, over all users, as one after the other', async () => {
    await policy({ addressFailuresMax: 3 });
    const people = await Promise.all(Array.from({ length: 12 }, person));
    const answers = await many(12, (nth) =>
      fixture.signIn(people[nth] ?? '', 'sprayed', from('203.0.113.30')),
    );
    expect(tally(answers)).toEqual({ [wrongPassword]: 3, [addressFailing]: 9 });
    const counts = await Promise.all(people.map(failedAttempts));
    expect(counts.filter((count) => count === 1)).toHaveLength(3);
  });

  test('all get in with their right passwords, though they are more than may fail', async () => {
    await policy({ addressFailuresMax: 3 });
    const people = await Promise.all(Array.from({ length: 12 }, person));
    const answers = await many(12, (nth) =>
      fixture.signIn(people[nth] ?? '', password, from('203.0.113.31')),
    );
    expect(tally(answers)).toEqual({ '': 12 });
  });

  test('about names that nobody has fill no more than their part of the places', async () => {
    await policy({});
    const userId = await person();
    const ask = (nth: number) =>
      fixture.door.ask('CreateSession', {
        checks: { user: { loginName: `nobody-${nth}` }, password: { password: 'guess' } },
        ...from('203.0.113.40'),
      });
    const flood = many(250, ask);
    // Another connection, and so another turn: the flood has come in by then.
    const other = await fixture.signIn(userId, password, from('203.0.113.41'));
    expect(other.code).toBe('OK');
    const counts = tally(await flood);
    // The instance's own policy: a hundred failures of an address.
    expect(counts[unknown]).toBe(100);
    expect(counts[overloaded]).toBeGreaterThanOrEqual(100);
  });
});

describe('many at once from several addresses', () => {
  test('fill all the places between them, and make room for somebody from elsewhere', async () => {
    // Three of an address may fail, and the others wait for what becomes of them.
    await policy({ maxPasswordAttempts: 0, addressFailuresMax: 3 });
    const [userId, ...victims] = await Promise.all(Array.from({ length: 5 }, person));
    const floods = ['203.0.113.70', '198.51.100.70'].map((ip) =>
      many(140, (nth) => fixture.signIn(victims[nth % 4] ?? '', `guess ${nth}`, from(ip))),
    );
    const others = await many(3, (nth) => fixture.signIn(userId ?? '', password, from(`192.0.2.${nth}`)));
    expect(others.map(({ code }) => code)).toEqual(['OK', 'OK', 'OK']);
    const counts = tally((await Promise.all(floods)).flat());
    expect(counts[wrongPassword]).toBe(6);
    // What is beyond an address's own part, and those whose place another has.
    expect(counts[overloaded]).toBeGreaterThanOrEqual(2 * 12);
    expect((counts[addressFailing] ?? 0) + (counts[overloaded] ?? 0)).toBe(274);
  });
});

describe('many at once about one name', () => {
  test('cost their address as much after the lock as before, like those about a name that nobody has', async () => {
    await policy({ maxPasswordAttempts: 2, addressFailuresMax: 8 });
    const userId = await person();
    const guess = (nth: number) => fixture.signIn(userId, `guess ${nth}`, from('203.0.113.60'));
    expect(tally(await many(8, guess))).toEqual({ [wrongPassword]: 2, [notActive]: 6 });
    expect((await guess(8)).message).toBe(addressFailing);
  });

  const address = (nth: number) => `10.77.${nth >> 8}.${nth & 255}`;

  test('fill no more than its part of the places: others sign in, and so does its owner from a known device', async () => {
    await policy({ maxPasswordAttempts: 0 });
    const [victim, other] = [await person(), await person()];
    const { deviceToken = '' } = (await fixture.signIn(victim)).response;
    const flood = many(250, (nth) => fixture.signIn(victim, `guess ${nth}`, from(address(nth))));
    let isOver = false;
    void flood.then(() => {
      isOver = true;
    });
    const [stranger, owner] = await Promise.all([
      fixture.signIn(other, password, from('203.0.113.50')),
      fixture.signIn(victim, password, { deviceToken, ...from('203.0.113.51') }),
    ]);
    expect([stranger.code, owner.code]).toEqual(['OK', 'OK']);
    expect(isOver).toBe(false);
    const counts = tally(await flood);
    expect(counts[wrongPassword]).toBeGreaterThanOrEqual(128);
    expect(counts[overloaded]).toBeGreaterThanOrEqual(50);
  }, 180_000);

  test('do not lock out the owner’s known device where the places of strangers are all taken', async () => {
    await policy({ maxPasswordAttempts: 0 });
    const [one, two, three] = [await person(), await person(), await person()];
    const { deviceToken = '' } = (await fixture.signIn(one)).response;
    const flood = many(250, (nth) => {
      const userId = nth % 2 === 0 ? one : two;
      return fixture.signIn(userId, `guess again ${nth}`, from(address(nth)));
    });
    const more = many(50, (nth) => fixture.signIn(three, `guess ${nth}`, from(address(1_000 + nth))));
    const owner = await fixture.signIn(one, password, { deviceToken, ...from(address(0)) });
    expect(owner.code).toBe('OK');
    const counts = tally([...(await flood), ...(await more)]);
    expect(counts[overloaded]).toBeGreaterThan(0);
  }, 180_000);
});
