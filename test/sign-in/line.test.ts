import { afterAll, expect, test } from '@jest/globals';
import {
  passwordsWaiting,
  setPasswordThreads,
  threadsDefault,
  withNextCheckEnd,
} from '../../src/sign-in/hash-threads.ts';
import { hashPassword, verifyPassword } from '../../src/sign-in/password.ts';
import type { Store } from '../../src/store/store.ts';
import { password } from '../support/people.ts';
import { openSignIns } from '../support/sessions.ts';

afterAll(() => setPasswordThreads(threadsDefault));

const bcrypt4 = '$2b$04$cNL8kd2qcuo1YAEbacpbAOFlyJrZqmq.VpOOL6PhoQz.DXcl1ct3W';
const check = (source: string) => verifyPassword('wrong horse', bcrypt4, { line: 'strangers', source });

/** How many were claimed while others waited in line: with the record of a check, in one commit, or in one of their own. */
function countClaims(hash: string) {
  const counted = { together: 0, apart: 0 };
  const claimed = new Set<string>();
  // What is written in one turn of the event loop is one commit.
  const turn = { claims: 0, records: 0, isOpen: false };
  const write = () => {
    if (turn.isOpen) return;
    Object.assign(turn, { claims: 0, records: 0, isOpen: true });
    setImmediate(() => {
      counted[turn.records > 0 ? 'together' : 'apart'] += turn.claims;
      turn.isOpen = false;
    });
  };
  const wrapStore = (store: Store): Store => ({
    ...store,
    // One of our own: another would be renewed before a right password is recorded.
    loadPasswordHash: async () => hash,
    claimCheck(claim) {
      write();
      // On a slow machine some are asked for again, while they last.
      if (!claimed.has(claim.userId) && passwordsWaiting() > 0) turn.claims += 1;
      claimed.add(claim.userId);
      return store.claimCheck(claim);
    },
    append(change) {
      write();
      turn.records += 1;
      return store.append(change);
    },
  });
  return { counted, wrapStore };
}

test.each([
  ['right', password],
  ['wrong', 'wrong horse'],
])('who waits in line is claimed in the commit of a check that ends, be it %s', async (_kind, guess) => {
  setPasswordThreads(1);
  const { counted, wrapStore } = countClaims(await hashPassword(password));
  await using fixture = await openSignIns({ wrapStore });
  const left = await Promise.all(
    Array.from({ length: 24 }, () => fixture.server.people.user({ organization: 'home' })),
  );
  const signInOneByOne = async () => {
    for (let userId = left.pop(); userId !== undefined; userId = left.pop())
      await fixture.signIn(userId, guess);
  };
  await Promise.all(Array.from({ length: 12 }, signInOneByOne));
  expect(counted.apart).toBe(0);
  expect(counted.together).toBeGreaterThan(0);
});

test('who has the next turn waits for no check to end, and who is gone for none', async () => {
  setPasswordThreads(1);
  const { signal } = new AbortController();
  await withNextCheckEnd({ line: 'strangers', source: 'a', signal });
  const running = check('a');
  await withNextCheckEnd({ line: 'strangers', source: 'a', signal });
  const waiting = check('a');
  await withNextCheckEnd({ line: 'trusted', source: 'a', signal });

  const ended: string[] = [];
  const gone = new AbortController();
  const leaving = withNextCheckEnd({ line: 'strangers', source: 'a', signal: gone.signal });
  const staying = withNextCheckEnd({ line: 'strangers', source: 'a', signal }).then(() => ended.push('told'));
  gone.abort();
  await expect(leaving).rejects.toMatchObject({ error: 'overloaded' });
  await expect(
    withNextCheckEnd({ line: 'strangers', source: 'a', signal: gone.signal }),
  ).rejects.toMatchObject({
    error: 'overloaded',
  });
  await running;
  await staying;
  await waiting.then(() => ended.push('checked'));
  expect(ended).toEqual(['told', 'checked']);
});
