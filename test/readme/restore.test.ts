import { expect, test } from '@jest/globals';
import { blocks, page, section, shellCommands } from './blocks.ts';
import { openCheckout, startDemo } from './checkout.ts';

test('the page leads back to a backup: as it was, with its token, and nothing of what came after', async () => {
  const text = section(page('docs/operations.md'), 'Back to a backup');
  await using checkout = await openCheckout({ npx: 'direct' });
  const done = async (line: string) => {
    const ended = await checkout.run(line);
    expect({ line, ...ended }).toMatchObject({ line, code: 0 });
    return ended.stdout;
  };
  const ada = 'npx latchkey user show ada --json --db';
  const first = await startDemo(checkout);
  await done('npx latchkey backup monday.db');
  const before = await done(`${ada} monday.db`);
  await done('npx latchkey user unlock ada --db latchkey-data/latchkey.db');
  // Killed, so that there is a log to fall over.
  await done('cp latchkey-data/latchkey.db-wal wal && cp latchkey-data/latchkey.db-shm shm');
  await first.stop();
  await done('mv wal latchkey-data/latchkey.db-wal && mv shm latchkey-data/latchkey.db-shm');
  expect(shellCommands(text)).toHaveLength(4);
  for (const line of blocks(text, 'sh')) await done(line);
  expect(await done(`${ada} latchkey-data/latchkey.db`)).toBe(before);
  await using second = await startDemo(checkout);
  expect(await done(`npx latchkey user list --state locked --url ${second.url}`)).toContain('ada@');
}, 60_000);
