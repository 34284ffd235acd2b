import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Store } from '../../src/store/store.ts';
import { restDialect } from '../support/dialects/all.ts';
import { type Form, sendBare } from '../support/dialects/bare.ts';
import { type Door, openDoor } from '../support/door.ts';
import { methods } from '../support/methods.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { bytesOf, openWire, type Wire } from '../support/wire.ts';
import { asksAboutOrganization, type Call, calls } from './calls.ts';

let server: TestServer;
let wire: Wire;
let door: Door;
/** Names of the store's functions, in the order in which the server called them. */
let storeCalls: string[] = [];
const tokens: Record<string, string> = {};
/** By user id, a token of that user. */
const tokenIds: Record<string, string> = {};

/** Users whom the callers may not read, and one that was never there. */
const targets = [
  'never',
  'initial',
  'active',
  'inactive',
  'locked',
  'deleted',
  'machine',
  'granted',
  'third',
];

beforeAll(async () => {
  server = await startServer({ wrapStore: counting });
  wire = openWire(server.url);
  const { people } = server;
  for (const id of ['home', 'abroad', 'third']) await people.organization(id);
  const organization = 'abroad';
  for (const state of ['initial', 'active', 'inactive', 'locked', 'deleted'] as const) {
    await people.user({ organization, userId: state, state });
  }
  await people.user({ organization, userId: 'machine', kind: 'machine' });
  tokenIds.machine = (await people.token('machine')).split('.')[0] ?? '';
  await people.user({ organization, userId: 'granted' });
  await people.grant('granted', { role: 'ORG_USER_UNLOCKER', organization: 'home' });
  await people.user({ organization: 'third', userId: 'third', state: 'locked' });
  await people.user({ organization: 'home', userId: 'own' });
  const owner = { role: 'ORG_OWNER', organization: 'home' };
  tokens.owner = await people.caller({ organization: 'home', roles: [owner] });
  tokens.nobody = await people.caller({ organization: 'home', roles: [] });
  door = openDoor(server.url, await people.caller({ organization: 'home', roles: ['IAM_OWNER'] }));
});
afterAll(async () => {
  await door[Symbol.asyncDispose]();
  await wire[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const byTheClock = [
  'listAttemptsOver',
  'listErasures',
  'listLocksOver',
  'removeSessionsOver',
  'listSubscriptionsFree',
  'listRunsLeft',
  'listRunsOldest',
];

function counting(store: Store): Store {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function' || typeof name !== 'string') return value;
      // They come by the clock and not by a call.
      if (byTheClock.includes(name)) return value;
      return (...args: unknown[]) => {
        storeCalls.push(name);
        return value.apply(target, args);
      };
    },
  });
}

const connectJson = {
  http: 1,
  frame: 'connect',
  url: 'rpc',
  codec: 'json',
  contentType: 'application/json',
} as const;
const forms: readonly (readonly [string, Form])[] = [
  ['REST', restDialect],
  ['Connect', connectJson],
  ['gRPC-Web', { ...connectJson, frame: 'web', codec: 'proto', contentType: 'application/grpc-web+proto' }],
];

interface Question {
  readonly call: Call;
  readonly as: string;
}

async function answersTo({ call, as }: Question, form: Form) {
  const answers = new Map<string, string[]>();
  const reads = new Set<string>();
  const texts = new Set<string>();
  for (const userId of targets) {
    storeCalls = [];
    const ask = { method: call.method, message: call.request(userId, tokenIds), token: tokens[as] };
    const answer = await sendBare(wire, form, ask);
    const bytes = bytesOf(answer);
    answers.set(bytes, [...(answers.get(bytes) ?? []), userId]);
    reads.add(storeCalls.join(' '));
    texts.add(answer.body.toString());
  }
  return { answers: [...answers.values()], reads: [...reads], texts: [...texts] };
}

const questions = calls.flatMap((call) => [
  { call, as: 'owner', name: `${call.name}, owner of another organization`, says: call.owner },
  { call, as: 'nobody', name: `${call.name}, no role`, says: 'AUTH-AWfge' },
]);

describe.each(forms)('%s', (_, form) => {
  test.each(questions)('$name: one answer for all, after the same reads', async (question) => {
    const { answers, reads, texts } = await answersTo(question, form);
    expect(answers).toEqual([targets]);
    // One clock for all would prove less: whoever takes as many steps for each, in the same order, tells none apart.
    expect(reads).toHaveLength(1);
    // Who holds the permission nowhere is turned away before anybody is looked up.
    if (question.says === 'AUTH-AWfge') expect(reads).toEqual(['loadToken']);
    else expect(reads[0]).toMatch(/^loadToken \w+$/);
    expect(texts).toHaveLength(1);
    if (question.says === 'OK') expect(texts[0]).not.toMatch(/abroad|third/);
    else expect(texts[0]).toContain(question.says);
  });
});

test('every call that takes a user id is asked', () => {
  const withUserId = Object.entries(methods).filter(([, { desc }]) =>
    desc.input.fields.some(({ name }) => name === 'user_id'),
  );
  const asked = new Set<string>(calls.map(({ method }) => method));
  // A new user's id is not hidden: ids are unique, so whoever may add users learns which are taken, and no more.
  const missing = withUserId.map(([name]) => name).filter((name) => !asked.has(name));
  expect(missing).toEqual(['CreateUser', 'AddHumanUser']);
});

describe('an organization that the caller may not read is one that does not exist', () => {
  test.each(asksAboutOrganization)('%s', async (_, method, request) => {
    const answers = new Set<string>();
    for (const id of ['abroad', 'third', 'nowhere']) {
      const ask = { method, message: request(id), token: tokens.owner };
      answers.add(bytesOf(await sendBare(wire, restDialect, ask)));
    }
    expect([...answers]).toHaveLength(1);
  });
});

test('a taken user id says nothing of who took it', async () => {
  const answers = new Set<string>();
  for (const userId of targets.filter((id) => id !== 'never' && id !== 'deleted')) {
    const message = { organizationId: 'home', userId, machine: { name: 'Machine' } };
    const ask = { method: 'CreateUser', message, token: tokens.owner } as const;
    answers.add(bytesOf(await sendBare(wire, restDialect, ask)));
  }
  expect([...answers]).toHaveLength(1);
});

test('after all of it, nobody abroad was touched', async () => {
  const types = [];
  for (const userId of targets) {
    const events = await door.events(userId);
    types.push(`${userId}: ${events.map(({ type }) => type).join(' ')}`);
  }
  expect(types).toEqual([
    'never: ',
    'initial: user.human.added',
    'active: user.human.added',
    'inactive: user.human.added user.deactivated',
    'locked: user.human.added user.locked',
    'deleted: user.human.added user.removed',
    'machine: user.machine.added user.pat.added',
    'granted: user.human.added user.grant.added',
    'third: user.human.added user.locked',
  ]);
});
