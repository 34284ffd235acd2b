import { type ErrorEntry, entry, notFound } from './error-entry.ts';
import { runErrors } from './run-errors.ts';
import { subscriptionErrors } from './subscription-errors.ts';

/**
 * Every error the API answers, once: name → kind, id, reason, text. The desk turns a kind into a status code.
 * The table of docs/errors.md is held against this one by a test. An empty id means: no id in the message, no detail.
 * Ids with a foreign prefix are facts of the contract; `LATCH-…` are ours.
 */
export const errors = {
  authHeaderMissing: entry('unauthenticated', '', 'AUTH_HEADER_MISSING', 'auth header missing'),
  authHeaderInvalid: entry('unauthenticated', 'AUTH-toLo1', 'AUTH_HEADER_INVALID', 'invalid auth header'),
  tokenInvalid: entry('unauthenticated', 'AUTH-7fs1e', 'TOKEN_INVALID', 'Errors.Token.Invalid'),
  organizationHeaderUnknown: entry(
    'permission_denied',
    'AUTH-Bs7Ds',
    'ORGANIZATION_HEADER_UNKNOWN',
    "Organisation doesn't exist",
  ),
  permissionMissing: entry(
    'permission_denied',
    'AUTH-AWfge',
    'PERMISSION_MISSING',
    'No matching permissions found',
  ),
  fieldInvalid: entry('invalid_argument', '', 'FIELD_INVALID', 'names the field and the rule'),
  fieldNotServed: entry('invalid_argument', 'LATCH-f1eld0ns', 'FIELD_NOT_SERVED', 'Field is not served'),
  queryTooDeep: entry(
    'invalid_argument',
    'USER-zsQ97',
    'QUERY_TOO_DEEP',
    'Errors.Query.TooManyNestingLevels',
  ),
  limitTooLarge: entry('invalid_argument', 'LATCH-l1m1tmax', 'LIMIT_TOO_LARGE', 'Limit is at most 1000'),

  unlockUserNotFound: notFound('COMMAND-x377t913pw'),
  lockUserNotFound: notFound('COMMAND-450yxuqrh1'),
  deactivateUserNotFound: notFound('COMMAND-5gp2p62iin'),
  reactivateUserNotFound: notFound('COMMAND-9hy5kzbuk6'),
  deleteUserNotFound: notFound('COMMAND-bd4ir1mblj'),
  userNotFound: notFound('LATCH-us3rnf0d'),
  userNotLocked: entry('failed_precondition', 'COMMAND-olb9vb0oca', 'USER_NOT_LOCKED', 'User is not locked'),
  userNotActiveOrInitial: entry(
    'failed_precondition',
    'COMMAND-lgws8wtsqf',
    'USER_NOT_ACTIVE_OR_INITIAL',
    'User is not active or initial',
  ),
  userInitial: entry(
    'failed_precondition',
    'COMMAND-gvx4kct9r2',
    'USER_INITIAL',
    'User with state initial can only be deleted not deactivated',
  ),
  userAlreadyInactive: entry(
    'failed_precondition',
    'COMMAND-5gunjw0cd7',
    'USER_ALREADY_INACTIVE',
    'User already inactive',
  ),
  userNotInactive: entry(
    'failed_precondition',
    'COMMAND-s5qqcz97hf',
    'USER_NOT_INACTIVE',
    'User is not inactive',
  ),

  lockNotFound: entry('not_found', 'LATCH-l0ckn0ne', 'LOCK_NOT_FOUND', 'User is not locked'),
  lockIsAnother: entry(
    'failed_precondition',
    'LATCH-l0ckgen1',
    'LOCK_IS_ANOTHER',
    'The lock is another one now, please look at it again',
  ),
  lockEndInvalid: entry(
    'invalid_argument',
    'LATCH-l0ckend1',
    'LOCK_END_INVALID',
    'The end of a lock must be in the future, and at most 366 days ahead',
  ),
  requestIdUsed: entry(
    'already_exists',
    'LATCH-reqidtwo',
    'REQUEST_ID_USED',
    'The request id belongs to another request about this user',
  ),
  policyNotSet: entry('not_found', 'LATCH-p0l1cyno', 'POLICY_NOT_SET', 'No lockout policy of its own is set'),

  signInNotActive: entry('failed_precondition', 'SESSION-Gj4ko', 'USER_NOT_ACTIVE', 'Errors.User.NotActive'),
  signInLocked: entry('failed_precondition', 'COMMAND-SFA3t', 'USER_LOCKED', 'User is locked'),
  passwordNotSet: entry(
    'failed_precondition',
    'COMMAND-3nJ4t',
    'PASSWORD_NOT_SET',
    'User has not set a password',
  ),
  passwordWrong: entry('invalid_argument', 'COMMAND-3M0fs', 'PASSWORD_INVALID', 'Password is invalid'),
  attemptRefused: entry(
    'failed_precondition',
    'LATCH-attrefus',
    'ATTEMPT_REFUSED',
    'User may not be tried: unknown, locked or inactive',
  ),
  attemptNotFound: entry(
    'not_found',
    'LATCH-att0v3r1',
    'ATTEMPT_NOT_FOUND',
    'Attempt could not be found: it was ended, or has failed because it was not ended in time',
  ),
  attemptUnderWay: entry(
    'resource_exhausted',
    'LATCH-attund3r',
    'ATTEMPT_UNDER_WAY',
    'Another attempt of this user is under way, please try again',
  ),
  sessionNotFound: entry('not_found', 'LATCH-s3ss10nf', 'SESSION_NOT_FOUND', 'Session could not be found'),
  sessionTokenInvalid: entry(
    'permission_denied',
    'LATCH-s3sst0kn',
    'SESSION_TOKEN_INVALID',
    'Session token is not the newest of this session',
  ),
  sessionUserChanged: entry(
    'failed_precondition',
    'LATCH-s3ssus3r',
    'SESSION_USER_CHANGED',
    'Session belongs to another user',
  ),
  addressFailing: entry(
    'resource_exhausted',
    'LATCH-addrfa1l',
    'ADDRESS_FAILING',
    'Too many sign-ins have failed from this address, please try again later',
  ),
  passwordHashUnsupported: entry(
    'invalid_argument',
    'LATCH-pwhash0x',
    'PASSWORD_HASH_UNSUPPORTED',
    'Password hash is of no kind that is checked here: argon2id, argon2i, bcrypt, PBKDF2, scrypt or SHA-crypt',
  ),
  passwordHashCostly: entry(
    'invalid_argument',
    'LATCH-pwhashc0',
    'PASSWORD_HASH_COSTLY',
    'Password hash costs more to check than this server takes: hash with less, or let its operator raise imported-hash-cost-max',
  ),
  passwordOfMachine: entry(
    'failed_precondition',
    'LATCH-pwmach1n',
    'USER_NOT_HUMAN',
    'Only a human user has a password',
  ),

  metadataFull: entry(
    'resource_exhausted',
    'LATCH-metafu11',
    'METADATA_FULL',
    'A user has 64 metadata entries at most, and 64 KiB of keys and values',
  ),
  emailVerified: entry(
    'failed_precondition',
    'LATCH-ema1lver',
    'EMAIL_VERIFIED',
    'E-mail address is verified already',
  ),
  userKindOther: entry(
    'failed_precondition',
    'LATCH-us3rk1nd',
    'USER_KIND_OTHER',
    'User is of another kind: a person is changed as a human, a machine as a machine',
  ),
  userErased: entry('failed_precondition', 'LATCH-erased0k', 'USER_ERASED', 'User is erased already'),
  userExists: entry('already_exists', 'LATCH-us3rdup1', 'USER_EXISTS', 'User already exists'),
  userNameTaken: entry(
    'already_exists',
    'LATCH-us3rname',
    'USER_NAME_TAKEN',
    'User name is taken in this organization',
  ),
  organizationNotFound: entry(
    'not_found',
    'LATCH-0rgn0tfd',
    'ORGANIZATION_NOT_FOUND',
    'Organization could not be found',
  ),
  organizationExists: entry(
    'already_exists',
    'LATCH-0rgdup1c',
    'ORGANIZATION_EXISTS',
    'Organization id or domain is taken',
  ),
  tokenOfHuman: entry(
    'failed_precondition',
    'LATCH-t0kmach1',
    'USER_NOT_MACHINE',
    'Only a machine user has personal access tokens',
  ),
  tokenUserNotActive: entry(
    'failed_precondition',
    'LATCH-t0kinact',
    'TOKEN_USER_NOT_ACTIVE',
    'Only an active user gets a token',
  ),
  tokenNotFound: entry('not_found', 'LATCH-t0kn0tfd', 'TOKEN_NOT_FOUND', 'Token could not be found'),
  tokenExpirationPast: entry(
    'invalid_argument',
    'LATCH-t0kexp1r',
    'TOKEN_EXPIRATION_PAST',
    'Expiration date is not in the future',
  ),
  roleUnknown: entry(
    'invalid_argument',
    'LATCH-r0leunkn',
    'ROLE_UNKNOWN',
    'Role is unknown, or not of this scope: IAM_ roles belong to the instance, ORG_ roles to an organization',
  ),
  grantExists: entry('already_exists', 'LATCH-grantdup', 'GRANT_EXISTS', 'User holds this role already'),
  grantNotFound: entry('not_found', 'LATCH-grantnfd', 'GRANT_NOT_FOUND', 'User does not hold this role'),

  ...subscriptionErrors,

  conflict: entry(
    'aborted',
    'LATCH-c0nfl1ct',
    'CONCURRENT_CHANGE',
    'The user was changed at the same time, please try again',
  ),
  overloaded: {
    kind: 'resource_exhausted',
    id: 'LATCH-0verl0ad',
    reason: 'OVERLOADED',
    text: 'Too many passwords are being checked, please try again',
    retryAfterMs: 1_000,
  },
  tooManyCalls: entry(
    'resource_exhausted',
    'LATCH-t00fast1',
    'TOO_MANY_CALLS',
    'Too many calls, please try again later',
  ),
  ...runErrors,
  storeUnavailable: entry(
    'unavailable',
    'LATCH-st0red0w',
    'STORE_UNAVAILABLE',
    'The database does not answer, please try again',
  ),
  issuerUnavailable: entry(
    'unavailable',
    'LATCH-1ssuer0x',
    'ISSUER_UNAVAILABLE',
    'The keys of the token issuer cannot be fetched, please try again',
  ),
  conditionFalse: entry('failed_precondition', 'LATCH-c0ndfa1s', 'CONDITION_FALSE', 'Condition is not met'),
  internal: entry('internal', 'LATCH-1nternal', 'INTERNAL', 'internal error'),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorName = keyof typeof errors;

export interface DomainErrorDetail {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly text?: string;
  /** When it is worth asking again, for what is refused for now. */
  readonly retryAfterMs?: number;
  /** What a bug or an outage looked like from inside: for the log, never for the client. */
  readonly cause?: unknown;
  /** Why, in one sentence without anything that is secret or chosen by a caller: for the log, never for the client. */
  readonly why?: string;
}

/** What the law, the commands, the queries and the store throw; the desk dresses it. */
export class DomainError extends Error {
  override readonly name = 'DomainError';
  readonly error: ErrorName;
  /** Facts for ErrorInfo.metadata; never a secret, never what the caller may not know. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Replaces the table's text where the text depends on the request (field rules). */
  readonly text: string;
  /** Milliseconds until the call is worth another try; undefined where time alone mends nothing. */
  readonly retryAfterMs: number | undefined;
  /** For the log alone. */
  readonly why: string | undefined;
  /** The user whom a refused sign-in was about, where there is one. For the log alone. */
  about: string | undefined;

  constructor(error: ErrorName, detail: DomainErrorDetail = {}) {
    super(errors[error].text, detail);
    this.error = error;
    this.metadata = detail.metadata ?? {};
    this.text = detail.text ?? errors[error].text;
    this.why = detail.why;
    const entry: ErrorEntry = errors[error];
    this.retryAfterMs = detail.retryAfterMs ?? entry.retryAfterMs;
  }
}
