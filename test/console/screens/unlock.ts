import type { Page } from 'playwright-core';
import { equal, lockedPerson, type World } from './world.ts';

const rowOf = (page: Page, userName: string) => page.locator('tr', { hasText: `${userName}@acme.example` });

/** The newest event of somebody, as the log has it. */
async function newest(world: World, userId: string) {
  const events = await world.app.store.listEvents({ afterPosition: 0, limit: 1_000 });
  return events.filter((event) => event.userId === userId).at(-1);
}

/** From the list to the unlocked person. */
export async function unlockCases(world: World): Promise<void> {
  await oneUnlock(world);
  await byKeyboard(world);
  await onThePhone(world);
  await onceOnly(world);
  await ofAnApplication(world);
  await lockAndPassword(world);
  await longHistory(world);
}

/** With all that the record asks for, and not without a reason. */
async function oneUnlock(world: World): Promise<void> {
  const { check, tokens } = world;

  await check('who has never seen it unlocks somebody, with reason, ticket and identification', async () => {
    const userId = await lockedPerson(world, 'ada');
    await using tab = await world.open(tokens.unlocker);
    const { page } = tab;
    await rowOf(page, 'ada').getByRole('button').click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Reason').fill('came back from leave');
    await dialog.getByLabel('Ticket').fill('4711');
    await dialog.getByLabel('ID shown').check();
    await dialog.getByRole('button', { name: 'Unlock', exact: true }).click();
    await dialog.getByText('is unlocked').waitFor();
    const event = await newest(world, userId);
    equal(event?.type, 'user.unlocked');
    equal(event?.meta.reason, 'came back from leave');
    equal([event?.payload.ticket, event?.payload.identification], ['4711', 'ID shown']);
    equal(typeof event?.payload.requestId, 'string');
    equal(tab.complaints, []);
  });

  await check('nobody is unlocked without a reason', async () => {
    const userId = await lockedPerson(world, 'ben');
    await using tab = await world.open(tokens.unlocker);
    await rowOf(tab.page, 'ben').getByRole('button').click();
    await tab.page.getByRole('dialog').getByRole('button', { name: 'Unlock', exact: true }).click();
    equal(await tab.page.evaluate('document.activeElement.name'), 'reason');
    equal((await newest(world, userId))?.type, 'user.locked');
  });
}

/** Without a mouse. */
async function byKeyboard(world: World): Promise<void> {
  const { check, tokens } = world;

  await check('by the keyboard alone, and the focus comes back to the row', async () => {
    const userId = await lockedPerson(world, 'cleo');
    await using tab = await world.open(tokens.unlocker);
    const { keyboard } = tab.page;
    await rowOf(tab.page, 'cleo').waitFor();
    for (let presses = 0; presses < 40; presses += 1) {
      await keyboard.press('Tab');
      const label = await tab.page.evaluate('document.activeElement.getAttribute("aria-label")');
      // Everybody here is called alike: the newest stands first.
      if (String(label).startsWith('Unlock')) break;
    }
    await keyboard.press('Enter');
    await keyboard.type('keyboard');
    for (const key of ['Tab', 'Tab', 'Space', 'Tab', 'Enter']) await keyboard.press(key);
    await tab.page.getByText('is unlocked').waitFor();
    await keyboard.press('Escape');
    await tab.page.waitForFunction(`document.activeElement.id === "row-${userId}"`);
    const event = await newest(world, userId);
    equal([event?.type, event?.meta.reason], ['user.unlocked', 'keyboard']);
  });
}

/** With somebody on the phone, who says their name: from the search box on, without a mouse. */
async function onThePhone(world: World): Promise<void> {
  const { check, tokens } = world;

  await check('a caller is found, unlocked and given a code, by the keyboard alone', async () => {
    const userId = await lockedPerson(world, 'phil');
    await using tab = await world.open(tokens.owner);
    const { page } = tab;
    const { keyboard } = page;
    const focused = () => page.evaluate<string>('document.activeElement.textContent.trim()');
    const tabTo = async (text: string) => {
      for (let presses = 0; presses < 40 && (await focused()) !== text; presses += 1)
        await keyboard.press('Tab');
      equal(await focused(), text);
    };
    await keyboard.press('/');
    await keyboard.type('phil');
    await keyboard.press('Enter');
    await page.getByText('One person found.').waitFor();
    await tabTo('Given Family');
    await keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Can they sign in?' }).waitFor();
    equal(await page.evaluate('document.activeElement.tagName'), 'H1');
    await tabTo('Unlock');
    await keyboard.press('Enter');
    await keyboard.type('called, knows the badge number');
    await keyboard.press('Enter');
    for (const key of ['Tab', 'Tab', 'Space', 'Tab', 'Enter']) await keyboard.press(key);
    await page.getByText('is unlocked').waitFor();
    await tabTo('Make a reset code');
    await keyboard.press('Enter');
    await tabTo('Make a code');
    await keyboard.press('Enter');
    await page.locator('code.big').waitFor();
    await keyboard.press('Escape');
    await page.waitForFunction('document.activeElement.textContent === "Unlock"');
    equal((await newest(world, userId))?.type, 'user.human.password.code.added');
    equal(tab.complaints, []);
  });
}

