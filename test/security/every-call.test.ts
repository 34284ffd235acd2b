import http2 from 'node:http2';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createDesk } from '../../src/rpc/desk.ts';
import { createCallLimits } from '../../src/rpc/limits/call-limits.ts';
import { attacks, type Target } from '../hidden/attacks.ts';
import { makeBadTokens } from '../hidden/bad-tokens.ts';
import { restDialect } from '../support/dialects/all.ts';
import { type Form, sendBare } from '../support/dialects/bare.ts';
import { type Door, openDoor } from '../support/door.ts';
import { audience, startIssuer } from '../support/issuer.ts';
import { type MethodName, methods } from '../support/methods.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { openEmptyDatabase } from '../support/stores.ts';
import { bytesOf, openWire, type Wire, type WireAnswer, type WireHeaders } from '../support/wire.ts';
import { ended, previewOf, startOf } from '../unlock-run/runs.ts';

const resources = new AsyncDisposableStack();
let server: TestServer;
let wire: Wire;
let database: string;
let victim: Target;
const absent: Target = {
  organizationId: 'nowhere',
  userId: 'nobody',
  tokenId: '1',
  sessionId: '1',
  sessionToken: 'wrong',
  runId: '1',
  subscriptionId: 'none',
};
let badTokens: Readonly<Record<string, string>> = {};
/** By role; none of them is worth anything abroad. */
const callers = new Map<string, string>();

beforeAll(async () => {
  const issuer = resources.use(await startIssuer());
  database = resources.use(await openEmptyDatabase('sqlite')).database;
  const oidc = ['--oidc-issuer', issuer.url, '--oidc-audience', audience];
  const flags = [...oidc, '--oidc-roles', 'admins=IAM_OWNER,owners=ORG_OWNER@home'];
  server = resources.use(await startServer({ database, flags }));
  wire = resources.use(openWire(server.url));
  const { people } = server;
  for (const id of ['home', 'abroad']) await people.organization(id);
  await people.user({ organization: 'home', userId: 'own' });
  const door = resources.use(
    openDoor(server.url, await people.caller({ organization: 'home', roles: ['IAM_OWNER'] })),
  );
  badTokens = await makeBadTokens(server, door, issuer);
  for (const role of ['ORG_OWNER', 'ORG_OWNER_VIEWER', 'ORG_USER_MANAGER', 'ORG_USER_UNLOCKER']) {
    const roles = [{ role, organization: 'home' }];
    callers.set(role, await people.caller({ organization: 'home', roles }));
  }
  callers.set('nothing', await people.caller({ organization: 'abroad', roles: [] }));
  const byClaim = (...roles: string[]) => issuer.sign({ claims: { roles } });
  callers.set('ORG_OWNER by a claim', await byClaim('owners'));
  callers.set('a claim that looks like a role', await byClaim('ORG_OWNER@abroad', 'IAM_OWNER', '__proto__'));
  victim = await makeVictim(door);
});
afterAll(() => resources.disposeAsync());

/** Somebody abroad with everything that can be had, and locked. */
async function makeVictim(door: Door): Promise<Target> {
  const { people } = server;
  const userId = await people.user({ organization: 'abroad', userId: 'victim', kind: 'machine' });
  const tokenId = (await people.token(userId)).split('.')[0] ?? '';
  await people.grant(userId, { role: 'ORG_OWNER', organization: 'abroad' });
  const session = await people.session(await people.user({ organization: 'abroad' }));
  const wanted = { organizationId: 'abroad', url: 'https://hooks.example/' };
  const { response } = await door.ask('CreateSubscription', wanted);
  const { subscriptionId } = response.subscription as { readonly subscriptionId: string };
  // Nothing but attacks moves its row.
  await door.ask('PauseSubscription', { subscriptionId });
  const runId = await makeRun(door);
  return { organizationId: 'abroad', userId, tokenId, ...session, runId, subscriptionId };
}

/** A run abroad that has ended. */
async function makeRun(door: Door): Promise<string> {
  const userId = await server.people.user({ organization: 'abroad', state: 'locked' });
  const run = await startOf(door, await previewOf(door, { userIds: [userId] }));
  return String((await ended(door, run)).runId);
}

const grpc: Form = {
  http: 2,
  frame: 'grpc',
  codec: 'proto',
  url: 'rpc',
  contentType: 'application/grpc+proto',
};
const dialects = [
  ['REST', restDialect],
  ['gRPC', grpc],
] as const;
const names = Object.keys(methods) as MethodName[];

interface Attack {
  readonly name: MethodName;
  readonly form: Form;
  readonly target: Target;
}

/** The answers, in order, to all that is asked of the target by this call. */
async function attack({ name, form, target }: Attack, token: string | undefined, headers: WireHeaders = {}) {
  const answers: string[] = [];
  for (const message of attacks[name](target)) {
    const answer = await sendBare(wire, form, { method: name, message, token, headers });
    answers.push(`${codeOf(answer)} ${bytesOf(answer)}`);
  }
  return answers;
}

/** The HTTP status, or the status of gRPC. */
function codeOf({ status, headers, trailers }: WireAnswer): string {
  return headers['grpc-status'] ?? trailers['grpc-status'] ?? String(status);
}

/** Every row of every table: whatever is changed shows here. */
function everyRow(): readonly unknown[] {
  using db = new DatabaseSync(database, { readOnly: true });
  const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").all();
  return tables.map(({ name }) => [name, JSON.stringify(db.prepare(`SELECT * FROM "${name}"`).all())]);
}

