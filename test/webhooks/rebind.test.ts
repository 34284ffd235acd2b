import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, test } from '@jest/globals';
import { openApp } from '../../src/app/app.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { parseAllowed } from '../../src/outbound/allowed.ts';
import { createOutbound } from '../../src/outbound/outbound.ts';
import { newestPosition } from '../../src/queries/newest-position.ts';
import { startDeliverer } from '../../src/webhooks/deliverer.ts';
import { startNameServer } from '../outbound/name-server.ts';
import { createPeople } from '../support/people.ts';
import { openEmptyDatabase } from '../support/stores.ts';
import { startReceiver } from './receiver.ts';

const resources = new AsyncDisposableStack();
afterAll(() => resources.disposeAsync());

test('a receiver whose name moves to a refused address between two tries gets nothing there', async () => {
  const { database } = resources.use(await openEmptyDatabase('sqlite'));
  const names = resources.use(await startNameServer());
  const allowed = resources.use(await startReceiver(0, '127.0.0.2'));
  const refused = resources.use(await startReceiver(allowed.port, '127.0.0.1'));
  const clock = { nowMs: Date.now() };
  const config = { database, passwordAttemptsMax: 10, logLevel: 'silent' };
  const app = resources.use(await openApp(config, { now: () => clock.nowMs }));
  const people = createPeople(app);
  await people.organization('home');
  await people.user({ organization: 'home', userId: 'owner', kind: 'machine' });
  await people.grant('owner', 'IAM_OWNER');
  const name = { addresses: ['127.0.0.2'] };
  names.names.set('hook.example', name);
  await app.store.addSubscription({
    ...{ subscriptionId: '1', sequence: 1, organizationId: undefined, ownerUserId: 'owner' as UserId },
    ...{ url: `http://hook.example:${allowed.port}/`, description: '', eventTypes: ['user.locked'] },
    ...{ state: 'active', createdAt: 1, changedAt: 1, secretNumber: 1, previousSecretUntil: 0 },
    ...{
      position: await newestPosition(app),
      tries: 0,
      nextTryAt: 0,
      attempts: [],
      holder: '',
      heldUntil: 0,
    },
  });
  const way = createOutbound(parseAllowed(['127.0.0.2']), names).wayTo([]);
  resources.use(startDeliverer({ ...app, way, random: Math.random }));
  allowed.answer = (res) => res.writeHead(500).end();
  await people.user({ organization: 'home', state: 'locked' });
  await allowed.until(1);
  const outcomes = async () =>
    (await app.store.loadSubscription('1'))?.attempts.map(({ outcome }) => outcome);
  const until = async (wanted: readonly string[]) => {
    for (let look = 0; look < 300 && String(await outcomes()) !== String(wanted); look += 1) await delay(50);
    expect(await outcomes()).toEqual(wanted);
  };
  await until(['refused']);
  name.addresses = ['127.0.0.1', '169.254.169.254'];
  clock.nowMs += 6_000;
  await until(['not_allowed', 'refused']);
  expect(refused.received).toEqual([]);
  name.addresses = ['127.0.0.2'];
  allowed.answer = (res) => res.writeHead(204).end();
  clock.nowMs += 400_000;
  await until(['delivered', 'not_allowed', 'refused']);
  expect([allowed.received.length, refused.received.length]).toEqual([2, 0]);
});
