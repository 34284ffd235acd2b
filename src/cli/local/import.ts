import type { App } from '../../app/app.ts';
import type { Caller } from '../../auth/caller.ts';
import { type ImportOutcome, importUsers } from '../../commands/import-users.ts';
import { errors } from '../../domain/errors.ts';
import { parseOrganizationId } from '../../domain/ids.ts';
import type { Backend, ImportRow } from '../backend.ts';

/** Users of another system, into the database itself. */
export function localImport(app: App, caller: Caller): Pick<Backend, 'importUsers'> {
  return {
    async importUsers({ organizationId, ...batch }) {
      const order = { ...batch, organizationId: parseOrganizationId(organizationId) };
      return (await importUsers(app, caller, order)).map(importRow);
    },
  };
}

function importRow(became: ImportOutcome): ImportRow {
  if (became.outcome !== 'refused') return became;
  const { error, text: message } = became.error;
  const { reason, id } = errors[error];
  return { outcome: 'refused', reason, message, ...(id !== '' && { errorId: id }) };
}
