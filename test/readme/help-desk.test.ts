import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { page, shellCommands } from './blocks.ts';
import { type Checkout, type DemoServer, openCheckout, startDemo } from './checkout.ts';

const resources = new AsyncDisposableStack();
const timeoutMs = 60_000;
let checkout: Checkout;
let server: DemoServer;

beforeAll(async () => {
  checkout = resources.use(await openCheckout({ npx: 'direct' }));
  server = resources.use(await startDemo(checkout));
}, timeoutMs);
afterAll(() => resources.disposeAsync());

// One after the other, as the page has them: in the demo Ada is locked, and the last two unlock and lock her.
test.each(shellCommands(page('docs/help-desk.md')))(
  '%s',
  async (line) => {
    const { code, stdout, stderr } = await checkout.run(line, { LATCHKEY_URL: server.url });
    expect({ line, code, stderr }).toMatchObject({ line, code: 0 });
    expect(stdout).not.toBe('');
  },
  timeoutMs,
);