const unauthenticated = /^(401|16) /;
/** Not found, or forbidden; a list that does not hold it is an answer too. */
const refusedOrEmpty = /^(200|0|403|404|5|7) /;
/** What it takes is sealed for the caller: anything else is no argument. */
const refusedOrSealed = /^(400|3|403|7) /;

const noLimits = { callsPerSecondPerToken: 0, callsPerSecondPerAddress: 0, refusedPerSecondPerAddress: 0 };

/** What answers more than once has tests of its own. */
const streams = [
  'latchkey.v1.AdminService/FollowEvents',
  'latchkey.v1.LockService/FollowLocks',
  'latchkey.v1.UnlockRunService/WatchUnlockRun',
];

test('every call that is served is attacked', () => {
  const limits = createCallLimits(noLimits, 0);
  const { services } = createDesk({ ...server.app, limits }, () => Promise.resolve(true));
  const served = services
    .filter(({ desc }) => !desc.typeName.startsWith('grpc.'))
    .flatMap(({ desc }) => desc.methods.map(({ name }) => `${desc.typeName}/${name}`));
  const attacked = names.map((name) => `${methods[name].desc.parent.typeName}/${methods[name].desc.name}`);
  expect([...attacked, ...streams].sort()).toEqual([...served].sort());
});

describe.each(dialects)('%s', (_, form) => {
  test.each(names)('%s: every token that is not good is one answer, and does nothing', async (name) => {
    const before = everyRow();
    const ofNobody = await attack({ name, form, target: victim }, '1.nobody');
    for (const answer of ofNobody) expect(answer).toMatch(unauthenticated);
    for (const [what, token] of Object.entries(badTokens)) {
      const answers = await attack({ name, form, target: victim }, token);
      expect({ what, answers }).toEqual({ what, answers: ofNobody });
    }
    for (const answer of await attack({ name, form, target: victim }, undefined)) {
      expect(answer).toMatch(unauthenticated);
    }
    expect(everyRow()).toEqual(before);
  });

  test.each(names)('%s: what is abroad is as absent, whatever is held at home', async (name) => {
    const before = everyRow();
    const foreign = { ...victim, sessionToken: 'wrong' };
    for (const [role, token] of callers) {
      const answers = await attack({ name, form, target: foreign }, token);
      expect({ role, answers }).toEqual({
        role,
        answers: await attack({ name, form, target: absent }, token),
      });
      for (const answer of answers) {
        expect(answer).toMatch(name === 'StartUnlockRun' ? refusedOrSealed : refusedOrEmpty);
        if (isList(name)) expect(bodyOf(answer)).not.toMatch(/abroad|victim/);
      }
      // A header that names the organization is no grant there.
      const headers = { 'x-zitadel-orgid': 'abroad' };
      expect({ role, answers: await attack({ name, form, target: foreign }, token, headers) }).toEqual({
        role,
        answers,
      });
    }
    expect(everyRow()).toEqual(before);
  });
});

const isList = (name: string): boolean => name.startsWith('List');
function bodyOf(answer: string): string {
  const { body } = JSON.parse(answer.slice(answer.indexOf(' '))) as { body: string };
  return Buffer.from(body, 'base64').toString();
}

/** The status of a refusal; nothing where messages begin to come. */
async function follow(
  token: string,
  path = '/latchkey.v1.AdminService/FollowEvents',
  message = Buffer.alloc(0),
): Promise<unknown> {
  const session = http2.connect(server.url);
  try {
    const headers = { 'content-type': 'application/grpc', te: 'trailers', authorization: `Bearer ${token}` };
    const stream = session.request({ ':method': 'POST', ':path': path, ...headers });
    stream.end(Buffer.from([0, 0, 0, 0, message.length, ...message]));
    return await new Promise((resolve) => {
      for (const name of ['response', 'trailers']) {
        stream.on(name, ({ 'grpc-status': status }) => status !== undefined && resolve(status));
      }
      stream.once('data', () => resolve(undefined));
    });
  } finally {
    session.destroy();
  }
}

test('FollowEvents: as ListEvents', async () => {
  for (const [what, token] of Object.entries(badTokens)) {
    expect([what, await follow(token)]).toEqual([what, '16']);
  }
  for (const [role, token] of callers) expect([role, await follow(token)]).toEqual([role, '7']);
});

test('FollowLocks: to whoever reads somewhere', async () => {
  const path = '/latchkey.v1.LockService/FollowLocks';
  for (const [what, token] of Object.entries(badTokens)) {
    expect([what, await follow(token, path)]).toEqual([what, '16']);
  }
  for (const [role, token] of callers) {
    expect([role, await follow(token, path)]).toEqual([role, role.startsWith('ORG_') ? undefined : '7']);
  }
});

test('WatchUnlockRun: as GetUnlockRun', async () => {
  const path = '/latchkey.v1.UnlockRunService/WatchUnlockRun';
  const watch = (token: string, runId: string) =>
    follow(token, path, Buffer.from([0x0a, runId.length, ...Buffer.from(runId)]));
  for (const [what, token] of Object.entries(badTokens)) {
    expect([what, await watch(token, victim.runId)]).toEqual([what, '16']);
  }
  for (const [role, token] of callers) {
    const expected = role.startsWith('ORG_') ? '5' : '7';
    expect([role, await watch(token, victim.runId)]).toEqual([role, expected]);
    expect([role, await watch(token, absent.runId)]).toEqual([role, expected]);
  }
});
