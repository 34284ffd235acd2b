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

/** The first column that is a command, by what somebody asks. */
const questions = (page('docs/help-desk.md').match(/^\|.+\| `latchkey .+$/gm) ?? []).flatMap((row) => {
  const [, asked = '', command = ''] = /^\| (.+?) \| `(latchkey [^`]+)`/.exec(row) ?? [];
  return command.includes('RUN_ID') ? [] : [[asked, command] as const];
});

test('there are ten questions, and nine of them begin with a command of their own', () => {
  expect(questions.filter(([asked]) => asked !== 'How far is it?')).toHaveLength(9);
});

// Whoever is locked after the commands above is Ada, and she is unlocked and locked again on the way.
test(
  'the first thing typed for each question answers it',
  async () => {
    await checkout.run("printf 'bram\\nchiara\\n' > names.txt");
    for (const [asked, command] of questions) {
      const line = `npx ${command}`;
      const { code, stdout, stderr } = await checkout.run(line, { LATCHKEY_URL: server.url });
      expect({ asked, code, stderr }).toMatchObject({ asked, code: 0 });
      expect(stdout + stderr).not.toBe('');
    }
    const wave = "npx latchkey lock unlock-all --since 2h --reason 'false alarm' --ticket 4711 --yes";
    const { LATCHKEY_URL } = { LATCHKEY_URL: server.url };
    const looked = await checkout.run('npx latchkey lock unlock-all --since 2h --preview --json', {
      LATCHKEY_URL,
    });
    const { count } = JSON.parse(looked.stdout) as { count: number };
    expect(await checkout.run(`${wave} ${count}`, { LATCHKEY_URL })).toMatchObject({ code: 0 });
    const runs = await checkout.run('npx latchkey lock runs --json', { LATCHKEY_URL });
    const { runId } = JSON.parse(runs.stdout.split('\n')[0] ?? '') as { runId: string };
    for (const [then, code] of [
      [`run ${runId} --wait`, 0],
      [`run ${runId} --items --outcome newer_lock`, 0],
      [`cancel ${runId}`, 5],
      [`revert ${runId} --reason 'it was real' --yes ${count}`, 0],
    ] as const) {
      const ended = await checkout.run(`npx latchkey lock ${then}`, { LATCHKEY_URL });
      expect({ then, ...ended }).toMatchObject({ then, code });
    }
  },
  2 * timeoutMs,
);
