/** What went wrong, as far as a status code tells. */
export type ErrorKind =
  | 'invalid_argument'
  | 'not_found'
  | 'already_exists'
  | 'permission_denied'
  | 'unauthenticated'
  | 'resource_exhausted'
  | 'failed_precondition'
  | 'aborted'
  | 'unavailable'
  | 'internal';

export interface ErrorEntry {
  readonly kind: ErrorKind;
  readonly id: string;
  /** AIP-193: stable, UPPER_SNAKE_CASE; sent as google.rpc.ErrorInfo.reason. */
  readonly reason: string;
  readonly text: string;
  /** When it is worth asking again, where that is always the same. */
  readonly retryAfterMs?: number;
}

/** A row of the table. */
export const entry = (kind: ErrorKind, id: string, reason: string, text: string): ErrorEntry => ({
  kind,
  id,
  reason,
  text,
});

/** The one answer for an unknown, a deleted and a hidden user, under each call's own id. */
export const notFound = (id: string): ErrorEntry =>
  entry('not_found', id, 'USER_NOT_FOUND', 'User could not be found');
