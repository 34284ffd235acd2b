import { existsSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readSource, root } from '../tidy/source.ts';

/** As `npm ci --omit=dev --omit=optional` would: a package that only tests need is not there. */
export async function linkPackages(target: string): Promise<void> {
  const lock = JSON.parse(readSource('package-lock.json').text) as {
    packages: Record<string, { dev?: boolean; optional?: boolean }>;
  };
  for (const [path, { dev, optional }] of Object.entries(lock.packages)) {
    const name = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path)?.[1];
    // Of the optional ones, what npm brings of Node: the runtime's own serves.
    if (name === undefined || dev === true || optional === true || !existsSync(join(root, path))) continue;
    await mkdir(dirname(join(target, name)), { recursive: true });
    await symlink(join(root, path), join(target, name));
  }
}
