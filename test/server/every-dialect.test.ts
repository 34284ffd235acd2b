import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Answer, Detail } from '../support/answer.ts';
import { type Clients, type Dialect, dialects, openClients } from '../support/dialects/all.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { type StoreKind, stores } from '../support/stores.ts';

interface Serving {
  readonly server: TestServer;
  readonly clients: Clients;
  readonly tokens: Readonly<Record<string, string>>;
}

const serving = new Map<StoreKind, Serving>();

beforeAll(async () => {
  for (const [store] of stores) serving.set(store, await serve(store));
});

afterAll(async () => {
  for (const { server, clients } of serving.values()) {
    await clients[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  }
});

async function serve(store: StoreKind): Promise<Serving> {
  const server = await startServer({ store });
  const { people } = server;
  const tokens: Record<string, string> = {};
  await people.organization('acme');
  await people.organization('beta');
  const unlocker = { role: 'ORG_USER_UNLOCKER', organization: 'acme' };
  tokens.helper = await people.caller({ organization: 'acme', roles: [unlocker] });
  // Holds user.unlock somewhere, and may read in acme, but not unlock there.
  tokens.reader = await people.caller({
    organization: 'beta',
    roles: [
      { role: 'ORG_USER_UNLOCKER', organization: 'beta' },
      { role: 'ORG_OWNER_VIEWER', organization: 'acme' },
    ],
  });
  tokens.nobody = await people.caller({ organization: 'acme', roles: [] });
  await people.user({ organization: 'acme', userId: 'active' });
  await people.user({ organization: 'acme', userId: 'locked', state: 'locked' });
  await people.user({ organization: 'beta', userId: 'abroad', state: 'locked' });
  return { server, clients: openClients(server.url), tokens };
}

function on(store: StoreKind): Serving {
  const found = serving.get(store);
  if (found === undefined) throw new Error(`no server on ${store}`);
  return found;
}

interface Case {
  readonly name: string;
  readonly userId: string;
  /** Who asks; nobody where absent. */
  readonly as?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly malformed?: boolean;
  readonly code: string;
  /** By what reads the body, where that is what complains. */
  readonly message: string | Readonly<Record<'rest' | Dialect['codec'], string>>;
  readonly details: readonly Detail[];
  /** Of REST and Connect; gRPC and gRPC-Web say 200 to everything. */
  readonly httpStatus: number;
}

const errorDetail = (id: string, message: string) => ({ type: 'zitadel.v1.ErrorDetail', id, message });
const errorInfo = (reason: string) => ({ type: 'google.rpc.ErrorInfo', reason, domain: 'latchkey' });

const notFound = {
  code: 'NotFound',
  message: 'User could not be found (COMMAND-x377t913pw)',
  details: [errorDetail('COMMAND-x377t913pw', 'User could not be found'), errorInfo('USER_NOT_FOUND')],
  httpStatus: 404,
};
const forbidden = {
  code: 'PermissionDenied',
  message: 'No matching permissions found (AUTH-AWfge)',
  details: [
    errorDetail('AUTH-AWfge', 'No matching permissions found'),
    { ...errorInfo('PERMISSION_MISSING'), metadata: { permission: 'user.unlock' } },
  ],
  httpStatus: 403,
};
const tokenInvalid = {
  code: 'Unauthenticated',
  message: 'Errors.Token.Invalid (AUTH-7fs1e)',
  details: [errorDetail('AUTH-7fs1e', 'Errors.Token.Invalid'), errorInfo('TOKEN_INVALID')],
  httpStatus: 401,
};
const headerInvalid = {
  code: 'Unauthenticated',
  message: 'invalid auth header (AUTH-toLo1)',
  details: [errorDetail('AUTH-toLo1', 'invalid auth header'), errorInfo('AUTH_HEADER_INVALID')],
  httpStatus: 401,
};
const invalid = { code: 'InvalidArgument', details: [], httpStatus: 400 };

const cases: readonly Case[] = [
  {
    name: 'not locked',
    userId: 'active',
    as: 'helper',
    code: 'FailedPrecondition',
    message: 'User is not locked (COMMAND-olb9vb0oca)',
    details: [errorDetail('COMMAND-olb9vb0oca', 'User is not locked'), errorInfo('USER_NOT_LOCKED')],
    httpStatus: 400,
  },
  { name: 'unknown', userId: 'unknown', as: 'helper', ...notFound },
  { name: 'foreign organization', userId: 'abroad', as: 'helper', ...notFound },
  { name: 'readable, but not to be unlocked', userId: 'locked', as: 'reader', ...forbidden },
  { name: 'caller without any grant', userId: 'locked', as: 'nobody', ...forbidden },
  {
    name: 'no token',
    userId: 'locked',
    code: 'Unauthenticated',
    message: 'auth header missing',
    details: [],
    httpStatus: 401,
  },
  {
    name: 'bad scheme',
    userId: 'locked',
    headers: { authorization: 'Basic bG9ja2VkOmxvY2tlZA==' },
    ...headerInvalid,
  },
  {
    name: 'no token behind the scheme',
    userId: 'locked',
    headers: { authorization: 'Bearer' },
    ...headerInvalid,
  },
  { name: 'bad token', userId: 'locked', headers: { authorization: 'Bearer 1.2' }, ...tokenInvalid },
  { name: 'token of no form', userId: 'locked', headers: { authorization: 'Bearer x' }, ...tokenInvalid },
  {
    name: 'unknown x-zitadel-orgid',
    userId: 'locked',
    as: 'helper',
    headers: { 'x-zitadel-orgid': 'nowhere' },
    code: 'PermissionDenied',
    message: "Organisation doesn't exist (AUTH-Bs7Ds)",
    details: [
      errorDetail('AUTH-Bs7Ds', "Organisation doesn't exist"),
      errorInfo('ORGANIZATION_HEADER_UNKNOWN'),
    ],
    httpStatus: 403,
  },
  {
    name: 'id of 201 code points',
    userId: '🔑'.repeat(201),
    as: 'helper',
    ...invalid,
    message: 'user_id: must be at most 200 characters [string.max_len]',
  },
  { name: 'id of 200 code points', userId: '🔑'.repeat(200), as: 'helper', ...notFound },
  {
    name: 'malformed body',
    userId: 'locked',
    as: 'helper',
    malformed: true,
    ...invalid,
    message: {
      rest: 'malformed JSON',
      json: 'malformed JSON',
      proto: 'malformed protobuf: premature EOF',
    },
  },
];

const emptyId: Case = {
  name: 'empty id',
  userId: '',
  as: 'helper',
  ...invalid,
  message: 'user_id: must be at least 1 characters [string.min_len]',
};

const onEveryStore = stores.flatMap(([store]) =>
  dialects.map((dialect) => ({ store, dialect, name: dialect.name })),
);

describe.each(onEveryStore)('$name, on $store', ({ store, dialect }) => {
  // An empty segment of a path names nobody: that URL is no route at all.
  const all = dialect.url === 'rest' ? cases : [...cases, emptyId];

  test.each(all)('$name', async (one) => {
    const { as, userId, headers, malformed = false } = one;
    const { clients, tokens } = on(store);
    const token = as === undefined ? undefined : tokens[as];
    const ask = { method: 'UnlockUser', message: { userId }, token, malformed } as const;
    const answer = await clients.ask(dialect, { ...ask, ...(headers && { headers }) });
    expect(answer).toEqual({
      ok: false,
      code: one.code,
      message: messageIn(dialect, one),
      details: one.details,
      httpStatus: statusIn(dialect, { httpStatus: one.httpStatus, isByHand: malformed }),
      response: {},
    } satisfies Answer);
  });

  test('OK, with all four details; and again: not locked', async () => {
    const { server, clients, tokens } = on(store);
    const userId = await server.people.user({ organization: 'acme', state: 'locked' });
    server.clock.nowMs += 1_001;
    const ask = { method: 'UnlockUser', message: { userId }, token: tokens.helper } as const;
    const changeDate = new Date(server.clock.nowMs).toISOString();
    const creationDate = new Date(server.clock.nowMs - 1_001).toISOString();
    const response: JsonObject = {
      details: { sequence: '3', changeDate, resourceOwner: 'acme', creationDate },
    };
    expect(await clients.ask(dialect, ask)).toEqual({
      ok: true,
      code: 'OK',
      message: '',
      details: [],
      httpStatus: statusIn(dialect, { httpStatus: 200, isByHand: false }),
      response,
    } satisfies Answer);
    expect((await clients.ask(dialect, ask)).message).toBe('User is not locked (COMMAND-olb9vb0oca)');
  });
});

describe.each(onEveryStore)('LockService.UnlockUser, $name, on $store', ({ store, dialect }) => {
  test('OK with all that is written down; of a newer lock it is told which that is', async () => {
    const { server, clients, tokens } = on(store);
    const userId = await server.people.user({ organization: 'acme', state: 'locked' });
    const message = {
      ...{ userId, reason: 'asked', ticket: 'T-1', identification: 'called back', requestId: 'once' },
      expectedGeneration: '2',
    };
    const ask = { method: 'LockService.UnlockUser', message, token: tokens.helper } as const;
    const now = new Date(server.clock.nowMs).toISOString();
    const details = { sequence: '3', changeDate: now, resourceOwner: 'acme', creationDate: now };
    const first = await clients.ask(dialect, ask);
    expect(first).toMatchObject({ code: 'OK', response: { details, generation: '2' } });
    await server.people.act(userId, 'lock');
    expect(await clients.ask(dialect, ask)).toEqual(first);
    expect(await clients.ask(dialect, { ...ask, message: { ...message, requestId: '' } })).toEqual({
      ok: false,
      code: 'FailedPrecondition',
      message: 'The lock is another one now, please look at it again (LATCH-l0ckgen1)',
      details: [
        errorDetail('LATCH-l0ckgen1', 'The lock is another one now, please look at it again'),
        { ...errorInfo('LOCK_IS_ANOTHER'), metadata: { generation: '4' } },
      ],
      httpStatus: statusIn(dialect, { httpStatus: 400, isByHand: false }),
      response: {},
    } satisfies Answer);
  });
});

function messageIn({ frame, codec }: Dialect, { message }: Case): string {
  if (typeof message === 'string') return message;
  return message[frame === 'rest' ? 'rest' : codec];
}

// grpc-js does not tell; what it is told stands in the rows of the bare client.
function statusIn(dialect: Dialect, answer: { httpStatus: number; isByHand: boolean }): number | undefined {
  if (dialect.client === 'grpc-js' && !answer.isByHand) return undefined;
  return dialect.frame === 'rest' || dialect.frame === 'connect' ? answer.httpStatus : 200;
}
