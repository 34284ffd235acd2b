import { judgeEverywhere } from './judge.ts';
import { equal, lockedPerson, type World } from './world.ts';

type Who = keyof World['tokens'];

/** Which buttons of a locked person's page may be pressed. */
const buttons: Readonly<Record<Exclude<Who, 'nobody'>, readonly boolean[]>> = {
  owner: [true, false, true, true],
  unlocker: [true, false, false, false],
  viewer: [false, false, false, false],
};

/** Everybody sees what the API would tell them, and every button; those they may not press say why. */
export async function roleCases(world: World): Promise<void> {
  const userId = await lockedPerson(world, 'gus');
  await world.people.user({ organization: 'globex', userName: 'hidden', state: 'locked' });
  await buttonsOfPerson(world, userId);
  await listsOfFew(world, userId);
  await endedSession(world, userId);
}

/** Each role, each button. */
async function buttonsOfPerson(world: World, userId: string): Promise<void> {
  const { check, tokens } = world;
  for (const [who, allowed] of Object.entries(buttons) as [keyof typeof buttons, readonly boolean[]][]) {
    await check(`${who}: the buttons of a person`, async () => {
      await using tab = await world.open(tokens[who]);
      const { page } = tab;
      await page.locator('tbody tr').first().waitFor();
      equal(await page.locator('tbody tr').count(), who === 'owner' ? 2 : 1);
      await tab.go(`/console/users/${userId}`);
      const found = page.locator('main > .buttons > button');
      await found.first().waitFor();
      const disabled = await found.evaluateAll((all) => all.map((one) => one.getAttribute('aria-disabled')));
      equal(
        disabled,
        allowed.map((isAllowed) => String(!isAllowed)),
      );
      const reasons = await found.evaluateAll((all) =>
        all.map((one) => one.getAttribute('aria-description')),
      );
      equal(
        reasons.map((reason) => reason === null),
        allowed,
      );
      if (who === 'owner') return;
      equal(reasons[2]?.includes('user.credential.write'), true);
      await found.nth(2).click({ force: true });
      await page.getByRole('status').getByText('user.credential.write').waitFor();
      if (who === 'viewer') await judgeEverywhere(tab, 'buttons that may not be pressed');
      equal(await page.getByRole('dialog').count(), 0);
      equal(tab.complaints, []);
    });
  }
}

/** Those who may do little. */
async function listsOfFew(world: World, userId: string): Promise<void> {
  const { check, tokens } = world;
  await check('viewer: the list has its buttons, and they say why they do nothing', async () => {
    await using tab = await world.open(tokens.viewer);
    const button = tab.page.locator('td.act button').first();
    equal(await button.getAttribute('aria-disabled'), 'true');
    equal((await button.getAttribute('aria-description'))?.includes('user.unlock'), true);
  });

  await check('nobody: sees nobody, and is told which role is missing', async () => {
    await using tab = await world.open(tokens.nobody);
    const { page } = tab;
    await page
      .locator('main')
      .getByText(/You may not|Nobody is locked out/)
      .first()
      .waitFor();
    equal(await page.locator('tbody tr').count(), 0);
    await tab.go(`/console/users/${userId}`);
    await page
      .getByRole('alert')
      .getByText(/could not be found|You may not/)
      .waitFor();
    await tab.go('/console/about');
    await page.getByText('None: you may read nothing here').waitFor();
    await tab.go('/console/policy');
    await page.getByText('policy.read').waitFor();
    await tab.go('/console/waves');
    await page.getByText('You may not').first().waitFor();
  });

  await check('an unlocker does not see who is locked elsewhere, by search or address', async () => {
    await using tab = await world.open(tokens.unlocker);
    await tab.page.keyboard.press('/');
    await tab.page.keyboard.type('hidden');
    await tab.page.keyboard.press('Enter');
    await tab.page.getByText('Nobody found').waitFor();
  });
}

/** Whoever is signed out in the middle of it. */
async function endedSession(world: World, userId: string): Promise<void> {
  const { check, tokens } = world;
  await check('a session that has ended elsewhere ends here, and the place is kept', async () => {
    const owner = await world.people.user({ organization: 'acme', kind: 'machine' });
    await world.people.grant(owner, 'IAM_OWNER');
    await using tab = await world.open(await world.people.token(owner));
    await tab.go(`/console/users/${userId}`);
    await world.people.act(owner, 'lock');
    await tab.page.getByText('Your session is over').waitFor();
    equal(new URL(tab.page.url()).pathname, `/console/users/${userId}`);
    await judgeEverywhere(tab, 'a session that is over');
    await tab.page.getByLabel('Your token').fill(tokens.owner);
    await tab.page.keyboard.press('Enter');
    await tab.page.getByRole('heading', { name: 'Can they sign in?' }).waitFor();
  });
}
