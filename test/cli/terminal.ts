import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const launcher = join(import.meta.dirname, '../../src/latchkey.js');

/** script(1) of util-linux, which makes a real terminal. */
export const hasTerminals: boolean = (() => {
  try {
    return execFileSync('script', ['--version'], { encoding: 'utf8' }).includes('util-linux');
  } catch {
    return false;
  }
})();

if (!hasTerminals)
  process.stdout.write('skipped: what needs a terminal, as there is no script(1) of util-linux\n');

/** What is typed when the terminal shows a text. */
export interface Typed {
  readonly at: string;
  readonly text: string;
}

/** Runs the launcher at a terminal; no argument may hold a blank or a quote. Answers all that the terminal showed. */
export async function runAtRealTerminal(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  typed: readonly Typed[] = [],
): Promise<{ readonly code: number; readonly shown: string }> {
  const command = [process.execPath, launcher, ...argv].join(' ');
  const all = { PATH: process.env.PATH ?? '', ...env };
  const child = spawn('script', ['-qefc', command, '/dev/null'], { env: all });
  const left = [...typed];
  let shown = '';
  child.stdout.on('data', (chunk) => {
    shown += String(chunk);
    const [next] = left;
    if (next === undefined || !shown.includes(next.at)) return;
    left.shift();
    child.stdin.write(next.text);
  });
  const [code] = await once(child, 'close');
  return { code: code as number, shown: shown.replaceAll('\r\n', '\n') };
}
