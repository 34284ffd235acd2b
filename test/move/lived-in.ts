import { openApp } from '../../src/app/app.ts';
import { parseUserId } from '../../src/domain/ids.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import { createPeople, type People } from '../support/people.ts';
import { seedPolicy } from '../support/seed-users.ts';

/** Ids that a comparison of UTF-16 units, of bytes or of folded letters would put in another order than code points. */
const oddIds = ['Z', 'a', 'ä', 'zz', '\uffee', '\u{1f511}', '\u{10000}x', "o'neill", '~', '0'];

/** Fills an empty database with every state, every kind of event and every column that may be absent. */
export async function liveIn(database: string): Promise<void> {
  await using app = await openApp({ database, passwordAttemptsMax: 5, logLevel: 'silent' });
  let nowMs = Date.UTC(2026, 0, 1);
  const people = createPeople({ ...app, now: () => ++nowMs });
  await people.organization('acme');
  await people.organization('globex');
  for (const state of ['initial', 'active', 'inactive', 'locked', 'deleted'] as const) {
    await people.user({ organization: 'acme', userId: `${state}-user`, state });
  }
  for (const userId of oddIds)
    await people.user({ organization: 'globex', userId, userName: `${userId} İß` });
  await liveOn(people);
  await leaveTraces(app.store);
  if ((await verify(app.store)).problemsTotal > 0) throw new Error('the database is unsound to begin with');
}

async function liveOn(people: People): Promise<void> {
  await people.user({ organization: 'acme', userId: 'bot', kind: 'machine' });
  await people.grant('bot', 'IAM_OWNER');
  await people.grant('bot', { role: 'ORG_OWNER', organization: 'acme' });
  await people.token('bot');
  await people.token('bot');
  await people.act('locked-user', 'unlock');
  await people.act('locked-user', 'lock');
  await people.act('inactive-user', 'reactivate');
  // A deleted id that is used again.
  await people.act('zz', 'delete');
  await people.user({ organization: 'acme', userId: 'zz', kind: 'machine' });
}

/** Of 00 ff. */
const digest = '06eb7d6a69ee19e5fbdf749018d3d2abfa04bcbd1365db312eb86dc7169389b8';

async function leaveTraces(store: Parameters<typeof createPeople>[0]['store']): Promise<void> {
  const userId = parseUserId('ä');
  const before = await store.loadUser(userId);
  const changed = await store.append({
    before,
    userId,
    events: [
      { type: 'user.metadata.set', payload: { key: 'key', bytes: 2, sha256: digest } },
      { type: 'user.human.password.check.failed', payload: {} },
      { type: 'user.human.password.changed', payload: { changeRequired: true } },
      { type: 'user.human.password.check.failed', payload: {} },
      { type: 'user.human.password.check.failed', payload: { attempts: 2 } },
      { type: 'user.human.password.check.failed', payload: { attempts: 1, deviceId: 'phone' } },
      { type: 'user.locked', payload: { cause: 'policy', failedAttempts: 2, until: 4_000_000_000_000 } },
    ],
    metadata: new Map([['key', Buffer.from([0, 255])]]),
    at: { createdAt: Date.UTC(2026, 1, 1), eventId: 'traces' },
    meta: {
      actorUserId: parseUserId('bot'),
      actorOsUser: 'root',
      actorSubject: 'https://issuer.example|ada',
      ip: '2001:db8::1',
      userAgent: 'a "client"\u2028\\',
      requestId: 'request-1',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      reason: 'so that \u0001 and 🔑 come along',
    },
    secrets: { passwordHash: '$argon2id$never-verified' },
  });
  await seedPolicy(store, undefined, { lockSeconds: 60 });
  await seedPolicy(store, 'acme', { maxPasswordAttempts: 3 });
  await seedPolicy(store, 'globex', { maxPasswordAttempts: 4 });
  await seedPolicy(store, 'globex', undefined);
  if (typeof changed === 'string') throw new Error(`cannot leave traces: ${changed}`);
}
