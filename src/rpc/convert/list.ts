import type { DescEnum, MessageInitShape } from '@bufbuild/protobuf';
import type { ListDetailsSchema, ListQuery } from '../../../gen/es/zitadel/object/v2/object_pb.js';
import { DomainError } from '../../domain/errors.ts';
import { firstPage, type PageRequest } from '../../queries/page.ts';
import { timestampOf } from './details.ts';

/** How many match in all, the newest event that the answer knows of, and when it was made. */
export function listDetailsOf(
  listed: { readonly total: number; readonly position: number },
  now: number,
): MessageInitShape<typeof ListDetailsSchema> {
  return {
    totalResult: BigInt(listed.total),
    processedSequence: BigInt(listed.position),
    timestamp: timestampOf(now),
  };
}

/** ListQuery and PaginationRequest are alike; without one it is the first page, descending. */
export function pageOf(query: Pick<ListQuery, 'offset' | 'limit' | 'asc'> | undefined): PageRequest {
  if (query === undefined) return firstPage;
  return { offset: query.offset, limit: query.limit, ascending: query.asc };
}

/** The error for a field that the request's own rules let through. */
export function invalidField(field: string, rule: string): DomainError {
  return new DomainError('fieldInvalid', { text: `${field}: ${rule}` });
}

/** An enum of a request: what its values mean, and what they are called. */
export interface EnumOf<Value> {
  readonly desc: DescEnum;
  readonly values: Readonly<Record<number, Value>>;
}

/** What the enum's value means. Throws fieldInvalid with those that mean something: a name that is misspelt reads as none. */
export function meaningOf<Value>(given: number, { desc, values }: EnumOf<Value>, field: string): Value {
  const found = values[given];
  if (found !== undefined) return found;
  const names = desc.values.filter(({ number }) => values[number] !== undefined).map(({ name }) => name);
  throw invalidField(field, `value is required, and must be one of ${names.join(', ')}`);
}
