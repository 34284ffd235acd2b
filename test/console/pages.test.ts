/** What a browser is shown: where it is, how it is protected, how large it may be. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startServer, type TestServer } from '../support/start-server.ts';
import { openWire, type Wire } from '../support/wire.ts';
import { root } from '../tidy/source.ts';

const resources = new AsyncDisposableStack();
afterAll(() => resources.disposeAsync());

let server: TestServer;
let wire: Wire;
let without: Wire;

beforeAll(async () => {
  server = resources.use(await startServer());
  wire = resources.use(openWire(server.url));
  without = resources.use(openWire(resources.use(await startServer({ flags: ['--console', 'off'] })).url));
});

const ask = (path: string, headers: Record<string, string> = {}, verb = 'GET', on = wire) =>
  on.send({ version: 1, verb, path, headers, body: Buffer.alloc(0) });

describe('where things are', () => {
  test('/ leads a browser to the console, and tells others in one line', async () => {
    const browser = await ask('/', { accept: 'text/html,application/xhtml+xml' });
    expect([browser.status, browser.headers.location]).toEqual([302, '/console/']);
    const curl = await ask('/', { accept: '*/*' });
    expect(curl.status).toBe(200);
    expect(curl.body.toString()).toMatch(/^Latchkey: [^\n]+\/console\/\n$/);
  });

  test.each([
    ['/robots.txt', 200, undefined],
    ['/favicon.ico', 302, '/console/assets/icon.svg'],
    ['/console', 308, '/console/'],
  ])('%s', async (path, status, location) => {
    const answer = await ask(path);
    expect([answer.status, answer.headers.location]).toEqual([status, location]);
  });

  test.each(['/console/', '/console/users/1?x=2', '/console/search'])('%s is a screen', async (path) => {
    for (const version of [1, 2] as const) {
      const answer = await wire.send({ version, verb: 'GET', path, headers: {}, body: Buffer.alloc(0) });
      expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    }
    const head = await ask(path, {}, 'HEAD');
    expect([head.status, head.body.length]).toEqual([200, 0]);
  });

  test('what the page names is there, and never changes under its address', async () => {
    const shell = (await ask('/console/')).body.toString();
    const named = [...shell.matchAll(/"(\/console\/assets\/[^"]+)"/g)].map(([, path = '']) => path);
    expect(named).toHaveLength(3);
    for (const path of named) {
      const answer = await ask(path, { 'accept-encoding': 'br, gzip' });
      expect([answer.status, answer.headers['content-encoding']]).toEqual([200, 'gzip']);
      expect(answer.headers['cache-control']).toContain('immutable');
      expect((await ask(path)).headers['content-encoding']).toBeUndefined();
    }
  });

  test.each([
    ['/console/assets/x.js', 404],
    ['/console/assets/../../package.json', 404],
    ['/console/assets/%2e%2e/%2e%2e/package.json', 404],
    ['/console/sign-on/callback', 200],
  ])('%s: %i', async (path, status) => {
    expect((await ask(path)).status).toBe(status);
  });

  test('a verb that is for nothing says which are', async () => {
    const answer = await ask('/console/', {}, 'POST');
    expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, HEAD']);
  });

  test('--console off: none of it, and no cookie counts', async () => {
    for (const path of ['/console', '/console/', '/console/session', '/console/assets/app.js'])
      expect((await ask(path, {}, 'GET', without)).status).toBe(404);
    const front = await ask('/', { accept: 'text/html' }, 'GET', without);
    expect([front.status, front.headers.location]).toEqual([302, '/docs/']);
    const told = await ask('/', {}, 'GET', without);
    expect(told.body.toString()).toMatch(/^Latchkey: (?!.*console)[^\n]+\n$/);
  });
});

describe('protection', () => {
  test.each([
    '/console/',
    '/console/session',
    '/console/assets/icon.svg',
    '/console/assets/nothing',
  ])('%s', async (path) => {
    const { headers } = await ask(path);
    expect(headers).toMatchObject({
      'content-security-policy':
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(headers['strict-transport-security']).toBeUndefined();
  });
});

describe('the bundle', () => {
  const bytesOf = (name: string) =>
    gzipSync(readFileSync(join(root, 'gen/console', name)), { level: 9 }).length;

  test('80 KB of script and 8 KB of style at most, compressed', () => {
    expect(bytesOf('app.js')).toBeLessThanOrEqual(80_000);
    expect(bytesOf('app.css')).toBeLessThanOrEqual(8_000);
  });

  test('is what src/console/ makes now, byte for byte', () => {
    const folder = mkdtempSync(join(tmpdir(), 'console-'));
    try {
      execFileSync('npm', ['run', '--silent', 'console', '--', `--outdir=${folder}`], { cwd: root });
      for (const name of ['app.js', 'app.css'])
        expect(readFileSync(join(folder, name)).equals(readFileSync(join(root, 'gen/console', name)))).toBe(
          true,
        );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
