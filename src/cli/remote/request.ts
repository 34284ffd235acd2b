import { type ListQuery, TextQueryMethod } from '../../../gen/grpc-js/zitadel/object/v2/object.ts';
import type { PersonalAccessTokensSearchFilter } from '../../../gen/grpc-js/zitadel/user/v2/personal_access_token.ts';
import { type SearchQuery, Type, UserFieldName } from '../../../gen/grpc-js/zitadel/user/v2/query.ts';
import { Gender } from '../../../gen/grpc-js/zitadel/user/v2/user.ts';
import type {
  CreateUserRequest,
  CreateUserRequest_Human,
  ListUsersRequest,
} from '../../../gen/grpc-js/zitadel/user/v2/user_service.ts';
import type { Gender as DomainGender, HumanProfile, UserKind } from '../../domain/user.ts';
import type { TokenQuery, UserQuery, UserToCreate } from '../backend.ts';
import type { PageQuery } from '../page.ts';
import { stateNumbers } from './rows.ts';

/** A page in the order of its sorting column. */
export const listQuery = ({ offset, limit }: PageQuery): ListQuery => ({
  offset: BigInt(offset),
  limit,
  asc: true,
});

/** Users by user name. */
export function listUsersRequest({ offset, limit, ...query }: UserQuery): ListUsersRequest {
  return {
    query: listQuery({ offset, limit }),
    sortingColumn: UserFieldName.USER_FIELD_NAME_USER_NAME,
    queries: searchQueries(query),
  };
}

type Search = NonNullable<SearchQuery['query']>;

const contains = TextQueryMethod.TEXT_QUERY_METHOD_CONTAINS_IGNORE_CASE;
const equals = TextQueryMethod.TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE;

const typeNumbers = {
  human: Type.TYPE_HUMAN,
  machine: Type.TYPE_MACHINE,
  external: Type.TYPE_EXTERNAL,
} as const satisfies Record<UserKind, Type>;

function searchQueries(query: Omit<UserQuery, keyof PageQuery>): SearchQuery[] {
  const { state, type, organizationId, search, loginName, name, externalId, userIds = [] } = query;
  const found: Search[] = [];
  if (userIds.length > 0) found.push({ $case: 'inUserIdsQuery', value: { userIds: [...userIds] } });
  if (state !== undefined) found.push({ $case: 'stateQuery', value: { state: stateNumbers[state] } });
  if (type !== undefined) {
    found.push({ $case: 'typeQuery', value: { type: typeNumbers[type] } });
  }
  if (organizationId !== undefined) {
    found.push({ $case: 'organizationIdQuery', value: { organizationId } });
  }
  if (externalId !== undefined) found.push(ofExternalId(externalId));
  if (search !== undefined) {
    const displayName: Search = {
      $case: 'displayNameQuery',
      value: { displayName: search, method: contains },
    };
    found.push(anyOf([displayName, ...userNameOrEmail(search, contains), ofExternalId(search)]));
  }
  if (loginName !== undefined) {
    found.push({ $case: 'loginNameQuery', value: { loginName, method: equals } });
  }
  if (name !== undefined) found.push(anyOf(userNameOrEmail(name, equals)));
  return found.map((one) => ({ query: one }));
}

const ofExternalId = (externalId: string): Search => ({
  $case: 'externalIdQuery',
  value: { externalId, method: TextQueryMethod.TEXT_QUERY_METHOD_EQUALS },
});

function userNameOrEmail(text: string, method: TextQueryMethod): readonly Search[] {
  return [
    { $case: 'userNameQuery', value: { userName: text, method } },
    { $case: 'emailQuery', value: { emailAddress: text, method } },
  ];
}

function anyOf(queries: readonly Search[]): Search {
  return { $case: 'orQuery', value: { queries: queries.map((query) => ({ query })) } };
}

/** Tokens of one user, or one token. */
export function tokenFilters(query: Omit<TokenQuery, keyof PageQuery>): PersonalAccessTokensSearchFilter[] {
  const { userId, tokenId } = query;
  const filters: PersonalAccessTokensSearchFilter[] = [];
  if (userId !== undefined) filters.push({ filter: { $case: 'userIdFilter', value: { id: userId } } });
  if (tokenId !== undefined) filters.push({ filter: { $case: 'tokenIdFilter', value: { id: tokenId } } });
  return filters;
}

/** A gender → that of the wire. */
export const genderNumbers = {
  unspecified: Gender.GENDER_UNSPECIFIED,
  female: Gender.GENDER_FEMALE,
  male: Gender.GENDER_MALE,
  diverse: Gender.GENDER_DIVERSE,
} as const satisfies Record<DomainGender, Gender>;

/** A new human or machine. */
export function createUserRequest(user: UserToCreate): CreateUserRequest {
  const { organizationId, userId, userName: username, profile } = user;
  const common = { organizationId, userId, username };
  if (profile.kind === 'human') {
    const value = { ...humanOf(profile), passwordType: passwordTypeOf(user) };
    return { ...common, userType: { $case: 'human', value } };
  }
  const { name, description } = profile;
  return { ...common, userType: { $case: 'machine', value: { name, description } } };
}

function humanOf(profile: Omit<HumanProfile, 'userName'>): Omit<CreateUserRequest_Human, 'passwordType'> {
  const { email, emailVerified, phone, phoneVerified = false, gender, ...names } = profile;
  const { givenName, familyName, nickName, displayName, preferredLanguage } = names;
  return {
    profile: {
      givenName,
      familyName,
      nickName,
      displayName,
      preferredLanguage,
      gender: gender === undefined ? undefined : genderNumbers[gender],
    },
    email: { email, verification: { $case: 'isVerified', value: emailVerified } },
    phone:
      phone === undefined
        ? undefined
        : { phone, verification: { $case: 'isVerified', value: phoneVerified } },
    idpLinks: [],
    metadata: [],
  };
}

function passwordTypeOf({ password }: UserToCreate): CreateUserRequest_Human['passwordType'] {
  if (password === undefined) return undefined;
  const { changeRequired } = password;
  return 'hash' in password
    ? { $case: 'hashedPassword', value: { hash: password.hash, changeRequired } }
    : { $case: 'password', value: { password: password.password, changeRequired } };
}
