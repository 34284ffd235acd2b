import { expect, test } from '@jest/globals';
import { openDoor } from '../support/door.ts';
import { startServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';
import { ended, previewOf, startOf } from './runs.ts';

test.each(stores)('%s: a run goes no further than the token that started it', async (store) => {
  await using server = await startServer({ store });
  const { people } = server;
  await people.organization('acme');
  const owner = await people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
  await using door = openDoor(server.url, owner);
  const robbed = await people.user({ organization: 'acme', kind: 'machine' });
  await people.grant(robbed, { role: 'ORG_USER_UNLOCKER', organization: 'acme' });
  const userIds: string[] = [];
  for (let nth = 0; nth < 6; nth += 1) {
    userIds.push(await people.user({ organization: 'acme', state: 'locked' }));
  }
  const [stolen, other] = [await people.token(robbed), await people.token(robbed)];
  const startBy = async (token: string, half: string[]) => {
    await using theirs = openDoor(server.url, token);
    return await startOf(theirs, await previewOf(theirs, { userIds: half }), { maxPerSecond: 1 });
  };
  const [cut, whole] = [await startBy(stolen, userIds.slice(0, 3)), await startBy(other, userIds.slice(3))];
  const [tokenId = ''] = stolen.split('.');
  expect(await door.ask('RemovePersonalAccessToken', { userId: robbed, tokenId })).toMatchObject({
    code: 'OK',
  });
  const { unlocked = '0', notPermitted = '0' } = await ended(door, cut);
  expect(Number(notPermitted)).toBeGreaterThan(0);
  expect(Number(unlocked) + Number(notPermitted)).toBe(3);
  expect(await ended(door, whole)).toMatchObject({ unlocked: '3' });
}, 60_000);
