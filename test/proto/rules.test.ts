import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { createValidator } from '@bufbuild/protovalidate';
import { describe, expect, test } from '@jest/globals';
import * as admin from '../../gen/es/latchkey/v1/admin_pb.js';
import * as subscription from '../../gen/es/latchkey/v1/subscription_pb.js';
import * as run from '../../gen/es/latchkey/v1/unlock_run_pb.js';
import { CheckOTPSchema, ChecksSchema, CheckTOTPSchema } from '../../gen/es/zitadel/session/v2/check_pb.js';
import { SearchQuerySchema as SessionQuerySchema } from '../../gen/es/zitadel/session/v2/query_pb.js';
import * as session from '../../gen/es/zitadel/session/v2/session_service_pb.js';
import { SearchQuerySchema } from '../../gen/es/zitadel/user/v2/query_pb.js';
import * as user from '../../gen/es/zitadel/user/v2/user_service_pb.js';

const validator = createValidator();

/** What the message breaks: `field: rule` for each. */
function broken<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): string[] {
  const result = validator.validate(schema, create(schema, init));
  if (result.kind === 'error') throw result.error;
  return (result.violations ?? []).map((v) => v.toString().replace(/^(.*): .*\[(.*)\]$/, '$1: $2'));
}

const address = { email: 'ada@example.com' };
const profile = { givenName: 'Ada', familyName: 'Lovelace' };
const queries = (count: number) =>
  Array.from({ length: count }, () => ({
    query: { case: 'stateQuery' as const, value: { state: 1 } },
  }));

