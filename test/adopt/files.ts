import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [, , page = '', folder = ''] = process.argv;

/** Writes every file that the page shows: a block that begins with its name in a comment. */
const blocks = readFileSync(page, 'utf8').matchAll(/^```\w+\n(?:\/\/|#) (\S+\.\w+)\n(.*?)^```$/gms);
mkdirSync(folder, { recursive: true });
for (const [, name = '', text = ''] of blocks) writeFileSync(join(folder, name), text);
