import { equal, lockedPerson, signIn, type World } from './world.ts';

const names = (texts: readonly string[]) => texts.map((text) => /(?:Family)?(\w+?)@acme/.exec(text)?.[1]);

/** What changes by itself, and what stays where it is. */
export async function liveCases(world: World): Promise<void> {
  const mia = await lockedPerson(world, 'mia');
  await comeAndGo(world);
  await oneStream(world);
  await outage(world, mia);
  await places(world);
  await longDay(world);
}

/** Rows that come and go. */
async function comeAndGo(world: World): Promise<void> {
  const { check, tokens, people } = world;
  await check('a lock appears by itself, its end strikes it through and leaves it in its place', async () => {
    await using tab = await world.open(tokens.owner);
    const { page } = tab;
    await page.locator('tbody tr').first().waitFor();
    const noah = await lockedPerson(world, 'noah');
    await page.locator('tr', { hasText: 'noah@acme' }).waitFor();
    equal(names(await page.locator('tbody tr').allTextContents()), ['noah', 'mia']);
    await page.locator('tr', { hasText: 'noah@acme' }).hover();
    await people.act(noah, 'unlock');
    await page.locator('tr.ended', { hasText: 'noah@acme' }).waitFor();
    await lockedPerson(world, 'olga');
    // While somebody points at the table, nothing moves in it.
    await page.getByRole('button', { name: 'Show a new lock' }).waitFor();
    equal(names(await page.locator('tbody tr').allTextContents()), ['noah', 'mia']);
    await page.getByRole('button', { name: 'Show a new lock' }).click();
    await page.locator('tr', { hasText: 'olga@acme' }).waitFor();
    equal(names(await page.locator('tbody tr').allTextContents()), ['olga', 'mia']);
    equal(tab.complaints, []);
  });
}

/** However many tabs. */
async function oneStream(world: World): Promise<void> {
  const { check, tokens } = world;
  await check('of three tabs one holds the stream, and all hear', async () => {
    await using tab = await world.open(tokens.owner);
    const pages = [tab.page, await tab.context.newPage(), await tab.context.newPage()];
    const streams: string[] = [];
    tab.context.on('request', (request) => {
      if (request.url().endsWith('/FollowLocks')) streams.push(request.url());
    });
    const followed = () => tab.sent.filter(({ path }) => path.endsWith('/FollowLocks')).length;
    for (let look = 0; look < 100 && followed() === 0; look += 1) await tab.page.waitForTimeout(100);
    const before = followed();
    for (const page of pages.slice(1)) {
      await page.goto(`${world.url}/console/`);
      await page.locator('tbody tr').first().waitFor();
    }
    await lockedPerson(world, 'pia');
    for (const page of pages) await page.locator('tr', { hasText: 'pia@acme' }).waitFor();
    // In a browser without windows all tabs count as visible: none gives the stream up.
    equal([before, streams.length], [1, 0]);
  });
}

/** What is missed is made up for. */
async function outage(world: World, mia: string): Promise<void> {
  const { check, tokens } = world;
  await check('the server stops and is back: what happened meanwhile is there', async () => {
    await using tab = await world.open(tokens.owner);
    const { page } = tab;
    await page.locator('tr', { hasText: 'mia@acme' }).waitFor();
    await world.stop();
    await page.getByText('The server does not answer').waitFor();
    await world.restart();
    const { createPeople } = await import('../../support/people.ts');
    const back = createPeople(world.app);
    await back.user({ organization: 'acme', userName: 'quinn', state: 'locked' });
    await page.locator('tr', { hasText: 'quinn@acme' }).waitFor({ timeout: 20_000 });
    equal(await page.getByText('The server does not answer').count(), 0);
    await back.act(mia, 'unlock');
    // The whole list was asked for anew, so whoever ended is gone from it or struck through.
    await page.locator('tr:not(.ended)', { hasText: 'mia@acme' }).waitFor({ state: 'detached' });
  });
}

/** Where one was. */
async function places(world: World): Promise<void> {
  const { check, tokens } = world;
  await check('reload and back keep the place', async () => {
    await using tab = await world.open(tokens.owner);
    const { page } = tab;
    await page.getByLabel('Cause').selectOption({ label: 'Too many wrong passwords' });
    await page.getByText('Nobody is locked out.').waitFor();
    await page.reload();
    await page.getByText('Nobody is locked out.').waitFor();
    equal(await page.getByLabel('Cause').inputValue(), '1');
    await page.getByRole('link', { name: 'Show all' }).click();
    await page.locator('tbody tr a').first().click();
    await page.getByRole('heading', { name: 'Can they sign in?' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Can they sign in?' }).waitFor();
    await page.goBack();
    await page.getByRole('heading', { name: 'Locked now' }).waitFor();
    await page.goBack();
    await page.getByText('Nobody is locked out.').waitFor();
    equal(await page.getByLabel('Cause').inputValue(), '1');
  });
}

const minuteMs = 60_000;

/** The stream was opened with a cookie that is long over, the session goes on. */
async function longDay(world: World): Promise<void> {
  const { check, tokens } = world;
  await check(
    'who works on stays signed in, and goes on hearing of locks; who does not is warned, then signed out',
    async () => {
      await using tab = await world.open(undefined);
      const { page } = tab;
      await page.clock.install();
      await page.reload();
      await signIn(page, tokens.owner);
      await page.locator('tbody tr').first().waitFor();
      const pass = async (minutes: number) => {
        world.advance(minutes * minuteMs);
        await page.clock.fastForward(minutes * minuteMs);
      };
      for (let half = 0; half < 2; half += 1) {
        await pass(20);
        // Asked for after the page took in what the renewal says of the server's time: no clock jumps in between.
        const renewed = page.waitForResponse((answer) => answer.url().endsWith('/session/renew'));
        const isTakenIn = page.waitForResponse((answer) => answer.url().endsWith('/GetCaller'));
        await page.keyboard.press('Shift');
        await Promise.all([renewed, isTakenIn]);
      }
      const { createPeople } = await import('../../support/people.ts');
      await createPeople(world.app).user({ organization: 'acme', userName: 'late', state: 'locked' });
      for (let tries = 0; tries < 50; tries += 1) {
        await page.clock.fastForward(1_000);
        if ((await page.locator('tr', { hasText: 'late@acme' }).count()) > 0) break;
        await new Promise((resolve) => setTimeout(resolve, 400));
      }
      equal(await page.locator('tr', { hasText: 'late@acme' }).count(), 1);
      await pass(29);
      await page.getByText('You will be signed out in').waitFor();
      await pass(2);
      await page.getByText('Your session is over').waitFor();
    },
  );
}
