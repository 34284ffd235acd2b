// Unlocks users from a real browser: run.sh says where it is, and holds this to a time limit.
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { startLatchkey } from './latchkey-server.js';
import { bundlePage, servePage } from './pages.js';
import { readCases } from './read-cases.js';
import { allowedCases, strangerCases, tlsCases } from './unlock-cases.js';

const caseTimeoutMs = 90_000;
const flags = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const { CHROMIUM: executablePath, FOLDER: folder } = process.env;
let passed = 0;
let failed = 0;

async function check(title, work) {
  try {
    await limited(work);
    passed += 1;
    console.log(`PASS ${title}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${title}\n${error instanceof Error ? error.stack : error}`);
  }
}

async function limited(work) {
  const { promise, reject } = Promise.withResolvers();
  const timer = setTimeout(() => reject(new Error(`not done after ${caseTimeoutMs} ms`)), caseTimeoutMs);
  try {
    await Promise.race([work(), promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function main() {
  const script = await bundlePage();
  await using app = await servePage(script);
  await using stranger = await servePage(script);
  const cors = ['--cors-origins', app.origin];
  const certificate = ['--tls-cert', join(folder, 'tls.crt'), '--tls-key', join(folder, 'tls.key')];
  await using plain = await startLatchkey(join(folder, 'plain'), cors);
  await using tls = await startLatchkey(join(folder, 'tls'), [...cors, ...certificate]);
  // Headless, and on a profile of its own that it leaves behind nowhere.
  const browser = await chromium.launch({ executablePath, chromiumSandbox: false, args: flags });
  try {
    const world = { check, browser, plain, tls, app, stranger, script };
    await allowedCases(world);
    await readCases(world);
    await strangerCases(world);
    await tlsCases(world);
  } finally {
    await browser.close();
  }
}

try {
  await main();
} catch (error) {
  failed += 1;
  console.log(`FAIL the suite itself\n${error instanceof Error ? error.stack : error}`);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
