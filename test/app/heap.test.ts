import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';

const heap = new URL('../../src/app/heap.ts', import.meta.url).href;

/** What V8 tells of its statistics of survivors, which it gathers only where it decides by them. */
function told(prelude: string): string {
  const work = `
    const make = (nth) => ({ nth, list: [nth] });
    const kept = [];
    for (let nth = 0; nth < 2_000_000; nth++) kept[nth % 100_000] = make(nth);
  `;
  const args = ['--no-warnings', '--trace-pretenuring-statistics', '--input-type=module', '--eval'];
  const { stdout, status } = spawnSync(process.execPath, [...args, prelude + work], { encoding: 'utf8' });
  expect(status).toBe(0);
  return stdout;
}

test('V8 decides nothing by what lived long while the server started', () => {
  expect(told('')).toContain('pretenuring');
  expect(told(`import { keepCallsYoung } from ${JSON.stringify(heap)}; keepCallsYoung();`)).toBe('');
});
