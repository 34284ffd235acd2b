import { recordTraffic } from './traffic.js';

/**
 * Opens a page in a profile of its own, so that no preflight of another tab is remembered. `call` runs a function of
 * the page's script; `sent` tells what went to the server. Disposing closes it.
 */
export async function openTab(browser, pageUrl, { script } = {}) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await page.goto(pageUrl);
  // A page of the server's own has no script: it is brought along.
  if (script !== undefined) await page.evaluate(script);
  const traffic = await recordTraffic(page);
  return {
    call: (name, ...args) => page.evaluate(([key, rest]) => globalThis.latchkey[key](...rest), [name, args]),
    /** What went to a server since this was last asked, preflights apart from calls. */
    async sent(url) {
      const all = await traffic.take(url);
      const isPreflight = ({ method }) => method === 'OPTIONS';
      return { preflights: all.filter(isPreflight), calls: all.filter((one) => !isPreflight(one)) };
    },
    [Symbol.asyncDispose]: () => context.close(),
  };
}
