// The stories of a help desk, in a real browser: run.sh says where it is, and holds this to a time limit.
import { chromium } from 'playwright-core';
import { appearanceCases } from './appearance.ts';
import { liveCases } from './live.ts';
import { nameCases } from './names.ts';
import { protectionCases } from './protection.ts';
import { roleCases } from './roles.ts';
import { sessionCases } from './session.ts';
import { signOnCases } from './sign-on.ts';
import { unlockCases } from './unlock.ts';
import { waveCases } from './waves.ts';
import { openWorld, type World } from './world.ts';

const caseTimeoutMs = 120_000;
const flags = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
// Another machine, as far as a browser can tell.
const names = '--host-resolver-rules=MAP lock.example 127.0.0.1';

let passed = 0;
let failed = 0;

async function check(name: string, work: () => Promise<void>): Promise<void> {
  const startedMs = performance.now();
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`not done after ${caseTimeoutMs} ms`)), caseTimeoutMs);
  try {
    await Promise.race([work(), promise]);
    passed += 1;
    process.stdout.write(`PASS ${name} (${((performance.now() - startedMs) / 1_000).toFixed(1)} s)\n`);
  } catch (error) {
    failed += 1;
    process.stdout.write(`FAIL ${name}: ${error instanceof Error ? error.stack : String(error)}\n`);
  } finally {
    clearTimeout(timer);
  }
}

const groups: Readonly<Record<string, (world: World) => Promise<void>>> = {
  unlock: unlockCases,
  roles: roleCases,
  live: liveCases,
  session: sessionCases,
  names: nameCases,
  protection: protectionCases,
  waves: waveCases,
  'sign-on': signOnCases,
  appearance: appearanceCases,
};

async function main(): Promise<void> {
  const wanted = process.argv.slice(2);
  const { CHROMIUM: executablePath = 'chromium' } = process.env;
  const browser = await chromium.launch({ executablePath, chromiumSandbox: false, args: [...flags, names] });
  try {
    for (const [name, cases] of Object.entries(groups)) {
      if (wanted.length > 0 && !wanted.includes(name)) continue;
      await using world = await openWorld(browser, check);
      await cases(world);
    }
  } finally {
    await browser.close();
  }
}

try {
  await main();
} catch (error) {
  failed += 1;
  process.stdout.write(`FAIL the suite itself: ${error instanceof Error ? error.stack : String(error)}\n`);
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed > 0 ? 1 : 0;
