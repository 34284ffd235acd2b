import type { Page } from 'playwright-core';
import { judgeEverywhere } from './judge.ts';
import { equal, lockedPerson, signIn, type World } from './world.ts';

const minuteMs = 60_000;

/** Who is signed in, and for how long: whatever clocks, other tabs and slow screens do. */
export async function sessionCases(world: World): Promise<void> {
  await lateFrames(world);
  await clocks(world);
  await otherTabs(world);
  await anotherPerson(world);
  await elsewhere(world);
}

/** A machine so slow that half a second passes before anything that waits for a frame. */
const slowFrames = `
  const later = setTimeout;
  globalThis.setTimeout = (work, ms = 0, ...rest) => later(work, ms <= 100 ? 500 : ms, ...rest);
  globalThis.requestAnimationFrame = (work) => later(() => work(performance.now()), 500);
`;

/** What comes before the next frame. */
async function lateFrames(world: World): Promise<void> {
  const { check, tokens } = world;

  await check('an answer that comes before the first frame is not missed', async () => {
    await using tab = await world.open(undefined);
    await tab.page.addInitScript(slowFrames);
    await tab.page.reload();
    await tab.page.getByLabel('Your token').waitFor();
  });

  await check(
    'whoever has nothing but a keyboard types a token at once, first and where a session is over',
    async () => {
      await using tab = await world.open(undefined);
      const { page } = tab;
      const typeToken = async () => {
        await page.getByLabel('Your token').waitFor();
        await page.keyboard.type(tokens.owner);
        await page.keyboard.press('Enter');
        await page.getByRole('button', { name: 'Sign out' }).waitFor();
      };
      await typeToken();
      await page.getByRole('searchbox').first().waitFor();
      await tab.context.clearCookies();
      // The next that the screen asks for says so.
      await page.keyboard.press('/');
      await page.keyboard.type('ugo');
      await page.keyboard.press('Enter');
      await page.getByText('Your session is over').waitFor();
      const describedBy = await page.getByLabel('Your token').getAttribute('aria-describedby');
      equal(describedBy?.split(' '), ['over', 'token-hint']);
      await typeToken();
    },
  );

  await check('who types before the next frame is heard, in a new dialog and by the search box', async () => {
    await lockedPerson(world, 'ugo');
    await using tab = await world.open(undefined);
    const { page } = tab;
    await page.addInitScript(slowFrames);
    await page.reload();
    await signIn(page, tokens.owner);
    await page.keyboard.press('/');
    await page.keyboard.type('ugo');
    equal(await page.getByRole('searchbox').first().inputValue(), 'ugo');
    await page.locator('td.act button').first().focus();
    await page.keyboard.press('Enter');
    await page.keyboard.type('at once');
    equal(await page.getByLabel('Reason').inputValue(), 'at once');
  });
}

/** Signed in, on a machine whose clocks the test moves. */
async function openClocked(world: World) {
  const tab = await world.open(undefined);
  const { page } = tab;
  await page.clock.install();
  await page.reload();
  await signIn(page, world.tokens.owner);
  await page.locator('tbody tr').first().waitFor();
  const pass = async (minutes: number) => {
    world.advance(minutes * minuteMs);
    await page.clock.fastForward(minutes * minuteMs);
  };
  return { tab, page, pass };
}

/** A key is pressed, and what the server says to it is taken in. */
async function work(page: Page): Promise<void> {
  const isTakenIn = page.waitForResponse((answer) => answer.url().endsWith('/GetCaller'));
  await page.keyboard.press('Shift');
  await isTakenIn;
}

/** This machine's clocks are no good. */
async function clocks(world: World): Promise<void> {
  const { check } = world;

  await check('a machine that sleeps during a renewal knows when the session ends', async () => {
    const { tab, page, pass } = await openClocked(world);
    await using _ = tab;
    // Where no stream brings the server's time.
    await tab.go('/console/about');
    await page.getByRole('heading', { name: 'Your roles' }).waitFor();
    await pass(2);
    // Such a limit counts the time awake, which the clock of the test does not know (DOM, "AbortSignal.timeout").
    await page.evaluate('void (AbortSignal.timeout = () => new AbortController().signal)');
    await page.route('**/session/renew', async (route) => {
      const response = await route.fetch();
      await pass(20);
      await route.fulfill({ response });
    });
    await work(page);
    await page.getByText(/^(9|10) minutes/).waitFor();
    equal(await page.getByText('You will be signed out in').count(), 0);
    await pass(9);
    await page.getByText('You will be signed out in').waitFor();
    await judgeEverywhere(tab, 'a session that is about to end');
    await pass(2);
    await page.getByText('Your session is over').waitFor();
  });

  await check('a clock that is set back ends the session of nobody who works', async () => {
    const { tab, page, pass } = await openClocked(world);
    await using _ = tab;
    await page.clock.setSystemTime(Date.now() - 600 * minuteMs);
    for (let half = 0; half < 2; half += 1) {
      await pass(20);
      await work(page);
    }
    equal(await page.getByText('You will be signed out in').count(), 0);
    await tab.go('/console/about');
    await page.getByText(/29 minutes|30 minutes/).waitFor();
  });
}

