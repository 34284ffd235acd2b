import { once } from 'node:events';
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

// `latchkey serve` in a process that has everything loaded and waits for a line before it opens the database.
enableCompileCache(fileURLToPath(new URL('../../node_modules/.cache/latchkey', import.meta.url)));
const { parseServeConfig } = await import('../../src/app/config.ts');
const { serve } = await import('../../src/app/serve.ts');
const config = parseServeConfig(process.argv.slice(2));
await once(process.stdin, 'data');
process.stdin.destroy();
process.exitCode = await serve(config);
