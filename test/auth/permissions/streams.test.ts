import { type Client, Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { AdminService } from '../../../gen/es/latchkey/v1/admin_pb.js';
import { LockService } from '../../../gen/es/latchkey/v1/lock_pb.js';
import { UnlockRunService } from '../../../gen/es/latchkey/v1/unlock_run_pb.js';
import { openDoor } from '../../support/door.ts';
import { startServer, type TestServer } from '../../support/start-server.ts';
import { ended, previewOf, startOf } from '../../unlock-run/runs.ts';

/** The columns of every table here. An IAM_ role is held on the instance, an ORG_ role in the organization "home". */
const roles = [
  ...['IAM_OWNER', 'IAM_OWNER_VIEWER', 'IAM_ORG_MANAGER', 'IAM_USER_MANAGER', 'IAM_LOGIN_CLIENT'],
  ...['IAM_USER_UNLOCKER', 'ORG_OWNER', 'ORG_OWNER_VIEWER', 'ORG_USER_MANAGER', 'ORG_USER_UNLOCKER'],
  'none',
];

type Place = 'home' | 'abroad';
const tokens = new Map<string, string>();
let server: TestServer;

beforeAll(async () => {
  server = await startServer();
  await server.people.organization('home');
  await server.people.organization('abroad');
  const organization = 'home';
  for (const role of roles) {
    const held = role.startsWith('IAM_') ? [role] : [{ role, organization }];
    tokens.set(role, await server.people.caller({ organization, roles: role === 'none' ? [] : held }));
  }
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const tokenOf = (role: string): string => tokens.get(role) ?? '';
const columns = (text: string): string => text.trim().split(/\s+/).join(' ');

test('FollowEvents', async () => {
  const sessionManager = new Http2SessionManager(server.url);
  const client = createClient(AdminService, createGrpcTransport({ baseUrl: server.url, sessionManager }));
  const marks = [];
  for (const role of roles) marks.push(await firstEvent(client, tokenOf(role)));
  sessionManager.abort();
  expect(marks.join(' ')).toBe(columns('+ + - - - - - - - - -'));
});

test('FollowLocks', async () => {
  const sessionManager = new Http2SessionManager(server.url);
  const client = createClient(LockService, createGrpcTransport({ baseUrl: server.url, sessionManager }));
  for (const [place, expected] of [
    ['home', '  + + + + + + + + + + -'],
    ['abroad', '+ + + + + + 0 0 0 0 -'],
  ] as const) {
    const marks = [];
    for (const role of roles) marks.push(await firstLock(client, tokenOf(role), place));
    expect(marks.join(' ')).toBe(columns(expected));
  }
  sessionManager.abort();
});

test('WatchUnlockRun', async () => {
  const sessionManager = new Http2SessionManager(server.url);
  const client = createClient(UnlockRunService, createGrpcTransport({ baseUrl: server.url, sessionManager }));
  await using door = openDoor(server.url, tokenOf('IAM_OWNER'));
  for (const [organization, expected] of [
    ['home', '  + + + + + + + + + + -'],
    ['abroad', '+ + + + + + ? ? ? ? -'],
  ] as const) {
    const userId = await server.people.user({ organization, state: 'locked' });
    const run = await startOf(door, await previewOf(door, { userIds: [userId] }));
    await ended(door, run);
    const marks = [];
    for (const role of roles) marks.push(await lastOfRun(client, tokenOf(role), String(run.runId)));
    expect(marks.join(' ')).toBe(columns(expected));
  }
  sessionManager.abort();
});

/** Whether the stream ends by itself with the run as it ended. */
async function lastOfRun(
  client: Client<typeof UnlockRunService>,
  token: string,
  runId: string,
): Promise<string> {
  let last = 'nothing';
  try {
    const headers = { authorization: `Bearer ${token}` };
    for await (const { run } of client.watchUnlockRun({ runId }, { headers })) {
      last = run?.unlocked === 1n && run.ended !== undefined ? '+' : 'not ended';
    }
    return last;
  } catch (error) {
    if (error instanceof ConnectError && error.code === Code.PermissionDenied) return '-';
    if (error instanceof ConnectError && error.code === Code.NotFound) return '?';
    throw error;
  }
}

/** Whether a lock in that place is told before one at home, which every reader here is told. */
async function firstLock(client: Client<typeof LockService>, token: string, place: Place): Promise<string> {
  const hangUp = new AbortController();
  const headers = { authorization: `Bearer ${token}` };
  try {
    for await (const { news } of client.followLocks({}, { headers, signal: hangUp.signal })) {
      if (news.case === 'locked') return news.value.organizationId === place ? '+' : '0';
      if (news.case !== 'heartbeat') return String(news.case);
      for (const organization of [place, 'home']) await server.people.user({ organization, state: 'locked' });
    }
    return 'ended';
  } catch (error) {
    if (error instanceof ConnectError && error.code === Code.PermissionDenied) return '-';
    throw error;
  } finally {
    hangUp.abort();
  }
}

async function firstEvent(client: Client<typeof AdminService>, token: string): Promise<string> {
  const hangUp = new AbortController();
  const headers = { authorization: `Bearer ${token}` };
  try {
    for await (const event of client.followEvents({}, { headers, signal: hangUp.signal })) {
      return event.type === 'organization.added' ? '+' : event.type;
    }
    return 'ended';
  } catch (error) {
    if (error instanceof ConnectError && error.code === Code.PermissionDenied) return '-';
    throw error;
  } finally {
    hangUp.abort();
  }
}
