import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import type { Exchange, Reply } from '../../http/exchange.ts';
import { headerOf } from '../../http/exchange.ts';
import { documentReply } from '../page.ts';
import { protection } from '../protection.ts';

/** What `npm run generate` makes of src/console/, and the icon. */
const folder = new URL('../../../../gen/console/', import.meta.url);

const types = {
  'app.js': 'text/javascript; charset=utf-8',
  'app.css': 'text/css; charset=utf-8',
} as const;

type Name = keyof typeof types;

interface Asset {
  readonly type: string;
  readonly plain: Uint8Array;
  readonly gzip: Uint8Array;
}

/** The console's files, read once, by whoever asks first. */
export interface ConsoleFiles {
  /** undefined: there is no such file. */
  asset(name: string, exchange: Exchange): Reply | undefined;
  /** The one page that shows every screen. */
  shell(exchange: Exchange): Reply;
}

export async function loadFiles(): Promise<ConsoleFiles> {
  const assets = new Map<string, Asset>();
  for (const name of Object.keys(types) as Name[])
    assets.set(name, assetOf(types[name], await readFile(new URL(name, folder))));
  assets.set('icon.svg', assetOf('image/svg+xml', Buffer.from(icon)));
  const shell = assetOf('text/html; charset=utf-8', Buffer.from(shellOf(assets)));
  return {
    asset(name, exchange) {
      const found = assets.get(name);
      // The address holds what is in the file, so it never changes.
      return found && reply(found, exchange, 'public, max-age=31536000, immutable');
    },
    shell: (exchange) => reply(shell, exchange, 'no-cache'),
  };
}

function assetOf(type: string, plain: Uint8Array): Asset {
  return { type, plain, gzip: gzipSync(plain, { level: 9 }) };
}

function reply({ type, plain, gzip }: Asset, exchange: Exchange, cacheControl: string): Reply {
  const takesGzip = /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i.test(
    headerOf(exchange.headers, 'accept-encoding') ?? '',
  );
  const encoding = takesGzip ? ['content-encoding', 'gzip'] : [];
  const headers = ['cache-control', cacheControl, 'vary', 'accept-encoding', ...encoding];
  return documentReply({
    type,
    body: takesGzip ? gzip : plain,
    headers: [...headers, ...protection(exchange)],
  });
}

function shellOf(assets: ReadonlyMap<string, Asset>): string {
  const address = (name: string) => {
    const hash = createHash('sha256').update(assets.get(name)?.plain ?? '');
    return `/console/assets/${name}?${hash.digest('base64url').slice(0, 16)}`;
  };
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Latchkey</title>
<link rel="icon" type="image/svg+xml" href="${address('icon.svg')}">
<link rel="stylesheet" href="${address('app.css')}">
<script type="module" src="${address('app.js')}"></script>
</head>
<body>
<div id="app"></div>
<noscript><p>The console needs JavaScript. <code>npx latchkey --help</code> tells how to do the same on the command line.</p></noscript>
</body>
</html>
`;
}

/** A latch and its key hole. */
const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect x="5" y="13" width="22" height="16" rx="4" fill="#14532d"/><path d="M10 13V9a6 6 0 0 1 11.5-2.3" fill="none" stroke="#14532d" stroke-width="3.5" stroke-linecap="round"/><circle cx="16" cy="20" r="2.6" fill="#fff"/><path d="M16 21v4" stroke="#fff" stroke-width="2.6" stroke-linecap="round"/></svg>\n`;
