import { systemCaller } from '../../../src/auth/caller.ts';
import { createUser } from '../../../src/commands/create-user.ts';
import { lockUser } from '../../../src/commands/lock-user.ts';
import { createOrganization } from '../../../src/commands/organizations.ts';
import { parseOrganizationId, parseUserId } from '../../../src/domain/ids.ts';
import { buttonsBroken } from './judge.ts';
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
        equal([path, await buttonsBroken(page)], [path, []]);
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

  await hostileWords(world);
  await whoLocked(world);
}

async function whoLocked(world: World): Promise<void> {
  const { check, tokens, people } = world;
  await check('whoever locked has a name in the sentence that says so', async () => {
    const userId = await people.user({ organization: 'acme', userName: 'yara' });
    const headers = { authorization: `Bearer ${tokens.owner}`, 'content-type': 'application/json' };
    await fetch(`${world.url}/v2/users/${userId}/lock`, { method: 'POST', headers, body: '{}' });
    await using tab = await world.open(tokens.owner);
    await tab.go(`/console/users/${userId}`);
    const text = /The user is locked by an administrator, [a-z][^,]*, since \d+ \w+ \d{4}/i;
    await tab.page.locator('.summary', { hasText: text }).waitFor();
    equal(tab.complaints, []);
  });

  await check('nobody is named for what was done before they were made', async () => {
    const gone = await people.user({ organization: 'acme', userName: 'gone', kind: 'machine' });
    await people.grant(gone, 'IAM_USER_MANAGER');
    const userId = await people.user({ organization: 'acme', userName: 'yves' });
    const headers = {
      authorization: `Bearer ${await people.token(gone)}`,
      'content-type': 'application/json',
    };
    await fetch(`${world.url}/v2/users/${userId}/lock`, { method: 'POST', headers, body: '{}' });
    await people.act(gone, 'delete');
    const again = { organization: 'acme', userId: gone, userName: 'innocent', kind: 'machine' } as const;
    await people.user(again);
    await using tab = await world.open(tokens.owner);
    const { page } = tab;
    for (const [path, place] of [
      ['', page.locator('tr', { hasText: 'yves' })],
      [`users/${userId}`, page.locator('main')],
    ] as const) {
      await tab.go(`/console/${path}`);
      await place.getByText(gone).first().waitFor();
      // Names are looked up a moment later.
      await page.waitForTimeout(500);
      equal([path, (await place.textContent())?.includes('Machine')], [path, false]);
    }
    await tab.go(`/console/users/${gone}`);
    await page.getByText('Machine').first().waitFor();
    equal(tab.complaints, []);
  });
}

const looksMax = 100;
/** With a time, which stays as it was typed. */
const marked = '<b>bold</b> 2031-01-30T12:00:00Z';
const words = `<img src=x onerror=document.title=1>${marked}"'\`$1\u202E`;

/** Not the names of people alone: what an organization is called, why somebody was locked, what is typed into the address. */
async function hostileWords(world: World): Promise<void> {
  const { check, tokens, app, people } = world;
  const operator = systemCaller('operator');
  await createOrganization(app, operator, { name: words, organizationId: 'words', domain: 'words.example' });
  const userId = await people.user({ organization: 'words', userName: 'wanda' });
  const order = { userId: parseUserId(userId), requestId: '', validateOnly: false, until: undefined };
  await lockUser(app, operator, { ...order, reason: words });

  await check('hostile reasons, organizations and addresses are text everywhere', async () => {
    await using tab = await world.open(tokens.owner);
    const { page } = tab;
    const asked = encodeURIComponent(words);
    for (const [path, times] of [
      ['', 3],
      [`?org=${asked}`, 1],
      [`users/${userId}`, 3],
      [`users/${asked}`, 0],
      [`search?q=${asked}`, 1],
      [`waves?reason=${asked}`, 1],
      [`waves/${asked}`, 0],
      ['policy', 0],
    ] as const) {
      await tab.go(`/console/${path}`);
      let shown = 0;
      for (let look = 0; look < looksMax && (look === 0 || shown < times); look += 1) {
        await page.waitForTimeout(200);
        shown = ((await page.locator('main').textContent()) ?? '').split(marked).length - 1;
      }
      equal([path, shown >= times], [path, true]);
      equal([path, await page.locator('main b, main img, main script').count()], [path, 0]);
    }
    equal((await page.title()).endsWith('Latchkey'), true);
    equal(tab.complaints, []);
  });
}
