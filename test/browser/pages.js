import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { build } from 'esbuild';

/** The page's script, as one file that a browser runs. */
export async function bundlePage() {
  const built = await build({
    entryPoints: [join(import.meta.dirname, 'page', 'main.js')],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'chrome120',
    logLevel: 'warning',
  });
  return built.outputFiles[0].text;
}

/** Serves an app of somebody else's: one page with the script, from an origin of its own. */
export async function servePage(script) {
  const server = createServer((req, res) => {
    if (req.url === '/page.js') res.writeHead(200, { 'content-type': 'text/javascript' }).end(script);
    else if (req.url === '/') res.writeHead(200, { 'content-type': 'text/html' }).end(html);
    else res.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  return { origin: `http://127.0.0.1:${server.address().port}`, [Symbol.asyncDispose]: close };
}

const html = '<!doctype html><title>An app</title><script src="/page.js"></script>';