describe('field rules hold for messages generated from our protos', () => {
  const { UnlockUserRequestSchema: unlock } = user;

  test('a length counts code points and includes both ends', () => {
    expect(broken(unlock, {})).toEqual(['user_id: string.min_len']);
    expect(broken(unlock, { userId: 'x' })).toEqual([]);
    expect(broken(unlock, { userId: '𝒳'.repeat(200) })).toEqual([]);
    expect(broken(unlock, { userId: '𝒳'.repeat(201) })).toEqual(['user_id: string.max_len']);
  });

  test.each([
    ['unlock', user.UnlockUserRequestSchema],
    ['lock', user.LockUserRequestSchema],
    ['deactivate', user.DeactivateUserRequestSchema],
    ['reactivate', user.ReactivateUserRequestSchema],
    ['delete', user.DeleteUserRequestSchema],
    ['get', user.GetUserByIDRequestSchema],
  ])('%s needs a user id', (_, schema) => {
    expect(broken(schema as typeof unlock, { userId: '' })).toEqual(['user_id: string.min_len']);
  });

  test('an optional field is held to its rule only where it is set', () => {
    const human = { case: 'human' as const, value: { profile, email: address } };
    const schema = user.CreateUserRequestSchema;
    expect(broken(schema, { organizationId: '1', userType: human })).toEqual([]);
    expect(broken(schema, { organizationId: '1', userId: '', username: '', userType: human })).toEqual([
      'user_id: string.min_len',
      'username: string.min_len',
    ]);
  });

  test('so is a member of a oneof', () => {
    const schema = user.SetPasswordRequestSchema;
    expect(broken(schema, { userId: '1' })).toEqual([]);
    const verification = { case: 'currentPassword' as const, value: '' };
    expect(broken(schema, { userId: '1', verification })).toEqual(['current_password: string.min_len']);
  });

  test('what must be set', () => {
    expect(broken(user.CreateUserRequestSchema, { organizationId: '1' })).toEqual(['user_type: required']);
    expect(
      broken(user.CreateUserRequestSchema, {
        organizationId: '1',
        userType: { case: 'human', value: {} },
      }),
    ).toEqual(['human.profile: required', 'human.email: required']);
    expect(broken(user.AddHumanUserRequestSchema, {})).toEqual(['profile: required', 'email: required']);
    expect(broken(user.AddPersonalAccessTokenRequestSchema, { userId: '1' })).toEqual([
      'expiration_date: required',
    ]);
    expect(broken(SearchQuerySchema, {})).toEqual(['query: required']);
    expect(broken(SearchQuerySchema, { query: { case: 'notQuery', value: {} } })).toEqual([
      'not_query.query: required',
    ]);
    expect(broken(user.ListPersonalAccessTokensRequestSchema, { filters: [{}] })).toEqual([
      'filters[0].filter: required',
    ]);
  });

  test('an enum takes only the numbers it names', () => {
    const number: number = 99;
    expect(broken(user.ListUsersRequestSchema, { sortingColumn: number })).toEqual([
      'sorting_column: enum.defined_only',
    ]);
    expect(broken(user.ListPersonalAccessTokensRequestSchema, { sortingColumn: number })).toEqual([
      'sorting_column: enum.defined_only',
    ]);
    expect(broken(SearchQuerySchema, { query: { case: 'stateQuery', value: { state: number } } })).toEqual([
      'state_query.state: enum.defined_only',
    ]);
    expect(broken(SearchQuerySchema, { query: { case: 'typeQuery', value: { type: number } } })).toEqual([
      'type_query.type: enum.defined_only',
    ]);
    const gender = { profile: { ...profile, gender: number }, email: address };
    expect(broken(user.AddHumanUserRequestSchema, gender)).toEqual(['profile.gender: enum.defined_only']);
  });

  test('every text query checks its method', () => {
    const texts = SearchQuerySchema.fields.filter((field) => field.message?.field.method !== undefined);
    expect(texts).toHaveLength(9);
    for (const { name, localName } of texts) {
      const query = { case: localName, value: { method: 8 } } as MessageInitShape<
        typeof SearchQuerySchema
      >['query'];
      expect(broken(SearchQuerySchema, query === undefined ? {} : { query })).toContain(
        `${name}.method: enum.defined_only`,
      );
    }
  });

  test('lists have an end', () => {
    const ids = (count: number) => ({
      query: { case: 'inUserIdsQuery' as const, value: { userIds: Array<string>(count).fill('1') } },
    });
    expect(broken(SearchQuerySchema, ids(1000))).toEqual([]);
    expect(broken(SearchQuerySchema, ids(1001))).toEqual(['in_user_ids_query.user_ids: repeated.max_items']);
    const userEmails = Array<string>(1001).fill('a@b.c');
    expect(
      broken(SearchQuerySchema, { query: { case: 'inUserEmailsQuery', value: { userEmails } } }),
    ).toEqual(['in_user_emails_query.user_emails: repeated.max_items']);
    expect(broken(user.ListUsersRequestSchema, { queries: queries(100) })).toEqual([]);
    expect(broken(user.ListUsersRequestSchema, { queries: queries(101) })).toEqual([
      'queries: repeated.max_items',
    ]);
    for (const name of ['and', 'or'] as const) {
      const query = { case: `${name}Query` as const, value: { queries: queries(101) } };
      expect(broken(SearchQuerySchema, { query } as MessageInitShape<typeof SearchQuerySchema>)).toEqual([
        `${name}_query.queries: repeated.max_items`,
      ]);
    }
  });

  test('an import has at most 100 users, each somebody', () => {
    const users = (count: number) => ({
      organizationId: 'o',
      users: Array.from({ length: count }, () => ({
        profile: { case: 'machine', value: { name: 'm' } } as const,
      })),
    });
    expect(broken(admin.ImportUsersRequestSchema, users(100))).toEqual([]);
    expect(broken(admin.ImportUsersRequestSchema, users(101))).toEqual(['users: repeated.max_items']);
    const nobody = { organizationId: 'o', users: [{}] };
    expect(broken(admin.ImportUsersRequestSchema, nobody)).toEqual(['users[0].profile: required']);
  });

  test('a subscription is bounded', () => {
    const { CreateSubscriptionRequestSchema: made, UpdateSubscriptionRequestSchema: changed } = subscription;
    expect(broken(made, { url: 'x'.repeat(2_000), description: 'x'.repeat(200) })).toEqual([]);
    expect(broken(made, { url: '' })).toEqual(['url: string.min_len']);
    expect(broken(made, { url: 'x'.repeat(2_001), description: 'x'.repeat(201) })).toEqual([
      ...['url: string.max_len', 'description: string.max_len'],
    ]);
    const names = (count: number) => Array<string>(count).fill('user.locked');
    expect(broken(made, { url: 'x', eventTypes: names(100) })).toEqual([]);
    expect(broken(made, { url: 'x', eventTypes: names(101) })).toEqual(['event_types: repeated.max_items']);
    const change = { subscriptionId: '1', eventTypes: { names: names(101) } };
    expect(broken(changed, change)).toEqual(['event_types.names: repeated.max_items']);
    expect(broken(changed, { url: '' })).toEqual(['subscription_id: string.min_len', 'url: string.min_len']);
  });

  test('a page of events has an end', () => {
    expect(broken(admin.ListEventsRequestSchema, { limit: 1000 })).toEqual([]);
    expect(broken(admin.ListEventsRequestSchema, { limit: 1001 })).toEqual(['limit: uint32.lte']);
    expect(broken(admin.ListUserHistoryRequestSchema, { userId: 'a', limit: 100 })).toEqual([]);
    expect(broken(admin.ListUserHistoryRequestSchema, { userId: 'a', limit: 101 })).toEqual([
      'limit: uint32.lte',
    ]);
  });
});

