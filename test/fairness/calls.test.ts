import { randomUUID } from 'node:crypto';
import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { leastSlowdown, repeatedly } from '../support/beside.ts';
import { type Door, openDoor } from '../support/door.ts';
import type { MethodName } from '../support/methods.ts';
import { repetitions } from '../support/repetitions.ts';
import { startServer, type TestServer } from '../support/start-server.ts';

// As in sign-ins.test.ts: the middle of a few, or nearly the slowest of a hundred.
const part = repetitions({ few: 0.5, many: 0.99 });
const slowdownMax = repetitions({ few: 10, many: 3 });
const rounds = repetitions({ few: 1, many: 10 });
const asks = repetitions({ few: 20, many: 40 });

/** They stand back for others: of a few, too, the middle waits no longer than this. */
const standsBack = (flood: string): boolean => /imports|previews/.test(flood);
const standingBackMax = 3;

const atOnce = 4;
/** Of each of those. */
const previewsAtOnce = 10;

const resources = new AsyncDisposableStack();
let server: TestServer;
let door: Door;
let busy: Door;
let second: Door;
let application: string;

beforeAll(async () => {
  server = resources.use(await startServer());
  for (const id of ['home', 'busy', 'second']) await server.people.organization(id);
  const owner = (organization: string) =>
    server.people.caller({ organization, roles: [{ role: 'ORG_OWNER', organization }] });
  door = resources.use(openDoor(server.url, await owner('home')));
  busy = resources.use(openDoor(server.url, await owner('busy')));
  second = resources.use(openDoor(server.url, await owner('second')));
  application = await server.people.caller({ organization: 'busy', roles: ['IAM_LOGIN_CLIENT'] });
});
afterAll(() => resources.disposeAsync());

const ok = async (at: Door, method: MethodName, message: JsonObject, token?: string) => {
  const answer = await at.ask(method, message, token);
  expect([method, answer.code]).toEqual([method, 'OK']);
  return answer.response;
};

/** A hundred at a time. */
async function importInto(organizationId: string, at: Door): Promise<void> {
  await ok(at, 'ImportUsers', { organizationId, users: hundred() });
}

const hundred = () =>
  Array.from({ length: 100 }, () => ({ username: randomUUID(), machine: { name: 'Robot' } }));

/** As far as the first change: its condition is not met. */
async function rehearseImport(organizationId: string, at: Door): Promise<void> {
  const headers = { 'if-match': '"v1"' };
  const answer = await at.ask('ImportUsers', { organizationId, users: hundred() }, undefined, headers);
  expect(answer.message).toContain('LATCH-c0ndfa1s');
}

/** What everybody else does meanwhile: a lock and its end. */
async function lockAndUnlock(userId: string): Promise<void> {
  await ok(door, 'LockUser', { userId });
  await ok(door, 'UnlockUser', { userId });
}

describe('others lock and unlock beside an organization', () => {
  const floods: Readonly<Record<string, (which: number) => Promise<unknown>>> = {
    'that erases without end': async () => {
      const userId = await server.people.user({ organization: 'busy', kind: 'machine' });
      await ok(busy, 'EraseUser', { userId });
    },
    'that begins attempts without end': async (which) => {
      const { attemptId = '' } = await ok(busy, 'BeginAttempt', { userId: `tried-${which}` }, application);
      await ok(busy, 'EndAttempt', { attemptId, outcome: 'OUTCOME_SUCCEEDED' }, application);
    },
    'that imports a hundred at a time without end': () => importInto('busy', busy),
    'that imports without end as another does, too': (which) =>
      which % 2 === 0 ? importInto('busy', busy) : importInto('second', second),
    'that rehearses imports without end': () => rehearseImport('busy', busy),
    'that previews without end': async () => {
      await Promise.all(
        Array.from({ length: previewsAtOnce }, () =>
          ok(busy, 'PreviewUnlock', { filter: { organizationId: 'busy' } }),
        ),
      );
    },
  };

  beforeAll(async () => {
    for (let which = 0; which < atOnce; which += 1) {
      await server.people.user({ organization: 'busy', userId: `tried-${which}` });
    }
  });

  test.each(Object.keys(floods))('%s', async (name) => {
    const userId = await server.people.user({ organization: 'home' });
    const options = {
      ask: () => lockAndUnlock(userId),
      flood: (signal: AbortSignal) => repeatedly(atOnce, signal, async (which) => floods[name]?.(which)),
      ...{ rounds, asks, leadMs: 100 },
    };
    const max = standsBack(name) ? standingBackMax : slowdownMax;
    const slowdown = await leastSlowdown(options, { part, max });
    process.stdout.write(`others beside an organization ${name}: ${slowdown.toFixed(2)} times as long\n`);
    expect(slowdown).toBeLessThan(max);
  }, 300_000);
});

test('two organizations that import at once, and nobody else calls: neither waits for the other', async () => {
  const made = { busy: 0, second: 0 };
  const end = new AbortController();
  const startedMs = performance.now();
  // One of them asks three times as often.
  const importing = repeatedly(8, end.signal, async (which) => {
    const organization = which < 2 ? 'second' : 'busy';
    await importInto(organization, organization === 'busy' ? busy : second);
    if (!end.signal.aborted) made[organization] += 100;
  });
  while (made.busy + made.second < 3_000) await new Promise((resolve) => setTimeout(resolve, 5));
  end.abort();
  const seconds = (performance.now() - startedMs) / 1_000;
  await importing;
  process.stdout.write(
    `two organizations import ${Math.round(made.busy / seconds)} and ${Math.round(made.second / seconds)} users a second\n`,
  );
  expect(made.second / made.busy).toBeGreaterThan(0.5);
}, 120_000);
