import { createServer } from 'node:http';
import type { CDPSession } from 'playwright-core';
import { listen } from '../../support/listen.ts';
import { equal, lockedPerson, type World } from './world.ts';

/** Everything that the page's heap holds, as text. */
async function heapOf(session: CDPSession): Promise<string> {
  const chunks: string[] = [];
  session.on('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => chunks.push(chunk));
  await session.send('HeapProfiler.enable');
  await session.send('HeapProfiler.collectGarbage');
  await session.send('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
  return chunks.join('');
}

/** What the page must never hold, ask or do. */
export async function protectionCases(world: World): Promise<void> {
  const { check, tokens } = world;
  const userId = await lockedPerson(world, 'rosa');

  await check('no screen breaks its own policy or asks anybody but the server', async () => {
    await using tab = await world.open(tokens.owner);
    for (const path of ['', `users/${userId}`, 'search?q=r', 'policy', 'about', 'nothing/here']) {
      await tab.go(`/console/${path}`);
      await tab.page.waitForTimeout(300);
    }
    equal(tab.complaints, []);
  });

  await check('the token is in no storage, no cookie that a script reads, and not in the heap', async () => {
    await using tab = await world.open(tokens.owner);
    const { page, context } = tab;
    await page.locator('tbody tr').first().waitFor();
    const [, secret = ''] = tokens.owner.split('.');
    const kept = await page.evaluate(
      'JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])',
    );
    equal(kept, '[{},{},""]');
    equal((await heapOf(await context.newCDPSession(page))).includes(secret), false);
    const [cookie] = await context.cookies();
    equal([cookie?.name, cookie?.httpOnly, cookie?.sameSite], ['latchkey-session', true, 'Strict']);
    equal(cookie?.value.includes(secret), false);
  });

  await check("another origin's page can neither call nor sign in, whatever it sends", async () => {
    await using tab = await world.open(tokens.owner);
    const { page, context } = tab;
    const other = await context.newPage();
    // Of the same machine, so that cookies would go along; of another port, so of another origin.
    await other.goto(`${world.url.replace('127.0.0.1', 'localhost')}/robots.txt`);
    const target = JSON.stringify(`${world.url}/v2/users/${userId}/unlock`);
    for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
      await other.evaluate(
        `fetch(${target}, { method: 'POST', mode: 'no-cors', credentials: 'include', headers: { 'content-type': '${type}' }, body: '{}' }).catch(() => 0)`,
      );
    }
    const answer = await other.evaluate(
      `fetch(${target}, { method: 'POST', credentials: 'include', headers: { 'content-type': 'application/json' }, body: '{}' }).then((res) => res.status, () => 'refused')`,
    );
    equal(answer, 'refused');
    await page.reload();
    await page.locator('tr:not(.ended)', { hasText: 'rosa@acme' }).waitFor();
  });

  await signedOut(world);
  await fromNextDoor(world, userId);
}

async function signedOut({ check, tokens, open }: World): Promise<void> {
  await check('signing out forgets it', async () => {
    await using tab = await open(tokens.owner);
    await tab.page.getByRole('button', { name: 'Sign out' }).click();
    await tab.page.getByLabel('Your token').waitFor();
    equal(await tab.context.cookies(), []);
    await tab.page.goBack().catch(() => undefined);
    await tab.go('/console/about').catch(() => undefined);
    await tab.page.getByLabel('Your token').waitFor();
  });
}

const waitMs = 300;

/** Another server on the same host: a cookie goes to every port of its host, and its pages count as the same site. */
async function fromNextDoor(world: World, userId: string): Promise<void> {
  const { check, tokens } = world;
  const neighbour = createServer((_, res) =>
    res.setHeader('content-type', 'text/html').end('<!doctype html>'),
  );
  const origin = `http://127.0.0.1:${await listen(neighbour)}`;
  try {
    await check(
      'a page of another port of the same host can neither call, nor read, nor hold it in a frame',
      async () => {
        await using tab = await world.open(tokens.owner);
        const { page, context } = tab;
        const other = await context.newPage();
        await other.goto(origin);
        const unlock = `${world.url}/v2/users/${userId}/unlock`;
        for (const [type, mode] of [
          ['application/json', 'cors'],
          ['text/plain', 'no-cors'],
          ['application/x-www-form-urlencoded', 'no-cors'],
        ]) {
          const options = {
            method: 'POST',
            mode,
            credentials: 'include',
            headers: { 'content-type': type },
            body: '{}',
          };
          const call = `fetch(${JSON.stringify(unlock)}, ${JSON.stringify(options)})`;
          const answer = await other.evaluate(
            `${call}.then((res) => res.type + res.status, () => 'refused')`,
          );
          equal([type, answer], [type, mode === 'cors' ? 'refused' : 'opaque0']);
        }
        await other.evaluate(`
        const form = Object.assign(document.createElement('form'), { method: 'POST', action: ${JSON.stringify(unlock)}, target: 'there', enctype: 'text/plain' });
        form.append(Object.assign(document.createElement('input'), { name: '{"a":"', value: '"}' }));
        for (const [name, src] of [['there', 'about:blank'], ['held', ${JSON.stringify(`${world.url}/console/`)}]])
          document.body.append(Object.assign(document.createElement('iframe'), { name, src }));
        document.body.append(form);
        form.submit();
      `);
        await other.waitForTimeout(waitMs);
        const held = other.frame({ name: 'held' });
        equal([held?.url().startsWith(world.url), await held?.locator('#app').count()], [false, 0]);
        await page.reload();
        await page.locator('tr:not(.ended)', { hasText: 'rosa@acme' }).waitFor();
      },
    );
  } finally {
    neighbour.close();
  }
}
