import { systemCaller } from '../../../src/auth/caller.ts';
import { createUser } from '../../../src/commands/create-user.ts';
import { parseOrganizationId, parseUserId } from '../../../src/domain/ids.ts';
import { equal, type World } from './world.ts';

const hostile = {
  script: '<script>document.title="pwned"</script>',
  image: '<img src=x onerror=alert(1)>',
  arabic: 'محمد العربي',
  override: 'Anna \u202Etxet\u202C Berg',
  long: 'W'.repeat(190),
  spaced: 'A long name of many words '.repeat(7).trim(),
};

/** Whatever people are called, it is text, and stays in its place. */
export async function nameCases(world: World): Promise<void> {
  const { check, tokens, app, people } = world;
  for (const [userName, displayName] of Object.entries(hostile)) {
    const email = { email: `${userName}@mail.example`, emailVerified: true };
    await createUser(app, systemCaller('operator'), {
      organization: { organizationId: parseOrganizationId('acme') },
      userId: parseUserId(`id-${userName}`),
      userName,
      profile: { kind: 'human', givenName: 'Given', familyName: 'Family', displayName, ...email },
      password: {
        hash: '$2b$04$cNL8kd2qcuo1YAEbacpbAOFlyJrZqmq.VpOOL6PhoQz.DXcl1ct3W',
        changeRequired: false,
      },
    });
    await people.act(`id-${userName}`, 'lock');
  }

  for (const width of [1280, 320]) {
    await check(`hostile names at ${width} pixels: text, whole, and nothing sticks out`, async () => {
      await using tab = await world.open(tokens.owner, { viewport: { width, height: 800 } });
      const { page } = tab;
      await page.locator('tbody tr').first().waitFor();
      const shown = await page.locator('tbody th .name a').allTextContents();
      equal([...shown].sort(), Object.values(hostile).sort());
      for (const path of [
        '/console/',
        '/console/users/id-long',
        '/console/users/id-script',
        '/console/search?q=id-',
      ]) {
        await tab.go(path);
        await page.waitForTimeout(200);
        equal(
          [path, await page.evaluate('document.documentElement.scrollWidth <= innerWidth')],
          [path, true],
        );
      }
      await tab.go('/console/users/id-long');
      await page.getByRole('button', { name: 'Unlock', exact: true }).click();
      await page.getByRole('dialog').waitFor();
      const dialog = 'document.querySelector("dialog")';
      equal(await page.evaluate(`${dialog}.scrollWidth <= ${dialog}.clientWidth`), true);
      equal((await page.title()).includes('pwned'), false);
      equal(tab.complaints, []);
    });
  }

  await check('found by name, login name, e-mail address and id', async () => {
    await using tab = await world.open(tokens.owner);
    for (const text of ['العربي', 'arabic@acme', 'arabic@mail.example', 'id-arabic']) {
      await tab.go(`/console/search?q=${encodeURIComponent(text)}`);
      await tab.page.getByText('One person found.').waitFor();
      await tab.page.getByText('Locked', { exact: true }).waitFor();
    }
  });
}
