import { readFile } from 'node:fs/promises';
import { judgeEverywhere } from './judge.ts';
import { equal, lockedPerson, type World } from './world.ts';

/** Many at once: counted, unlocked, looked at, taken back. */
export async function waveCases(world: World): Promise<void> {
  const { check, tokens } = world;
  for (const name of ['una', 'vera', 'wim']) await lockedPerson(world, name);

  await check('a wave is counted, unlocked by typing its number, downloaded, and taken back', async () => {
    await using tab = await world.open(tokens.owner);
    const { page } = tab;
    await page.getByRole('link', { name: 'Waves' }).click();
    await page.getByRole('heading', { name: '3 locks' }).waitFor();
    equal(await page.getByRole('button', { name: 'Cancel' }).count(), 0);
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
    // By name, where the record has an id.
    await page.getByRole('region', { name: 'Done' }).getByText('Machine', { exact: true }).waitFor();
    await judgeEverywhere(tab, 'run');
    const downloading = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download' }).click();
    const lines = (await readFile(await (await downloading).path(), 'utf8')).trim().split('\r\n');
    equal([lines.length, lines[0]], [4, 'user_id,login_name,organization_id,outcome,why']);
    equal(lines.filter((line) => line.includes(',Unlocked,')).length, 3);
    await page.getByRole('button', { name: 'Take it back' }).click();
    await judgeEverywhere(tab, 'the dialog that takes a run back');
    await page.getByRole('dialog').getByLabel('Reason').fill('it was an attack');
    await page.getByRole('button', { name: 'Lock them again' }).click();
    await page.getByRole('heading', { name: 'A run taken back' }).waitFor();
    await page.getByRole('heading', { name: 'Done' }).waitFor();
    await page.getByRole('link', { name: 'Locked now' }).click();
    await page.getByText('3 people are locked out.').waitFor();
    equal(tab.complaints, []);
  });

  await byRole(world);
}

async function byRole(world: World): Promise<void> {
  const { check, tokens } = world;

  await check('the buttons of a run, by what one may', async () => {
    const answer = await fetch(`${world.url}/latchkey.v1.UnlockRunService/ListUnlockRuns`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokens.owner}`, 'content-type': 'application/json' },
      body: '{}',
    });
    const { runs } = (await answer.json()) as { runs: { runId: string }[] };
    for (const [who, allowed] of [
      ['owner', [false, true]],
      ['unlocker', [false, false]],
      ['viewer', [false, false]],
    ] as const) {
      await using tab = await world.open(tokens[who]);
      await tab.go(`/console/waves/${runs.at(-1)?.runId}`);
      const buttons = tab.page.locator('main > .buttons > button[aria-disabled]');
      await buttons.first().waitFor();
      const found = await buttons.evaluateAll((all) => all.map((one) => one.getAttribute('aria-disabled')));
      equal([who, ...found], [who, ...allowed.map((isAllowed) => String(!isAllowed))]);
      const why = await buttons.evaluateAll((all) =>
        all.map((one) => one.getAttribute('aria-description') ?? ''),
      );
      if (who === 'unlocker') equal([why[0], why[1]?.includes('user.write')], ['It has ended.', true]);
      if (who === 'viewer')
        equal([why[0]?.includes('user.unlock'), why[1]?.includes('user.write')], [true, true]);
    }
  });

  await check('a viewer counts it, and is told why there is no way on', async () => {
    await using tab = await world.open(tokens.viewer);
    await tab.go('/console/waves');
    await tab.page.getByText('user.unlock, which you do not have').waitFor();
    equal(await tab.page.getByLabel('Type the number').count(), 0);
  });
}
