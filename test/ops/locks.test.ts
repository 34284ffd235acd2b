import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openSignIns, type SignInFixture, setPolicy } from '../support/sessions.ts';
import { stores } from '../support/stores.ts';
import { type Exposition, readMetrics, sumOf } from './exposition.ts';

const flags = ['--lockout-attempts', '2', '--metrics-listen', '127.0.0.1:0'];

describe.each(stores)('on %s', (store) => {
  const resources = new AsyncDisposableStack();
  let signIns: SignInFixture;
  beforeAll(async () => {
    signIns = resources.use(await openSignIns({ store, flags }));
    await setPolicy(signIns, { maxPasswordAttempts: 2 });
  });
  afterAll(() => resources.disposeAsync());

  const read = (): Promise<Exposition> => readMetrics(signIns.server.metricsUrl);
  const people = () => signIns.server.people;
  const user = (): Promise<string> => people().user({ organization: 'home' });
  /** By how much the series moves while this is done. */
  const moves = async (
    done: () => Promise<unknown>,
    series: Readonly<Record<string, readonly [name: string, labels: Record<string, string>]>>,
  ): Promise<Record<string, number>> => {
    const before = await read();
    await done();
    const after = await read();
    const differences = Object.entries(series).map(([key, [name, labels]]) => [
      key,
      sumOf(after, name, labels) - sumOf(before, name, labels),
    ]);
    return Object.fromEntries(differences) as Record<string, number>;
  };
  const of = (cause: string) =>
    ({
      locked: ['latchkey_locked_users', { cause }],
      locks: ['latchkey_locks_total', { cause }],
      unlocks: ['latchkey_unlocks_total', { cause }],
      ageCount: ['latchkey_lock_age_seconds_count', { cause }],
      ageSum: ['latchkey_lock_age_seconds_sum', { cause }],
    }) as const;

  // Before anybody signs in: what a check leaves behind is taken away some seconds later, and that is a change too.
  test('commits, their sizes, and the position of the newest event', async () => {
    const locked = await Promise.all(
      Array.from({ length: 8 }, () => people().user({ organization: 'home', state: 'locked' })),
    );
    const series = {
      changes: ['latchkey_store_batch_changes_sum', {}],
      failures: ['latchkey_store_commit_failures_total', {}],
      position: ['latchkey_event_position', {}],
      waiting: ['latchkey_store_changes_waiting', {}],
    } as const;
    const unlock = () => Promise.all(locked.map((userId) => people().act(userId, 'unlock')));
    const moved = await moves(unlock, series);
    expect(moved).toEqual({ changes: 8, failures: 0, position: 8, waiting: 0 });
    const sizes = await read();
    expect(sumOf(sizes, 'latchkey_store_commit_seconds_count')).toBe(
      sumOf(sizes, 'latchkey_store_batch_changes_count'),
    );
  });

  test('wrong passwords, the lock that they lead to, and its unlock an hour later', async () => {
    const userId = await user();
    const wrong = { outcome: 'wrong', device: 'stranger' };
    const series = { ...of('policy'), wrong: ['latchkey_password_checks_total', wrong] as const };
    const failing = () => signIns.signIn(userId, 'wrong').then(() => signIns.signIn(userId, 'wrong again'));
    expect(await moves(failing, series)).toEqual({
      locked: 1,
      locks: 1,
      unlocks: 0,
      ageCount: 0,
      ageSum: 0,
      wrong: 2,
    });
    signIns.server.clock.nowMs += 3_600_000;
    expect(await moves(() => people().act(userId, 'unlock'), series)).toEqual({
      locked: -1,
      locks: 0,
      unlocks: 1,
      ageCount: 1,
      ageSum: 3_600,
      wrong: 0,
    });
  });

  test.each(['deactivate', 'delete'] as const)('%s ends a lock, and is no unlock', async (action) => {
    const userId = await user();
    const lock = () => people().act(userId, 'lock');
    expect(await moves(lock, of('command_line'))).toMatchObject({ locked: 1, locks: 1 });
    const end = () => people().act(userId, action);
    expect(await moves(end, of('command_line'))).toMatchObject({ locked: -1, locks: 0, unlocks: 0 });
  });

  test('how each check of a password ends', async () => {
    const userId = await user();
    const outcome = (name: string) => ['latchkey_password_checks_total', { outcome: name }] as const;
    const seconds = ['latchkey_password_check_seconds_count', {}] as const;
    const series = {
      right: outcome('right'),
      unknown: outcome('unknown_user'),
      no: outcome('not_possible'),
      seconds,
    };
    const inactive = await people().user({ organization: 'home', state: 'inactive' });
    const tried = async () => {
      await signIns.signIn(userId);
      await signIns.signIn(inactive);
    };
    expect(await moves(tried, series)).toEqual({ right: 1, unknown: 0, no: 1, seconds: 2 });
  });

  test('the database counts the same as the gauge', async () => {
    const locked = sumOf(await read(), 'latchkey_locked_users');
    await people().user({ organization: 'home', state: 'locked' });
    expect(await signIns.server.app.store.countLocked()).toEqual({
      policy: 0,
      administrator: 0,
      command_line: locked + 1,
      unknown: 0,
    });
  });
});
