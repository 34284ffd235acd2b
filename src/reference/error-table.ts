import type { ErrorEntry, ErrorKind } from '../domain/error-entry.ts';
import { errors } from '../domain/errors.ts';
import type { Call } from './contract.ts';
import { type Html, html } from './html.ts';
import { table } from './layout.ts';

/** What any call with a token can be refused with, whatever it is about. */
export const errorsOfEveryCall: readonly ErrorEntry[] = [
  errors.authHeaderMissing,
  errors.authHeaderInvalid,
  errors.tokenInvalid,
  errors.organizationHeaderUnknown,
  errors.permissionMissing,
  errors.fieldInvalid,
  errors.tooManyCalls,
  errors.storeUnavailable,
  errors.issuerUnavailable,
  errors.internal,
];

const httpStatuses = {
  invalid_argument: 400,
  failed_precondition: 400,
  unauthenticated: 401,
  permission_denied: 403,
  not_found: 404,
  already_exists: 409,
  aborted: 409,
  resource_exhausted: 429,
  internal: 500,
  unavailable: 503,
} as const satisfies Record<ErrorKind, number>;

/** What a call can be refused with, its own reasons first. */
function errorsOf({ errorIds }: Call): readonly ErrorEntry[] {
  const byId = new Map(Object.values<ErrorEntry>(errors).map((entry) => [entry.id, entry]));
  const own = errorIds.map((id) => byId.get(id)).filter((entry) => entry !== undefined);
  return [...own, ...errorsOfEveryCall.filter((entry) => !own.includes(entry))];
}

/** The table of them. */
export function errorTable(call: Call): Html {
  return table(
    ['HTTP', 'gRPC', 'reason', 'id', 'text'],
    errorsOf(call).map(({ kind, reason, id, text }) => [
      html`${httpStatuses[kind]}`,
      html`<code>${kind.toUpperCase()}</code>`,
      html`<code>${reason}</code>`,
      html`${id === '' ? '–' : html`<code>${id}</code>`}`,
      html`${text}`,
    ]),
  );
}
