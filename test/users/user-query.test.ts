import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startMs, startServer, type TestServer } from '../support/start-server.ts';

let server: TestServer;
const tokens: Record<string, string> = {};
const start = new Date(startMs).toISOString();

beforeAll(async () => {
  server = await startServer();
  const { people } = server;
  for (const id of ['acme', 'beta', 'home']) await people.organization(id);
  await people.user({ organization: 'acme', userId: 'u1', userName: 'alice', state: 'locked' });
  await people.user({ organization: 'acme', userId: 'u2', userName: 'bob', state: 'initial' });
  await people.user({ organization: 'acme', userId: 'u3', state: 'deleted' });
  await people.user({ organization: 'beta', userId: 'u4', kind: 'machine', userName: 'robot' });
  tokens.instance = await people.caller({ organization: 'home', roles: ['IAM_OWNER_VIEWER'] });
  tokens.acme = await people.caller({
    organization: 'home',
    roles: [{ role: 'ORG_USER_UNLOCKER', organization: 'acme' }],
  });
  tokens.nobody = await people.caller({ organization: 'acme', roles: [] });
  tokens.u4 = await people.token('u4');
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function call(token: string, path: string, body?: object): Promise<Answer> {
  const res = await fetch(`${server.url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${tokens[token]}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  });
  return { status: res.status, text: await res.text() };
}

async function listUsers(token: string, body: object) {
  const { status, text } = await call(token, '/v2/users', body);
  expect({ status, text }).toMatchObject({ status: 200 });
  return JSON.parse(text) as {
    details: { totalResult: string; processedSequence: string; timestamp: string };
    sortingColumn: string;
    result?: { userId: string }[];
  };
}

const idsOf = (listed: { result?: { userId: string }[] }) => listed.result?.map(({ userId }) => userId) ?? [];

describe('GetUserByID', () => {
  test('answers a person with all that there is to say', async () => {
    const { status, text } = await call('instance', '/v2/users/u1');
    const named = {
      userId: 'u1',
      state: 'USER_STATE_LOCKED',
      username: 'alice',
      loginNames: ['alice@acme.example'],
      preferredLoginName: 'alice@acme.example',
    };
    const details = { sequence: '2', changeDate: start, resourceOwner: 'acme', creationDate: start };
    expect(status).toBe(200);
    expect(JSON.parse(text)).toEqual({
      details,
      user: {
        ...named,
        details,
        human: {
          ...named,
          profile: { givenName: 'Given', familyName: 'Family', displayName: 'Given Family' },
          email: { email: 'u1@mail.example', isVerified: true },
          passwordChanged: start,
        },
      },
    });
  });

  test('answers a machine', async () => {
    const { text } = await call('instance', '/v2/users/u4');
    expect(JSON.parse(text).user).toMatchObject({
      userId: 'u4',
      state: 'USER_STATE_ACTIVE',
      loginNames: ['robot@beta.example'],
      machine: { name: 'Machine' },
    });
  });

  test('unknown, deleted and foreign users are answered with the same bytes', async () => {
    const answers = await Promise.all(['u3', 'u4', 'nobody'].map((id) => call('acme', `/v2/users/${id}`)));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(404);
    expect(JSON.parse(answers[0]?.text ?? '')).toMatchObject({
      code: 5,
      message: 'User could not be found (LATCH-us3rnf0d)',
    });
  });

  test('who may read nowhere is refused, whether the user is there or not', async () => {
    for (const id of ['u1', 'u3', 'unknown']) {
      expect(await call('nobody', `/v2/users/${id}`)).toMatchObject({
        status: 403,
        text: expect.stringContaining('AUTH-AWfge'),
      });
    }
  });
});

describe('ListUsers', () => {
  test('answers the users of the organizations that the caller may read', async () => {
    expect(idsOf(await listUsers('acme', {}))).toEqual(expect.arrayContaining(['u1', 'u2']));
    expect(
      idsOf(await listUsers('acme', { queries: [{ organizationIdQuery: { organizationId: 'beta' } }] })),
    ).toEqual([]);
    expect(
      idsOf(await listUsers('instance', { queries: [{ inUserIdsQuery: { userIds: ['u1', 'u3', 'u4'] } }] })),
    ).toEqual(['u4', 'u1']);
  });

  test('who may read nowhere is refused', async () => {
    expect((await call('nobody', '/v2/users', {})).status).toBe(403);
  });

  test('tells total, newest event, time and the column it went by', async () => {
    const events = await server.app.store.listEvents({ afterPosition: 0, limit: 1_000 });
    const listed = await listUsers('instance', { query: { limit: 1, asc: true } });
    expect(listed.details).toEqual({
      totalResult: expect.any(String),
      processedSequence: String(events.at(-1)?.position),
      timestamp: start,
    });
    // The events of the whole instance are not the business of who reads one organization.
    const { details } = await listUsers('acme', { query: { limit: 1, asc: true } });
    expect(details).toEqual({ totalResult: '3', timestamp: start });
    expect(listed.sortingColumn).toBe('USER_FIELD_NAME_CREATION_DATE');
    expect(listed.result).toHaveLength(1);
  });

  test('sorts descending unless asked for ascending', async () => {
    const queries = [{ inUserIdsQuery: { userIds: ['u1', 'u2', 'u4'] } }];
    const sortingColumn = 'USER_FIELD_NAME_USER_NAME';
    expect(idsOf(await listUsers('instance', { sortingColumn, queries }))).toEqual(['u4', 'u2', 'u1']);
    const query = { asc: true, offset: '1' };
    expect(idsOf(await listUsers('instance', { sortingColumn, queries, query }))).toEqual(['u2', 'u4']);
  });

  const text = (method: string) => ({ method: `TEXT_QUERY_METHOD_${method}` });
  test.each([
    ['userNameQuery', { userName: 'ALI', ...text('STARTS_WITH_IGNORE_CASE') }, ['u1']],
    ['firstNameQuery', { firstName: 'give', ...text('CONTAINS_IGNORE_CASE') }, ['u2', 'u1']],
    ['lastNameQuery', { lastName: 'ily', ...text('ENDS_WITH') }, ['u2', 'u1']],
    ['nickNameQuery', { nickName: 'x' }, []],
    ['displayNameQuery', { displayName: 'Machine' }, ['u4']],
    ['emailQuery', { emailAddress: 'U2@MAIL.EXAMPLE', ...text('EQUALS_IGNORE_CASE') }, ['u2']],
    ['stateQuery', { state: 'USER_STATE_LOCKED' }, ['u1']],
    ['typeQuery', { type: 'TYPE_MACHINE' }, ['u4']],
    ['loginNameQuery', { loginName: 'robot@', ...text('STARTS_WITH') }, ['u4']],
    ['inUserIdsQuery', { userIds: ['u2'] }, ['u2']],
    ['orQuery', { queries: [{ typeQuery: { type: 2 } }, { stateQuery: { state: 4 } }] }, ['u4', 'u1']],
    ['andQuery', { queries: [{ typeQuery: { type: 1 } }, { stateQuery: { state: 4 } }] }, ['u1']],
    ['notQuery', { query: { stateQuery: { state: 'USER_STATE_LOCKED' } } }, ['u4', 'u2']],
    ['inUserEmailsQuery', { userEmails: ['u1@mail.example'] }, ['u1']],
    ['organizationIdQuery', { organizationId: 'beta' }, ['u4']],
    ['phoneQuery', { number: '+41' }, []],
  ])('%s %j', async (name, query, expected) => {
    const seeded = { inUserIdsQuery: { userIds: ['u1', 'u2', 'u4'] } };
    expect(idsOf(await listUsers('instance', { queries: [{ [name]: query }, seeded] }))).toEqual(expected);
  });

  const nested = (depth: number): object =>
    depth === 1 ? { stateQuery: { state: 4 } } : { notQuery: { query: nested(depth - 1) } };
  const refused: readonly [string, object, string][] = [
    ['a limit of 1001', { query: { limit: 1_001 } }, 'LATCH-l1m1tmax'],
    ['nesting 21 deep', { queries: [nested(21)] }, 'USER-zsQ97'],
    ['nesting 40 deep', { queries: [nested(40)] }, 'USER-zsQ97'],
    ['no query', { queries: [{ typeQuery: { type: 1 } }, {}] }, 'queries[1]'],
    ['an unspecified state', { queries: [{ stateQuery: {} }] }, 'queries[0].state_query.state: '],
    ['an unknown state', { queries: [{ stateQuery: { state: 9 } }] }, 'queries[0].state_query.state: '],
    [
      'a misspelt state',
      { queries: [{ stateQuery: { state: 'LOCKED' } }] },
      'queries[0].state_query.state: value is required, and must be one of USER_STATE_ACTIVE, USER_STATE_INACTIVE, USER_STATE_DELETED, USER_STATE_LOCKED, USER_STATE_INITIAL',
    ],
    [
      'an unspecified type',
      { queries: [{ typeQuery: {} }] },
      'queries[0].type_query.type: value is required, and must be one of TYPE_HUMAN, TYPE_MACHINE, ',
    ],
    ['an unknown column', { sortingColumn: 99 }, 'sorting_column: '],
    [
      'an unknown method',
      { queries: [{ phoneQuery: { number: '1', method: 8 } }] },
      'queries[0].phone_query.method: ',
    ],
    ['nothing to negate', { queries: [{ notQuery: {} }] }, 'queries[0].not_query.query: '],
    [
      'a NUL, nested',
      { queries: [{ orQuery: { queries: [{ emailQuery: { emailAddress: '\0' } }] } }] },
      'queries[0].or_query.queries[0].email_query.email_address: ',
    ],
    [
      'more than 1000 queries in all',
      {
        queries: Array.from({ length: 11 }, () => ({
          orQuery: { queries: Array.from({ length: 100 }, () => nested(1)) },
        })),
      },
      'queries: must be at most 1000',
    ],
  ];
  test.each(refused)('%s is refused', async (_name, body, expected) => {
    const { status, text } = await call('instance', '/v2/users', body);
    expect({ status, message: JSON.parse(text).message }).toEqual({
      status: 400,
      message: expect.stringContaining(expected),
    });
  });

  test('a limit of 1000 and nesting 20 deep are answered', async () => {
    expect(idsOf(await listUsers('instance', { query: { limit: 1_000 }, queries: [nested(19)] }))).toEqual([
      'u1',
    ]);
    expect(idsOf(await listUsers('acme', { queries: [nested(20)] }))).not.toContain('u1');
  });
});

describe('ListPersonalAccessTokens', () => {
  const search = async (token: string, body: object) => {
    const { status, text } = await call(token, '/v2/users/pats/search', body);
    expect({ status, text }).toMatchObject({ status: 200 });
    return JSON.parse(text);
  };

  test('answers the tokens of readable users, never a secret', async () => {
    const filters = [{ userIdFilter: { id: 'u4' } }];
    const { pagination, result } = await search('instance', { filters });
    const [id, secret] = (tokens.u4 ?? '').split('.');
    expect(pagination).toEqual({ totalResult: '1', appliedLimit: '100' });
    expect(result).toEqual([
      {
        creationDate: start,
        changeDate: start,
        id,
        userId: 'u4',
        organizationId: 'beta',
        expirationDate: new Date(startMs + 3_650 * 86_400_000).toISOString(),
      },
    ]);
    expect(JSON.stringify(result)).not.toContain(secret);
    expect(await search('acme', { filters, pagination: { limit: 7 } })).toEqual({
      pagination: { appliedLimit: '7' },
    });
    expect((await call('nobody', '/v2/users/pats/search', {})).status).toBe(403);
  });

  test('filters by time, to the nanosecond', async () => {
    const created = (method: string, timestamp: string) =>
      search('instance', {
        filters: [
          { createdDateFilter: { timestamp, method: `TIMESTAMP_FILTER_METHOD_${method}` } },
          { tokenIdFilter: { id: (tokens.u4 ?? '').split('.')[0] } },
        ],
      });
    expect((await created('EQUALS', start)).result).toHaveLength(1);
    expect((await created('AFTER', start)).result).toBeUndefined();
    const later = start.replace('Z', '000001Z');
    expect((await created('AFTER_OR_EQUALS', later)).result).toBeUndefined();
    expect((await created('BEFORE', later)).result).toHaveLength(1);
  });

  test.each([
    ['no filter', { filters: [{}] }, 'filters[0]'],
    ['no time', { filters: [{ createdDateFilter: {} }] }, 'filters[0].created_date_filter.timestamp: '],
    ['an unknown column', { sortingColumn: 9 }, 'sorting_column: '],
    ['a limit of 1001', { pagination: { limit: 1_001 } }, 'LATCH-l1m1tmax'],
  ])('%s is refused', async (_name, body, expected) => {
    const { status, text } = await call('instance', '/v2/users/pats/search', body);
    expect({ status, text }).toEqual({ status: 400, text: expect.stringContaining(expected) });
  });
});
