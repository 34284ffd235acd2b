import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { type App, openApp } from '../../../src/app/app.ts';
import { parseServeConfig } from '../../../src/app/config.ts';
import { startServer } from '../../../src/app/start-server.ts';
import { createPeople, type People } from '../../support/people.ts';

/** A server of a company, with people at the help desk and before it, and a browser to look at it with. */
export interface World extends AsyncDisposable {
  readonly browser: Browser;
  readonly check: (name: string, work: () => Promise<void>) => Promise<void>;
  readonly url: string;
  readonly app: App;
  readonly people: People;
  /** Tokens, by what their owners may. */
  readonly tokens: Readonly<Record<'owner' | 'unlocker' | 'viewer' | 'nobody', string>>;
  /** A browser of its own, signed in unless there is no token. */
  open(token: string | undefined, options?: BrowserContextOptions): Promise<Tab>;
  /** The server's clock is so much further on. */
  advance(ms: number): void;
  /** The server is gone, and nothing else. */
  stop(): Promise<void>;
  /** It is back, on the same port and database. */
  restart(): Promise<void>;
}

/** One browser with one page, and what went wrong in it. */
export interface Tab extends AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Everything that the browser complained of, and every address outside the server's origin that it asked. */
  readonly complaints: string[];
  /** What was sent to the server: path and body. */
  readonly sent: { readonly path: string; readonly body: string }[];
  go(path: string): Promise<void>;
}

interface Running extends AsyncDisposable {
  readonly url: string;
  readonly app: App;
}

export async function openWorld(
  browser: Browser,
  check: World['check'],
  flags: readonly string[] = [],
): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'console-'));
  const clock = { offsetMs: 0 };
  const localNow = () => Date.now() + clock.offsetMs;
  const start = (port: number) => startOn(join(folder, 'latchkey.db'), { port, flags, localNow });
  let running = await start(0);
  const { url } = running;
  const people = createPeople(running.app);
  for (const organization of ['acme', 'globex']) await people.organization(organization);
  const caller = (role: string | undefined) =>
    people.caller({
      organization: 'acme',
      roles: role === undefined ? [] : [{ role, organization: 'acme' }],
    });
  const tokens = {
    owner: await people.token(await owner(people)),
    unlocker: await caller('ORG_USER_UNLOCKER'),
    viewer: await caller('ORG_OWNER_VIEWER'),
    nobody: await caller(undefined),
  };
  return {
    ...{ browser, check, url, people, tokens },
    get app() {
      return running.app;
    },
    open: (token, options) => openTab({ browser, url }, token, options),
    advance(ms) {
      clock.offsetMs += ms;
    },
    stop: async () => running[Symbol.asyncDispose](),
    async restart() {
      running = await start(Number(new URL(url).port));
    },
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** By a name that fits into a picture. */
async function owner(people: People): Promise<string> {
  const userId = await people.user({ organization: 'acme', kind: 'machine', userName: 'desk' });
  await people.grant(userId, 'IAM_OWNER');
  return userId;
}

interface Start {
  readonly port: number;
  readonly flags: readonly string[];
  readonly localNow: () => number;
}

async function startOn(database: string, { port, flags, localNow }: Start): Promise<Running> {
  const always = ['--host', '127.0.0.1', '--port', String(port), '--db', database, '--log-level', 'silent'];
  const config = parseServeConfig([...always, '--drain-timeout-ms', '500', ...flags]);
  await using resources = new AsyncDisposableStack();
  const app = resources.use(await openApp(config, { localNow }));
  const { url } = resources.use(await startServer(app, config));
  const all = resources.move();
  return { url, app, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

const waitMs = 30_000;

async function openTab(
  { browser, url }: Pick<World, 'browser' | 'url'>,
  token: string | undefined,
  options: BrowserContextOptions = {},
): Promise<Tab> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(waitMs);
  const page = await context.newPage();
  const complaints: string[] = [];
  const sent: { path: string; body: string }[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // What the server refuses is told in the page; the browser repeats it.
    if (message.type() === 'error' && !/^Failed to load resource/.test(message.text()))
      complaints.push(message.text());
  });
  page.on('request', (request) => {
    const asked = new URL(request.url());
    if (asked.origin !== url && asked.protocol !== 'data:') complaints.push(`asked ${asked.origin}`);
    sent.push({ path: asked.pathname, body: request.postData() ?? '' });
  });
  const go = async (path: string) => {
    await page.goto(`${url}${path}`);
    if (token !== undefined) await page.locator('main h1').first().waitFor();
  };
  await go('/console/');
  if (token !== undefined) await signIn(page, token);
  return { page, context, complaints, sent, go, [Symbol.asyncDispose]: () => context.close() };
}

/** As a person does it. */
export async function signIn(page: Page, token: string): Promise<void> {
  await page.getByLabel('Your token').fill(token);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('navigation', { name: 'Screens' }).waitFor();
  // Where the button was, the list is now: who points at it holds it still.
  await page.mouse.move(2, 2);
}

/** Throws an Error that says what was found in the place of what was expected. */
export function equal(found: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  if (a !== b) throw new Error(`found ${a} in the place of ${b}`);
}

/** A locked person of acme, by name. */
export async function lockedPerson(world: Pick<World, 'people'>, userName: string): Promise<string> {
  return world.people.user({ organization: 'acme', userName, state: 'locked' });
}
