import type { Page } from 'playwright-core';
import { elsewhere, leadingTo } from '../astray.ts';
import { judgeEverywhere } from './judge.ts';
import { clientId, startProvider, type TestProvider } from './provider.ts';
import { equal, openWorld, signIn, type World } from './world.ts';

/** The company's own sign-on: a real OpenID provider, the code exchanged by the server, PKCE required. */
export async function signOnCases(plain: World): Promise<void> {
  const { browser, check } = plain;
  await using provider = await startProvider();
  const roles = '{"desk": "ORG_USER_UNLOCKER@acme"}';
  await using world = await openWorld(browser, check, [
    ...['--oidc-issuer', provider.url, '--oidc-audience', clientId, '--oidc-roles', roles],
    ...['--console-oidc-client', clientId],
  ]);
  provider.returnTo(world.url);

  await check("somebody signs in with the company's account, and unlocks", async () => {
    const userId = await world.people.user({ organization: 'acme', userName: 'sara', state: 'locked' });
    await using tab = await world.open(undefined);
    const { page } = tab;
    await signOnAs(page, 'kim');
    await page.getByText(`${provider.url}|kim`).waitFor();
    equal(provider.challenges, ['S256']);
    await page.locator('tr', { hasText: 'sara@acme' }).getByRole('button').click();
    await page.getByLabel('Reason').fill('sso');
    await page.getByRole('dialog').getByRole('button', { name: 'Unlock', exact: true }).click();
    await page.getByText('is unlocked').waitFor();
    const events = await world.app.store.listEvents({ afterPosition: 0, limit: 1_000 });
    const event = events.filter((one) => one.userId === userId).at(-1);
    equal([event?.type, event?.meta.actorSubject], ['user.unlocked', `${provider.url}|kim`]);
    const cookies = await tab.context.cookies(world.url);
    equal(
      cookies.map(({ name }) => name).filter((name) => name.startsWith('latchkey')),
      ['latchkey-session'],
    );
  });

  await check('the sign-in with a company, and refused: no barrier', async () => {
    await using tab = await world.open(undefined);
    await tab.page.getByRole('button', { name: /company/ }).waitFor();
    await judgeEverywhere(tab, 'sign-in with a company');
    await tab.page.getByLabel('Or with a token').fill('1234.nothing');
    await tab.page.keyboard.press('Enter');
    await tab.page.getByText('Is it whole, and still good?').waitFor();
    await judgeEverywhere(tab, 'refused sign-in');
  });

  await refusedSignOns(world, provider);
  await tokenWayBack(plain);
  await wayBack(world, provider);
}

async function signOnAs(page: Page, login: string): Promise<void> {
  await page.getByRole('button', { name: /company/ }).click();
  await page.locator('input[name=login]').fill(login);
  await page.locator('input[name=password]').fill('any');
  await page.locator('button[type=submit]').click();
  await page.getByRole('button', { name: /continue/i }).click();
  await page.getByRole('navigation', { name: 'Screens' }).waitFor();
}

/** Every place that the page has been at since. */
function watched(page: Page): ReadonlySet<string> {
  const origins = new Set<string>();
  page.on('framenavigated', (frame) => origins.add(new URL(frame.url()).origin));
  return origins;
}

/** Addresses by which somebody else would like people to sign in. */
async function tokenWayBack(world: World): Promise<void> {
  const { check, tokens } = world;
  await check('who signs in by a link that names another site stays on this one', async () => {
    await using tab = await world.open(undefined);
    const origins = watched(tab.page);
    // One way of every other place: all ways of all are as many minutes, and what the server answers to them is asked elsewhere.
    const places = elsewhere.filter((_, index) => index % 2 === 0);
    const paths = places.map((place, index) => leadingTo(place)[index % 4] ?? '');
    for (const path of [...paths, ...leadingTo('//evil.example')]) {
      await tab.go('/robots.txt');
      await tab.go(path);
      const at = await tab.page.evaluate('location.pathname');
      await signIn(tab.page, tokens.unlocker);
      equal(await tab.page.evaluate('location.pathname'), at);
      await tab.context.clearCookies();
    }
    equal([[...origins], tab.complaints], [[world.url], []]);
  });
}

/** The same, with the company's account. */
async function wayBack(world: World, provider: TestProvider): Promise<void> {
  const { check } = world;
  await check("the company's sign-on leads back to this site, whatever the link named", async () => {
    await using tab = await world.open(undefined);
    const origins = watched(tab.page);
    const [first = ''] = leadingTo('//evil.example');
    await tab.go(first);
    await signOnAs(tab.page, 'lea');
    equal(await tab.page.evaluate('location.href'), `${world.url}/console/`);
    equal([...origins].sort(), [provider.url, world.url].sort());
  });
}

/** What comes back from the company, and nobody asked for. */
async function refusedSignOns(world: World, provider: TestProvider): Promise<void> {
  const { check } = world;

  await check('a code that nobody here asked for signs nobody in', async () => {
    await using tab = await world.open(undefined);
    const answer = await tab.page.goto(
      `${world.url}/console/sign-on/callback?code=x&state=y&iss=${provider.url}`,
    );
    equal(answer?.status(), 400);
    await tab.page.getByText('nobody is signing in here').waitFor();
    await judgeEverywhere(tab, 'the refused sign-on');
    equal(await tab.context.cookies(), []);
  });

  await check('a state of another sign-in signs nobody in', async () => {
    await using tab = await world.open(undefined);
    const { page } = tab;
    // An answer that leads nowhere: the page stays, with what the server gave it for the way back.
    await page.route(`${provider.url}/**`, (route) => route.fulfill({ status: 204 }));
    const leaves = page.waitForRequest((request) => request.url().startsWith(provider.url));
    await page.getByRole('button', { name: /company/ }).click();
    await leaves;
    const iss = encodeURIComponent(provider.url);
    const answer = await page.goto(`${world.url}/console/sign-on/callback?code=x&state=y&iss=${iss}`);
    equal(answer?.status(), 401);
    const names = (await tab.context.cookies()).map(({ name }) => name);
    equal(names.includes('latchkey-session'), false);
  });
}
