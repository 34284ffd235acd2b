import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import {
  type IDFilter,
  type TimestampFilter,
  TimestampFilterMethod,
  TimestampFilterMethodSchema,
} from '../../../gen/es/zitadel/filter/v2/filter_pb.js';
import {
  PersonalAccessTokenFieldName,
  PersonalAccessTokenFieldNameSchema,
  type PersonalAccessTokenSchema,
  type PersonalAccessTokensSearchFilter,
} from '../../../gen/es/zitadel/user/v2/personal_access_token_pb.js';
import { parseText } from '../../domain/ids.ts';
import type { TokenFilter, TokenRecord, TokenSortField } from '../../queries/tokens.ts';
import { timestampOf } from './details.ts';
import { type EnumOf, invalidField, meaningOf } from './list.ts';

const timeMethods: EnumOf<Extract<TokenFilter, { time: number }>['method']> = {
  desc: TimestampFilterMethodSchema,
  values: {
    [TimestampFilterMethod.EQUALS]: 'equals',
    [TimestampFilterMethod.AFTER]: 'after',
    [TimestampFilterMethod.AFTER_OR_EQUALS]: 'after_or_equals',
    [TimestampFilterMethod.BEFORE]: 'before',
    [TimestampFilterMethod.BEFORE_OR_EQUALS]: 'before_or_equals',
  },
};

const sortFields: EnumOf<TokenSortField> = {
  desc: PersonalAccessTokenFieldNameSchema,
  values: {
    [PersonalAccessTokenFieldName.UNSPECIFIED]: 'created_at',
    [PersonalAccessTokenFieldName.CREATED_DATE]: 'created_at',
    [PersonalAccessTokenFieldName.ID]: 'token_id',
    [PersonalAccessTokenFieldName.USER_ID]: 'user_id',
    [PersonalAccessTokenFieldName.ORGANIZATION_ID]: 'organization_id',
    [PersonalAccessTokenFieldName.EXPIRATION_DATE]: 'expires_at',
  },
};

/** A token without its secret. It never changes: its change date is its creation date. */
export function tokenOf(record: TokenRecord): MessageInitShape<typeof PersonalAccessTokenSchema> {
  const { token, organizationId } = record;
  return {
    id: token.tokenId,
    userId: token.userId,
    organizationId,
    creationDate: timestampOf(token.createdAt),
    changeDate: timestampOf(token.createdAt),
    expirationDate: timestampOf(token.expiresAt),
  };
}

/** The column as asked for; creation date where none is. Throws fieldInvalid. */
export function parseTokenSort(column: PersonalAccessTokenFieldName | undefined): TokenSortField {
  return meaningOf(column ?? PersonalAccessTokenFieldName.UNSPECIFIED, sortFields, 'sorting_column');
}

/** Throws fieldInvalid, naming the filter's path. */
export function parseTokenFilters(
  filters: readonly PersonalAccessTokensSearchFilter[],
): readonly TokenFilter[] {
  return filters.map(({ filter }, index) => parseFilter(filter, `filters[${index}]`));
}

function parseFilter(filter: PersonalAccessTokensSearchFilter['filter'], path: string): TokenFilter {
  switch (filter.case) {
    case 'tokenIdFilter':
      return { kind: 'token_id', id: parseId(filter.value, `${path}.token_id_filter`) };
    case 'userIdFilter':
      return { kind: 'user_id', id: parseId(filter.value, `${path}.user_id_filter`) };
    case 'organizationIdFilter':
      return { kind: 'organization_id', id: parseId(filter.value, `${path}.organization_id_filter`) };
    case 'createdDateFilter':
      return { kind: 'created_at', ...parseTime(filter.value, `${path}.created_date_filter`) };
    case 'expirationDateFilter':
      return { kind: 'expires_at', ...parseTime(filter.value, `${path}.expiration_date_filter`) };
    case undefined:
      throw invalidField(path, 'exactly one filter is required');
    default:
      return filter satisfies never;
  }
}

function parseId(filter: IDFilter, path: string): string {
  return parseText(filter.id, `${path}.id`);
}

function parseTime(filter: TimestampFilter, path: string) {
  const method = meaningOf(filter.method, timeMethods, `${path}.method`);
  if (filter.timestamp === undefined) throw invalidField(`${path}.timestamp`, 'value is required');
  return { time: parseTimestamp(filter.timestamp, `${path}.timestamp`), method };
}

// google/protobuf/timestamp.proto: from year 1 to year 9999.
const secondsMin = -62_135_596_800n;
const secondsMax = 253_402_300_799n;

/** Milliseconds since 1970; between two of them, a half. Throws fieldInvalid where no answer could show it. */
export function parseTimestamp({ seconds, nanos }: Timestamp, path: string): number {
  if (seconds < secondsMin || seconds > secondsMax || nanos < 0 || nanos > 999_999_999) {
    throw invalidField(path, 'must be a time from year 1 to year 9999');
  }
  const whole = Number(seconds) * 1_000 + Math.floor(nanos / 1_000_000);
  // Which fraction of a millisecond does not matter, and a double of today's size could not hold it.
  return nanos % 1_000_000 === 0 ? whole : whole + 0.5;
}
