import type { Caller } from '../auth/caller.ts';
import { DomainError } from '../domain/errors.ts';
import { foldText, type TextMethod } from '../domain/filter.ts';
import type { UserId } from '../domain/ids.ts';
import type { MetadataEntry } from '../domain/metadata.ts';
import { type PageRequest, parsePage } from './page.ts';
import { getUser, type QueryApp } from './users.ts';

export interface KeyFilter {
  readonly key: string;
  readonly method: TextMethod;
}

export interface MetadataRequest {
  readonly userId: UserId;
  /** All of them must hold. */
  readonly filters: readonly KeyFilter[];
  readonly page: PageRequest;
}

/** A page of the user's metadata in the order of the keys. Throws limitTooLarge, and as getUser. */
export async function listMetadata(
  app: Pick<QueryApp, 'store'>,
  caller: Caller,
  { userId, filters, page: request }: MetadataRequest,
): Promise<{ readonly rows: readonly MetadataEntry[]; readonly total: number }> {
  const { offset, limit, ascending } = parsePage(request);
  const { user } = await getUser(app, caller, userId);
  const all = await app.store.loadMetadata(userId);
  // The id may have been used again between the two looks, in an organization that the caller does not read.
  const now = await app.store.loadUser(userId);
  if (now?.createdAt !== user.createdAt || now.organizationId !== user.organizationId) {
    throw new DomainError('userNotFound');
  }
  const found = all.filter(({ key }) => filters.every((filter) => matches(key, filter)));
  const sorted = ascending ? found : found.toReversed();
  return { rows: sorted.slice(offset, offset + limit), total: found.length };
}

function matches(key: string, { key: sought, method }: KeyFilter): boolean {
  switch (method) {
    case 'equals':
      return key === sought;
    case 'starts_with':
      return key.startsWith(sought);
    case 'contains':
      return key.includes(sought);
    case 'ends_with':
      return key.endsWith(sought);
    case 'equals_ignore_case':
      return foldText(key) === foldText(sought);
    case 'starts_with_ignore_case':
      return foldText(key).startsWith(foldText(sought));
    case 'contains_ignore_case':
      return foldText(key).includes(foldText(sought));
    case 'ends_with_ignore_case':
      return foldText(key).endsWith(foldText(sought));
    default:
      return method satisfies never;
  }
}