/** Pressed twice, and by two. */
async function onceOnly(world: World): Promise<void> {
  const { check, tokens } = world;

  await check('a double click is one unlock', async () => {
    const userId = await lockedPerson(world, 'dan');
    await using tab = await world.open(tokens.unlocker);
    await rowOf(tab.page, 'dan').getByRole('button').click();
    await tab.page.getByLabel('Reason').fill('twice');
    await tab.page.getByRole('dialog').getByRole('button', { name: 'Unlock', exact: true }).dblclick();
    await tab.page.getByText('is unlocked').waitFor();
    const events = await world.app.store.listEvents({ afterPosition: 0, limit: 1_000 });
    equal(events.filter((event) => event.userId === userId && event.type === 'user.unlocked').length, 1);
    const bodies = tab.sent.filter(({ path }) => path.endsWith('/UnlockUser')).map(({ body }) => body);
    equal(new Set(bodies).size, 1);
    equal(bodies[0]?.includes('expectedGeneration'), true);
  });

  await check('of two browsers one wins, and the other is told by whom', async () => {
    await lockedPerson(world, 'eve');
    await using first = await world.open(tokens.owner);
    await using second = await world.open(tokens.unlocker);
    for (const { page } of [first, second]) {
      await rowOf(page, 'eve').getByRole('button').click();
      await page.getByLabel('Reason').fill('race');
    }
    await first.page.getByLabel('Ticket').fill('9');
    for (const { page } of [first, second]) {
      await page.getByRole('dialog').getByRole('button', { name: 'Unlock', exact: true }).click();
      await page.getByText(page === first.page ? 'is unlocked' : 'You changed nothing').waitFor();
    }
    const told = await second.page.getByText('You changed nothing').textContent();
    // A login name is written as it is, also where a sentence begins.
    if (!/^desk@acme\.example unlocked them \d+ seconds? ago .*, ticket 9\./.test(told ?? '')) {
      throw new Error(`told: ${told}`);
    }
  });
}

/** Whose password an application keeps. */
async function ofAnApplication(world: World): Promise<void> {
  const { check, tokens } = world;
  await check('who has their password elsewhere is unlocked, and offered none here', async () => {
    const ask = async (path: string, body: object) => {
      const headers = { authorization: `Bearer ${tokens.owner}`, 'content-type': 'application/json' };
      const answer = await fetch(world.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
      equal(answer.status, 200);
    };
    await ask('/latchkey/v1/attempts', { externalId: 'customer-7', createMissing: true });
    const events = await world.app.store.listEvents({ afterPosition: 0, limit: 1_000 });
    const userId = events.findLast(({ type }) => type === 'user.external.added')?.userId ?? '';
    await ask(`/v2/users/${userId}/lock`, {});
    await using tab = await world.open(tokens.owner);
    await tab.go(`/console/users/${userId}`);
    const { page } = tab;
    await page.getByRole('heading', { name: 'customer-7' }).waitFor();
    await page.getByRole('button', { name: 'Unlock' }).click();
    const dialog = page.getByRole('dialog', { name: 'Unlock customer-7' });
    equal(await dialog.locator('dt:text("External id") + dd').textContent(), 'customer-7');
    await dialog.getByLabel('Reason').fill('called');
    await dialog.getByRole('button', { name: 'Unlock', exact: true }).click();
    await dialog.getByText('is unlocked').waitFor();
    for (const name of ['Set a password', 'Make a reset code']) {
      const button = dialog.getByRole('button', { name });
      equal(await button.getAttribute('aria-disabled'), 'true');
      equal(
        await button.getAttribute('aria-description'),
        'An application keeps their password: it is set there.',
      );
    }
    equal(tab.complaints, []);
  });
}

/** What stands beside it. */
async function lockAndPassword(world: World): Promise<void> {
  const { check, tokens } = world;

  await check('somebody is locked for an hour, gets a password, and a code', async () => {
    const userId = await world.people.user({ organization: 'acme', userName: 'finn' });
    await using tab = await world.open(tokens.owner);
    const { page } = tab;
    await tab.go(`/console/users/${userId}`);
    await page.getByRole('button', { name: 'Lock', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('For an hour').check();
    await dialog.getByLabel('Reason').fill('laptop lost');
    await dialog.getByRole('button', { name: 'Lock', exact: true }).click();
    await page.getByRole('heading', { name: 'The lock' }).waitFor();
    await page
      .getByText(/5\d minutes 5?\d seconds left/)
      .first()
      .waitFor();
    await page.getByRole('button', { name: 'Set a password' }).click();
    await dialog.getByLabel('New password').fill('a long new Password 1!');
    await dialog.getByRole('button', { name: 'Set the password' }).click();
    await dialog.getByText('The password is set').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Make a reset code' }).click();
    await dialog.getByRole('button', { name: 'Make a code' }).click();
    await dialog.locator('code.big').waitFor();
    equal((await dialog.locator('code.big').textContent())?.length !== 0, true);
    equal(tab.complaints, []);
  });
}

/** A page of it has twenty events. */
async function longHistory({ check, people, open, tokens }: World): Promise<void> {
  await check('what is older is shown once, however often it is asked for', async () => {
    const userId = await people.user({ organization: 'acme', userName: 'often' });
    const turns = 12;
    for (let turn = 0; turn < turns; turn += 1) {
      await people.act(userId, 'lock');
      await people.act(userId, 'unlock');
    }
    await using tab = await open(tokens.owner);
    const { page } = tab;
    await tab.go(`/console/users/${userId}`);
    const older = page.getByRole('button', { name: 'Older' });
    await older.waitFor();
    let answers = 0;
    page.on('requestfinished', (request) => {
      if (request.url().endsWith('/ListUserHistory')) answers += 1;
    });
    await older.evaluate((button: { click(): void }) => {
      button.click();
      button.click();
    });
    while (answers < 2) await page.waitForTimeout(20);
    await older.waitFor({ state: 'hidden' });
    equal(await page.locator('.timeline li').count(), 2 * turns + 1);
  });
}
