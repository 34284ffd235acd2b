import type { JsonObject } from '@bufbuild/protobuf';
import type { Answer } from '../support/answer.ts';
import { type Door, openDoor } from '../support/door.ts';
import type { TestServer } from '../support/start-server.ts';

/** The preview of a filter, which must go well. */
export async function previewOf(door: Door, filter: JsonObject, more: JsonObject = {}): Promise<JsonObject> {
  return ok(await door.ask('PreviewUnlock', { filter, ...more }));
}

/** The run of a preview, as it was previewed. */
export async function startOf(door: Door, preview: JsonObject, more: JsonObject = {}): Promise<JsonObject> {
  const { runToken = '', count = '0' } = preview;
  return runOf(await door.ask('StartUnlockRun', { runToken, confirmedCount: count, ...more }));
}

/** The run of an answer, which must have gone well. */
export function runOf(answer: Answer): JsonObject {
  return ok(answer).run as JsonObject;
}

function ok(answer: Answer): JsonObject {
  if (!answer.ok) throw new Error(`${answer.code}: ${answer.message}`);
  return answer.response;
}

const endsWithinMs = 30_000;

/** The run when it has ended. */
export async function ended(door: Door, { runId = '' }: JsonObject): Promise<JsonObject> {
  const deadlineMs = performance.now() + endsWithinMs;
  for (;;) {
    const run = runOf(await door.ask('GetUnlockRun', { runId }));
    if (run.ended !== undefined) return run;
    if (performance.now() > deadlineMs) throw new Error(`the run goes on: ${JSON.stringify(run)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Every item of the run, page by page: `user outcome sequence why`. */
export async function itemsOf(door: Door, { runId = '' }: JsonObject, pageSize = 3): Promise<string[]> {
  const found: string[] = [];
  for (let pageToken = ''; ; ) {
    const page = ok(await door.ask('ListUnlockRunItems', { runId, pageSize, pageToken }));
    for (const item of (page.items ?? []) as JsonObject[]) {
      const { userId, outcome = 'UNSPECIFIED', sequence = '0', why = '' } = item;
      found.push(`${userId} ${String(outcome).replace('UNLOCK_OUTCOME_', '')} ${sequence} ${why}`);
    }
    pageToken = String(page.nextPageToken ?? '');
    if (pageToken === '') return found;
  }
}

/** A run in "acme" that takes a hundred seconds; its id. The token is an owner's. */
export async function longRun({ people, url }: TestServer, token: string): Promise<string> {
  const userIds: string[] = [];
  for (let index = 0; index < 100; index += 1) {
    userIds.push(await people.user({ organization: 'acme', state: 'locked' }));
  }
  await using door = openDoor(url, token);
  return String((await startOf(door, await previewOf(door, { userIds }), { maxPerSecond: 1 })).runId);
}
