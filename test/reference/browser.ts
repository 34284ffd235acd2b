import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContextOptions, chromium } from 'playwright-core';
import { run } from './tools.ts';

const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

const appearances: readonly BrowserContextOptions[] = [
  { colorScheme: 'light' },
  { colorScheme: 'dark' },
  { forcedColors: 'active' },
  { viewport: { width: 320, height: 640 } },
];

/** Looks at pages with Debian's browser, scripts of their own switched off, as they would be under their policy. */
export async function look(url: string, paths: readonly string[]): Promise<void> {
  const executablePath = (
    await run('sh', ['-c', 'command -v chromium'], { cwd: '.', timeoutMs: 10_000 })
  ).trim();
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  try {
    for (const path of paths) {
      await withoutScripts(browser, new URL(path, url));
      for (const appearance of appearances) await accessible(browser, new URL(path, url), appearance);
    }
  } finally {
    await browser.close();
  }
}

async function withoutScripts(browser: Browser, at: URL): Promise<void> {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  const strays: string[] = [];
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== at.origin) strays.push(request.url());
  });
  page.on('console', (message) => strays.push(message.text()));
  await page.goto(at.href);
  const summary = page.getByText('Python', { exact: true });
  if ((await summary.count()) > 0) {
    await summary.click();
    await page.getByText('import urllib.request').waitFor();
    const field = page.getByLabel('user_id');
    await field.fill('someone-1');
    await field.press('Enter');
    // The key alone has led nowhere yet.
    await page.waitForURL(/user_id=someone-1/);
    if (!(await page.content()).includes('/v2/users/someone-1')) strays.push('the form does nothing');
  }
  await context.close();
  if (strays.length > 0) throw new Error(`${at.href}: ${strays.join('; ')}`);
}

async function accessible(browser: Browser, at: URL, appearance: BrowserContextOptions): Promise<void> {
  // The judge is a script, which the policy of the page would refuse.
  const context = await browser.newContext({ ...appearance, bypassCSP: true });
  const page = await context.newPage();
  await page.goto(at.href);
  const { violations } = await new AxeBuilder({ page }).withTags(rules).analyze();
  const isWider = await page.evaluate(
    'document.documentElement.scrollWidth > document.documentElement.clientWidth',
  );
  await context.close();
  if (isWider) throw new Error(`${at.href} ${JSON.stringify(appearance)}: it scrolls sideways`);
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  if (told.length > 0)
    throw new Error(`${at.href} ${JSON.stringify(appearance)}: ${told.join('\n').slice(0, 2_000)}`);
}
