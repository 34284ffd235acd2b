import { readFileSync } from 'node:fs';

/** The version in package.json, which stands one folder above src/ and two above dist/src/. */
export function readVersion(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    const text = readIfThere(new URL(path, import.meta.url));
    const manifest: unknown = text === undefined ? undefined : JSON.parse(text);
    const version = versionOf(manifest);
    if (version !== undefined) return version;
  }
  throw new Error('package.json of latchkey is missing');
}

function readIfThere(url: URL): string | undefined {
  try {
    return readFileSync(url, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function versionOf(manifest: unknown): string | undefined {
  if (typeof manifest !== 'object' || manifest === null) return undefined;
  const { name, version } = manifest as { name?: unknown; version?: unknown };
  return name === 'latchkey' && typeof version === 'string' ? version : undefined;
}
