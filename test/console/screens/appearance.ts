import type { Page } from 'playwright-core';
import { systemCaller } from '../../../src/auth/caller.ts';
import { createUser } from '../../../src/commands/create-user.ts';
import { lockUser } from '../../../src/commands/lock-user.ts';
import { parseOrganizationId, parseUserId, type UserId } from '../../../src/domain/ids.ts';
import { dialogCases } from './dialogs.ts';
import { type Appearance, appearances, judge } from './judge.ts';
import type { World } from './world.ts';

interface Screen {
  readonly name: string;
  readonly path: string;
  /** From there to what is to be looked at. */
  readonly reach: (page: Page) => Promise<void>;
}

const press = (name: string) => async (page: Page) => {
  await page.getByRole('button', { name, exact: true }).click();
  await page.getByRole('dialog').waitFor();
};
const words = (text: string) => (page: Page) => page.getByText(text).waitFor();
const otherWay = async (page: Page) => {
  await press('Unlock')(page);
  await page.getByLabel('Other').check();
  await page.getByLabel('In which way?').waitFor();
};
const heading = (name: string) => (page: Page) => page.getByRole('heading', { name }).first().waitFor();

const hourMs = 3_600_000;

/** A lockout by wrong passwords, a timed lock, one until somebody unlocks, and somebody who is fine. */
async function furnish(world: World): Promise<readonly Screen[]> {
  const { app } = world;
  const ids = new Map<string, string>();
  for (const name of ['Ines Okafor', 'Jules Laurent', 'Kim Lindqvist', 'Lena Moreau'])
    ids.set(name, await addPerson(world, name));
  const order = { requestId: '', validateOnly: false };
  const lock = (name: string, reason: string, until?: number) =>
    lockUser(app, systemCaller('night shift'), { ...order, userId: idOf(ids, name), reason, until });
  await lock('Jules Laurent', 'laptop left on a train');
  await lock('Lena Moreau', 'on leave', app.now() + 30 * hourMs);
  await lockOut(world, 'ines');
  const [ines, kim] = [idOf(ids, 'Ines Okafor'), idOf(ids, 'Kim Lindqvist')];
  const person = `/console/users/${ines}`;
  return [
    { name: 'locked', path: '/console/', reach: (page) => page.locator('tbody tr').first().waitFor() },
    {
      name: 'search',
      path: '/console/search?q=k',
      reach: (page) => page.locator('tbody tr').first().waitFor(),
    },
    { name: 'person', path: person, reach: (page) => page.locator('.timeline li').first().waitFor() },
    { name: 'unlock', path: person, reach: press('Unlock') },
    { name: 'lock', path: `/console/users/${kim}`, reach: press('Lock') },
    { name: 'password', path: `/console/users/${kim}`, reach: press('Set a password') },
    { name: 'code', path: `/console/users/${kim}`, reach: press('Make a reset code') },
    { name: 'waves', path: '/console/waves', reach: heading('3 locks') },
    { name: 'policy', path: '/console/policy', reach: heading('The whole instance') },
    { name: 'about', path: '/console/about', reach: heading('Your roles') },
    { name: 'nowhere', path: '/console/x', reach: heading('Nothing here') },
    { name: 'nobody locked', path: '/console/?cause=2', reach: words('Nobody is locked out.') },
    { name: 'nobody found', path: '/console/search?q=zzz', reach: words('Nobody found') },
    { name: 'no such person', path: '/console/users/0', reach: (page) => page.getByRole('alert').waitFor() },
    { name: 'another way to know', path: person, reach: otherWay },
  ];
}

function idOf(ids: ReadonlyMap<string, string>, name: string): UserId {
  return parseUserId(ids.get(name) ?? '');
}

async function addPerson({ app }: World, name: string): Promise<string> {
  const [givenName = '', familyName = ''] = name.split(' ');
  const userName = givenName.toLowerCase();
  const userId = parseUserId(app.newId());
  await createUser(app, systemCaller('night shift'), {
    organization: { organizationId: parseOrganizationId('acme') },
    ...{ userId, userName },
    profile: { kind: 'human', givenName, familyName, email: `${userName}@mail.example`, emailVerified: true },
    password: { hash: '$2b$04$cNL8kd2qcuo1YAEbacpbAOFlyJrZqmq.VpOOL6PhoQz.DXcl1ct3W', changeRequired: false },
  });
  return userId;
}

/** Ten wrong passwords, as somebody types them who has forgotten theirs. */
async function lockOut({ url, tokens }: World, userName: string): Promise<void> {
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const checks = {
      user: { loginName: `${userName}@acme.example` },
      password: { password: `summer ${attempt}` },
    };
    const answer = await fetch(`${url}/v2/sessions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokens.owner}`, 'content-type': 'application/json' },
      body: JSON.stringify({ checks }),
    });
    await answer.body?.cancel();
  }
}

/** Judged by axe in each appearance; pictures of the light and the dark one. */
export async function appearanceCases(world: World): Promise<void> {
  const screens = await furnish(world);
  for (const appearance of Object.keys(appearances) as Appearance[]) {
    const options = appearances[appearance];
    await world.check(`the sign-in in ${appearance}: no barrier`, async () => {
      await using tab = await world.open(undefined, options);
      await tab.page.getByLabel('Your token').waitFor();
      await judge(tab, 'sign-in', appearance);
    });
    await using tab = await world.open(world.tokens.owner, options);
    for (const { name, path, reach } of screens) {
      await world.check(`${name} in ${appearance}: no barrier`, async () => {
        await tab.go(path);
        await reach(tab.page);
        await judge(tab, name, appearance);
      });
    }
  }
  await dialogCases(world);
}
