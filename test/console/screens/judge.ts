import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { BrowserContextOptions } from 'playwright-core';
import { equal, type Tab } from './world.ts';

const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

export const appearances = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  'forced colours': { forcedColors: 'active' },
  '320 pixels': { viewport: { width: 320, height: 720 } },
} as const satisfies Readonly<Record<string, BrowserContextOptions>>;

export type Appearance = keyof typeof appearances;

/** What docs/console.md shows. */
const pictured: ReadonlySet<string> = new Set([
  'sign-in',
  'locked',
  'person',
  'unlock',
  'lock',
  'search',
  'waves',
]);

/** The text of each button of one word that stands on more than one line. */
export const buttonsBroken = (page: Tab['page']): Promise<unknown> =>
  page.evaluate(`[...document.querySelectorAll('button')].filter((button) => {
    const text = document.createRange();
    text.selectNodeContents(button);
    return /^\\S+$/.test(button.textContent.trim()) && text.getClientRects().length > 1;
  }).map((button) => button.textContent)`);

/** No barrier that axe knows, nothing that sticks out, no complaint of the browser; and a picture where one is asked for. */
export async function judge(
  { page, complaints }: Pick<Tab, 'page' | 'complaints'>,
  name: string,
  appearance: Appearance,
): Promise<void> {
  const { violations, passes } = await new AxeBuilder({ page }).withTags(tags).analyze();
  const told = violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => [name, appearance, id, target, failureSummary]),
  );
  equal(told, []);
  equal(passes.length > 10, true);
  equal(
    [name, appearance, await page.evaluate('document.documentElement.scrollWidth <= innerWidth')],
    [name, appearance, true],
  );
  const dialog = 'document.querySelector("dialog")';
  equal(await page.evaluate(`(${dialog}?.scrollWidth ?? 0) <= (${dialog}?.clientWidth ?? 0)`), true);
  equal(complaints, []);
  const { SCREENSHOTS: folder, EVERY_SCREENSHOT: everything } = process.env;
  const fullPage = (await page.getByRole('dialog').count()) === 0;
  const keep = async (at: string) => {
    await mkdir(at, { recursive: true });
    await page.screenshot({ path: join(at, `${name}-${appearance}.png`), fullPage });
  };
  if (folder !== undefined && pictured.has(name) && /^(light|dark)$/.test(appearance)) await keep(folder);
  if (everything !== undefined) await keep(everything);
}

/** What has come about once, and cannot be furnished for each appearance: looked at in all of them, one after the other. */
export async function judgeEverywhere(tab: Pick<Tab, 'page' | 'complaints'>, name: string): Promise<void> {
  const { page } = tab;
  const usual = page.viewportSize() ?? { width: 1280, height: 800 };
  const plain = { colorScheme: 'light', forcedColors: 'none' } as const;
  for (const [appearance, options] of Object.entries(appearances) as [Appearance, BrowserContextOptions][]) {
    const { colorScheme, forcedColors, viewport } = { ...plain, ...options };
    await page.emulateMedia({ colorScheme: colorScheme ?? null, forcedColors: forcedColors ?? null });
    if (viewport) await page.setViewportSize(viewport);
    await judge(tab, name, appearance);
  }
  await page.setViewportSize(usual);
  await page.emulateMedia(plain);
}