describe('field rules of runs', () => {
  const ids = (count: number) => Array<string>(count).fill('1');
  const preview = run.PreviewUnlockRequestSchema;

  test('a filter takes ten thousand ids, and a preview shows a hundred', () => {
    const filter = { userIds: ids(10_000), exceptUserIds: ids(10_000) };
    expect(broken(preview, { filter, sampleSize: 100 })).toEqual([]);
    const more = { userIds: ids(10_001), exceptUserIds: ids(10_001) };
    expect(broken(preview, { filter: more, sampleSize: 101 })).toEqual([
      'filter.user_ids: repeated.max_items',
      'filter.except_user_ids: repeated.max_items',
      'sample_size: uint32.lte',
    ]);
    expect(broken(preview, {})).toEqual(['filter: required']);
  });

  test('pages and the pace have an end', () => {
    expect(broken(run.ListUnlockRunsRequestSchema, { pageSize: 100 })).toEqual([]);
    expect(broken(run.ListUnlockRunsRequestSchema, { pageSize: 101 })).toEqual(['page_size: uint32.lte']);
    const items = run.ListUnlockRunItemsRequestSchema;
    expect(broken(items, { runId: '1', pageSize: 1_000 })).toEqual([]);
    expect(broken(items, { runId: '1', pageSize: 1_001 })).toEqual(['page_size: uint32.lte']);
    const start = { maxPerSecond: 100_001 };
    expect(broken(run.StartUnlockRunRequestSchema, start)).toEqual(['max_per_second: uint32.lte']);
  });
});

describe('field rules of sign-in', () => {
  const { CreateSessionRequestSchema, SetSessionRequestSchema, ListSessionsRequestSchema } = session;

  test('a check is held to its rules only where it is given', () => {
    expect(broken(ChecksSchema, {})).toEqual([]);
    expect(broken(ChecksSchema, { user: {}, password: {}, webAuthN: {} })).toEqual([
      'user.search: required',
      'password.password: string.min_len',
      'web_auth_n.credential_assertion_data: required',
    ]);
    for (const name of ['userId', 'loginName'] as const) {
      const user = (value: string) => ({ user: { search: { case: name, value } } });
      expect(broken(ChecksSchema, user('x'.repeat(200)))).toEqual([]);
      expect(broken(ChecksSchema, user(''))).toHaveLength(1);
      expect(broken(ChecksSchema, user('x'.repeat(201)))).toHaveLength(1);
    }
  });

  test.each([
    [CheckTOTPSchema, '12345', ['code: string.len']],
    [CheckTOTPSchema, '123456', []],
    [CheckTOTPSchema, '1234567', ['code: string.len']],
    [CheckOTPSchema, '', ['code: string.min_len']],
    [CheckOTPSchema, '1'.repeat(500), []],
  ])('%s "%s"', (schema, code, rules) => {
    expect(broken(schema as typeof CheckOTPSchema, { code })).toEqual(rules);
  });

  test('a session lasts longer than nothing', () => {
    const lasting = (seconds: bigint, nanos = 0) => ({ lifetime: { seconds, nanos } });
    expect(broken(CreateSessionRequestSchema, lasting(0n, 1))).toEqual([]);
    for (const seconds of [0n, -1n]) {
      expect(broken(CreateSessionRequestSchema, lasting(seconds))).toEqual(['lifetime: duration.gt']);
      const change = { sessionId: '1', ...lasting(seconds) };
      expect(broken(SetSessionRequestSchema, change)).toEqual(['lifetime: duration.gt']);
    }
  });

  test('a session token is bounded, and may be absent', () => {
    expect(broken(SetSessionRequestSchema, { sessionId: '1' })).toEqual([]);
    expect(broken(SetSessionRequestSchema, { sessionToken: 'x'.repeat(201) })).toEqual([
      'session_id: string.min_len',
      'session_token: string.max_len',
    ]);
    expect(broken(session.DeleteSessionRequestSchema, {})).toEqual(['session_id: string.min_len']);
  });

  test('a list of sessions has an end, and only conditions that it names', () => {
    const number: number = 99;
    expect(broken(ListSessionsRequestSchema, { sortingColumn: number })).toEqual([
      'sorting_column: enum.defined_only',
    ]);
    const queries = Array.from({ length: 101 }, () => ({
      query: { case: 'userIdQuery' as const, value: {} },
    }));
    expect(broken(ListSessionsRequestSchema, { queries })).toEqual(['queries: repeated.max_items']);
    expect(broken(SessionQuerySchema, {})).toEqual(['query: required']);
    const ids = Array<string>(1001).fill('1');
    expect(broken(SessionQuerySchema, { query: { case: 'idsQuery', value: { ids } } })).toEqual([
      'ids_query.ids: repeated.max_items',
    ]);
    const query = { case: 'creationDateQuery' as const, value: { method: number } };
    expect(broken(SessionQuerySchema, { query })).toEqual(['creation_date_query.method: enum.defined_only']);
  });
});
