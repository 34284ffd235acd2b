import { existsSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { test } from '@jest/globals';

/** `test` where the program is on this machine; else `test.skip`, and a line on stderr that says why. */
export function testWith(program: string, why = `${program} is not installed here`): typeof test.skip {
  if (isInstalled(program)) return test;
  process.stderr.write(`not run: ${why}\n`);
  return test.skip;
}

function isInstalled(program: string): boolean {
  if (isAbsolute(program)) return existsSync(program);
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.some((folder) => existsSync(join(folder, program)));
}
