import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { type ChildServer, standBy } from '../support/child-server.ts';
import { type Door, openDoor } from '../support/door.ts';
import { repetitions } from '../support/repetitions.ts';

const times = repetitions({ few: 3, many: 50 });
const attemptMs = 1_000;
/** For the sweep to come by, on a slow machine. */
const patienceMs = 20_000;

async function failuresOf(door: Door, userId: string): Promise<number> {
  const events = await door.events(userId);
  return events.filter(({ type }) => type === 'user.human.password.check.failed').length;
}

async function untilCounted(door: Door, userId: string): Promise<void> {
  const deadlineMs = performance.now() + patienceMs;
  while ((await failuresOf(door, userId)) === 0) {
    if (performance.now() > deadlineMs) throw new Error(`nobody counted the attempt of ${userId}`);
    await delay(50);
  }
}

test(`a server that is killed between begin and end, ${times} times: each attempt has failed, once`, async () => {
  await using resources = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-attempts-'));
  resources.defer(() => rm(folder, { recursive: true }));
  const flags = ['--data', folder, '--attempt-seconds', String(attemptMs / 1_000)];
  const start = (): Promise<ChildServer> => resources.use(standBy(flags)).start();
  let server = await start();
  const token = (await readFile(join(folder, 'admin-token'), 'utf8')).trim();
  const tried: string[] = [];
  for (let time = 0; time < times; time += 1) {
    await using door = openDoor(server.url, token);
    const [organization] = (await door.ask('ListOrganizations', {})).response.organizations as {
      organizationId: string;
    }[];
    const who = { externalId: `customer ${time}`, organizationId: organization?.organizationId ?? '' };
    const begun = await door.ask('BeginAttempt', { ...who, createMissing: true });
    expect(begun.ok).toBe(true);
    server.kill('SIGKILL');
    expect(await server.exited).toBe('SIGKILL');
    server = await start();
    await using again = openDoor(server.url, token);
    const method = 'TEXT_QUERY_METHOD_EQUALS';
    const queries = [{ externalIdQuery: { externalId: who.externalId, method } }];
    const listed = (await again.ask('ListUsers', { queries })).response.result as { userId: string }[];
    const userId = listed[0]?.userId ?? '';
    tried.push(userId);
    await untilCounted(again, userId);
    const attemptId = String(begun.response.attemptId);
    expect((await again.ask('EndAttempt', { attemptId, outcome: 'OUTCOME_SUCCEEDED' })).code).toBe(
      'NotFound',
    );
  }
  await using door = openDoor(server.url, token);
  // Long after the last could have been counted again.
  await delay(2 * attemptMs);
  for (const userId of tried) expect(await failuresOf(door, userId)).toBe(1);
}, 900_000);
