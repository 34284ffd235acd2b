import { readFile } from 'node:fs/promises';
import { judge } from './appearance.ts';
import { equal, lockedPerson, type Tab, type World } from './world.ts';

/** Many at once: counted, unlocked, looked at, taken back. */
export async function waveCases(world: World): Promise<void> {
  const { check, tokens } = world;
  for (const name of ['una', 'vera', 'wim']) await lockedPerson(world, name);

  await check('a wave is counted, unlocked by typing its number, downloaded, and taken back', async () => {
    await using tab = await world.open(tokens.owner);
    const { page } = tab;
    await page.getByRole('link', { name: 'Waves' }).click();
    await page.getByRole('heading', { name: '3 locks' }).waitFor();
    await page.getByLabel('Reason').fill('a faulty rule');
    await page.getByLabel('Type the number').fill('2');
    await page.getByRole('button', { name: 'Unlock 3' }).click();
    // Not the number: the browser says so, and nothing is sent.
    equal(
      tab.sent.some(({ path }) => path.endsWith('/StartUnlockRun')),
      false,
    );
    await page.getByLabel('Type the number').fill('3');
    await page.getByRole('button', { name: 'Unlock 3' }).click();
    await page.getByRole('heading', { name: 'Done' }).waitFor();
    await page.getByText('3 of 3').waitFor();
    equal(await page.locator('tbody tr').count(), 3);
    await judgeEverywhere(tab);
    const downloading = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download' }).click();
    const lines = (await readFile(await (await downloading).path(), 'utf8')).trim().split('\r\n');
    equal([lines.length, lines[0]], [4, 'user_id,login_name,organization_id,outcome,why']);
    equal(lines.filter((line) => line.includes(',Unlocked,')).length, 3);
    await page.getByRole('button', { name: 'Take it back' }).click();
    await page.getByRole('dialog').getByLabel('Reason').fill('it was an attack');
    await page.getByRole('button', { name: 'Lock them again' }).click();
    await page.getByRole('heading', { name: 'A run taken back' }).waitFor();
    await page.getByRole('heading', { name: 'Done' }).waitFor();
    await page.getByRole('link', { name: 'Locked now' }).click();
    await page.getByText('3 people are locked out.').waitFor();
    equal(tab.complaints, []);
  });

  await check('a viewer counts it, and is told why there is no way on', async () => {
    await using tab = await world.open(tokens.viewer);
    await tab.go('/console/waves');
    await tab.page.getByText('user.unlock, which you do not have').waitFor();
    equal(await tab.page.getByLabel('Type the number').count(), 0);
  });
}

/** A run cannot be furnished like the other screens: it is looked at where one has come about. */
async function judgeEverywhere(tab: Tab): Promise<void> {
  const { page } = tab;
  for (const media of [
    { colorScheme: 'dark' },
    { forcedColors: 'active' },
    { forcedColors: 'none' },
  ] as const) {
    await page.emulateMedia(media);
    await judge(tab, 'run', JSON.stringify(media));
  }
  await page.setViewportSize({ width: 320, height: 720 });
  await judge(tab, 'run', '320 pixels');
  await page.setViewportSize({ width: 1280, height: 800 });
}
