import type { Page } from 'playwright-core';
import { judgeEverywhere } from './judge.ts';
import { lockedPerson, type World } from './world.ts';

/** Every step of every dialog: what only comes about where somebody goes on. */
export async function dialogCases(world: World): Promise<void> {
  const { check, tokens } = world;
  const send = (page: Page, name: string) =>
    page.getByRole('dialog').getByRole('button', { name, exact: true });

  await check('the steps behind an unlock: no barrier', async () => {
    await using tab = await world.open(tokens.owner);
    const { page } = tab;
    for (const [next, verb, done] of [
      ['Set a password', 'Set the password', 'The password is set'],
      ['Make a reset code', 'Make a code', 'Read them this code'],
    ] as const) {
      await tab.go(`/console/users/${await lockedPerson(world, `behind-${verb.length}`)}`);
      await page.getByRole('button', { name: 'Unlock', exact: true }).click();
      await page.getByLabel('Reason').fill('called back');
      await send(page, 'Unlock').click();
      await page.getByText('is unlocked').waitFor();
      await judgeEverywhere(tab, 'unlocked');
      await send(page, next).click();
      await send(page, verb).waitFor();
      await judgeEverywhere(tab, next);
      if (verb === 'Set the password') await page.getByLabel('New password').fill('a long new Password 1!');
      await send(page, verb).click();
      await page.getByText(done).waitFor();
      await judgeEverywhere(tab, done);
    }
  });

  await check('overtaken, and cut off: no barrier', async () => {
    await using tab = await world.open(tokens.owner);
    const { page } = tab;
    const userId = await lockedPerson(world, 'overtaken');
    await tab.go(`/console/users/${userId}`);
    await page.getByRole('button', { name: 'Unlock', exact: true }).click();
    await page.getByLabel('Reason').fill('race');
    await world.people.act(userId, 'unlock');
    await send(page, 'Unlock').click();
    await page.getByText('You changed nothing').waitFor();
    await judgeEverywhere(tab, 'overtaken');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Set a password' }).click();
    await page.getByLabel('New password').fill('a long new Password 1!');
    await page.route('**/SetPassword', (route) => route.abort());
    await send(page, 'Set the password').click();
    await page.getByRole('dialog').getByRole('alert').waitFor();
    await judgeEverywhere(tab, 'a password that did not get there');
  });
}
