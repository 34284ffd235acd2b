import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sweepAttempts } from '../../src/commands/attempts/settle.ts';
import { parseUserId } from '../../src/domain/ids.ts';
import { openSignIns, type SignInFixture } from '../support/sessions.ts';
import { stores } from '../support/stores.ts';

const hourMs = 3_600_000;

describe.each(stores.map(([kind]) => kind))('where the clock of a server jumps, on %s', (kind) => {
  let fixture: SignInFixture;
  beforeAll(async () => {
    fixture = await openSignIns({ store: kind });
  });
  afterAll(async () => {
    await fixture[Symbol.asyncDispose]();
  });

  test.each([
    ['ahead', hourMs],
    ['back', -hourMs],
    ['ahead by less than an attempt lasts', 29_000],
    ['back by less than that', -29_000],
  ])('%s: an attempt under way counts once, and nobody has one more than the limit', async (_, jumpMs) => {
    const { server, door } = fixture;
    const userId = await server.people.user({ organization: 'home' });
    const startedMs = server.clock.nowMs;
    let failed = 0;
    for (let nth = 0; nth < 20; nth += 1) {
      const begun = await door.ask('BeginAttempt', { userId });
      if (!begun.ok) break;
      server.clock.nowMs = startedMs + (nth % 2 === 0 ? jumpMs : 0);
      await Promise.all([1, 2, 3].map(() => sweepAttempts(server.app)));
      const end = { attemptId: String(begun.response.attemptId), outcome: 'OUTCOME_FAILED' };
      const ended = await door.ask('EndAttempt', end);
      expect(['OK', 'NotFound']).toContain(ended.code);
      failed += 1;
    }
    expect(failed).toBe(5);
    const events = await server.app.store.listEvents({
      ...{ afterPosition: 0, limit: 100, userId: parseUserId(userId) },
    });
    expect(events.slice(1).map(({ type }) => type)).toEqual([
      ...Array(5).fill('user.human.password.check.failed'),
      'user.locked',
    ]);
    server.clock.nowMs = startedMs;
  });
});
