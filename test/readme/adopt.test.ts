import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { page, section, shellCommands } from './blocks.ts';
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

test(
  'what is to be done before attempts gives a token with which one is begun, ended and unlocked as the page shows',
  async () => {
    const text = page('docs/adopt/attempts.md');
    const done = async (line: string, environment: Readonly<Record<string, string>> = {}) => {
      const ended = await checkout.run(line, { LATCHKEY_URL: server.url, ...environment });
      expect({ line, ...ended }).toMatchObject({ line, code: 0 });
      return ended.stdout;
    };
    for (const line of shellCommands(section(text, 'Before you begin'))) await done(line);
    const TOKEN = (await done('cat shop-token')).trim();
    const curls = shellCommands(text).slice(0, 4);
    const [begin, end] = [curls.slice(0, 2), curls.slice(2)].map((lines) =>
      lines.join('\n').replace('http://127.0.0.1:8080', server.url),
    );
    const begun = JSON.parse(await done(begin ?? '', { TOKEN }));
    expect(begun).toEqual({
      ...{ attemptId: expect.any(String), expires: expect.any(String), attemptsLeft: 10 },
    });
    expect(JSON.parse(await done(end ?? '', { TOKEN, ATTEMPT_ID: begun.attemptId }))).toEqual({
      attemptsLeft: 9,
    });
    for (const command of ['npx latchkey user lock 42', 'npx latchkey unlock 42']) await done(command);
  },
  timeoutMs,
);
