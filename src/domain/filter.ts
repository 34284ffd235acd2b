import type { OrganizationId } from './ids.ts';
import type { LockCause } from './lock.ts';
import type { UserKind, UserState } from './user.ts';

export type TextMethod =
  | 'equals'
  | 'equals_ignore_case'
  | 'starts_with'
  | 'starts_with_ignore_case'
  | 'contains'
  | 'contains_ignore_case'
  | 'ends_with'
  | 'ends_with_ignore_case';

/** The text fields that a list of users is filtered and sorted by. */
export type UserTextField =
  | 'user_name'
  | 'first_name'
  | 'last_name'
  | 'nick_name'
  | 'display_name'
  | 'email'
  | 'phone'
  | 'login_name'
  | 'external_id';

/** What a list asks for, apart from who may see it. */
export type UserFilter =
  | {
      readonly kind: 'text';
      readonly field: UserTextField;
      readonly method: TextMethod;
      readonly value: string;
    }
  | { readonly kind: 'state'; readonly state: UserState }
  | { readonly kind: 'type'; readonly type: UserKind }
  | { readonly kind: 'ids'; readonly userIds: readonly string[] }
  | { readonly kind: 'emails'; readonly emails: readonly string[] }
  | { readonly kind: 'organization'; readonly organizationId: string }
  | { readonly kind: 'lock_cause'; readonly cause: LockCause }
  /** When the lock was set, in milliseconds since 1970. */
  | {
      readonly kind: 'locked_at';
      readonly time: number;
      readonly method: 'after_or_equals' | 'before';
    }
  | { readonly kind: 'and' | 'or'; readonly filters: readonly UserFilter[] }
  | { readonly kind: 'not'; readonly filter: UserFilter };

export type UserSortField =
  | 'user_name'
  | 'first_name'
  | 'last_name'
  | 'nick_name'
  | 'display_name'
  | 'email'
  | 'state'
  | 'type'
  | 'creation_date'
  | 'locked_at';

/** 'all': the caller reads on the whole instance. */
export type Scope = 'all' | readonly OrganizationId[];

/** offset and limit count rows; ascending is about the sorting column. */
export interface Page {
  readonly offset: number;
  readonly limit: number;
  readonly ascending: boolean;
}

/** The form in which case and Unicode variants of one name meet (NFKC, then lower case). */
export function foldText(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}