/** One browser, one session. */
async function otherTabs(world: World): Promise<void> {
  const { check, tokens } = world;

  await check('who works in one tab stays signed in in the others; who signs out does in all', async () => {
    const { tab, page, pass } = await openClocked(world);
    await using _ = tab;
    const other = await tab.context.newPage();
    await other.goto(`${world.url}/console/about`);
    await other.getByRole('heading', { name: 'Your roles' }).waitFor();
    for (let half = 0; half < 2; half += 1) {
      await pass(20);
      await work(page);
    }
    await other.getByText(/29 minutes|30 minutes/).waitFor();
    equal(await other.getByText('Your session is over').count(), 0);
    await other.getByRole('button', { name: 'Sign out' }).click();
    for (const each of [other, page]) await each.getByLabel('Your token').waitFor();
    equal(await page.locator('tbody tr').count(), 0);
  });

  await check('a renewal under way does not bring back who signs out', async () => {
    await using tab = await world.open(tokens.owner);
    const { page } = tab;
    await page.clock.install();
    const [asked, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await page.route('**/session/renew', async (route) => {
      const response = await route.fetch();
      asked.resolve();
      await answered.promise;
      await route.fulfill({ response });
    });
    await page.clock.fastForward(2 * minuteMs);
    await page.keyboard.press('Shift');
    await asked.promise;
    await page.getByRole('button', { name: 'Sign out' }).click();
    // Long enough for a sign-out that waits for nobody.
    await page.waitForTimeout(500);
    answered.resolve();
    await page.getByLabel('Your token').waitFor();
    equal(await tab.context.cookies(), []);
  });
}

const nameOn = (page: Page) => page.locator('header .me bdi').textContent();

/** Two tabs of one browser: in the first somebody is in the middle of an unlock, in the second somebody else may sign in. */
async function openShared(world: World, name: string) {
  const { tokens } = world;
  await lockedPerson(world, name);
  const tab = await world.open(undefined);
  const { page, context } = tab;
  const other = await context.newPage();
  await other.goto(`${world.url}/console/`);
  await other.getByLabel('Your token').waitFor();
  await page.clock.install();
  await page.reload();
  await signIn(page, tokens.owner);
  await page
    .locator('tr', { hasText: `${name}@acme` })
    .getByRole('button')
    .click();
  await page.getByLabel('Reason').fill('begun by the first');
  return { tab, page, other, before: await nameOn(page) };
}

/** The first tab is the second one's too, and holds nothing of what was begun in it. */
async function isTheirs(page: Page, other: Page, before: string | null): Promise<void> {
  const name = (await nameOn(other)) ?? '';
  equal(name === before, false);
  await page.locator('header .me', { hasText: name }).waitFor();
  equal(await page.getByRole('dialog').count(), 0);
}

/** Somebody signs in where somebody else is. */
async function anotherPerson(world: World): Promise<void> {
  const { check, tokens } = world;

  await check('who signs in is in all tabs at once, and nobody goes on there in their name', async () => {
    const { tab, page, other, before } = await openShared(world, 'vera');
    await using _ = tab;
    await signIn(other, tokens.unlocker);
    await isTheirs(page, other, before);
  });

  // As where the other tab was closed in the middle, or this one slept.
  for (const [when, look] of [
    [
      'comes into sight',
      (page: Page) => page.evaluate("document.dispatchEvent(new Event('visibilitychange'))"),
    ],
    [
      'renews its session',
      (page: Page) => page.clock.fastForward(2 * minuteMs).then(() => page.keyboard.press('Shift')),
    ],
  ] as const) {
    await check(`a tab that has heard nothing notices who signed in when it ${when}`, async () => {
      const { tab, page, other, before } = await openShared(world, `wim-${when.slice(0, 3)}`);
      await using _ = tab;
      await other.evaluate('void (BroadcastChannel.prototype.postMessage = () => undefined)');
      await signIn(other, tokens.unlocker);
      equal(await nameOn(page), before);
      await look(page);
      await isTheirs(page, other, before);
    });
  }

  await check('a tab that comes into sight and is still theirs stays as it is', async () => {
    const { tab, page, before } = await openShared(world, 'xenia');
    await using _ = tab;
    const isTakenIn = page.waitForResponse((answer) => answer.url().endsWith('/GetCaller'));
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
    await (await isTakenIn).finished();
    equal([await nameOn(page), await page.getByLabel('Reason').inputValue()], [before, 'begun by the first']);
  });
}

/** Where a token would be read on its way. */
async function elsewhere(world: World): Promise<void> {
  await world.check('an unencrypted page of another machine says why nobody signs in there', async () => {
    await using tab = await world.open(undefined);
    const { page } = tab;
    await page.goto(`${world.url.replace('127.0.0.1', 'lock.example')}/console/`);
    await page.getByLabel('Your token').fill(world.tokens.owner);
    await page.keyboard.press('Enter');
    await page.getByText('serve it with --tls-cert').waitFor();
    equal(await tab.context.cookies(), []);
  });

  await world.check('a server that cannot be reached: no barrier, and another try', async () => {
    await using tab = await world.open(undefined);
    const { page } = tab;
    // Nor is what it says in an answer that is no success taken for its time.
    await page.route('**/console/session', (route) => route.fulfill({ status: 503, json: { code: 'busy' } }));
    await page.reload();
    await page.getByText('The server cannot be reached.').waitFor();
    await page.route('**/console/session', (route) => route.abort());
    await page.reload();
    await page.getByText('The server cannot be reached.').waitFor();
    await judgeEverywhere(tab, 'a server that cannot be reached');
    await page.unroute('**/console/session');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByLabel('Your token').waitFor();
  });
}
