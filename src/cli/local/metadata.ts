import type { App } from '../../app/app.ts';
import type { Caller } from '../../auth/caller.ts';
import { removeMetadata, setMetadata } from '../../commands/metadata.ts';
import { DomainError } from '../../domain/errors.ts';
import { parseText, parseUserId } from '../../domain/ids.ts';
import { listMetadata } from '../../queries/metadata.ts';
import { type MetadataBackend, valueRow } from '../metadata-backend.ts';
import { checkLengths } from './lengths.ts';
import { pageRequest, timeText } from './rows.ts';

/** The commands about metadata, straight on the database. */
export function localMetadata(app: App, caller: Caller): MetadataBackend {
  return {
    async listMetadata({ userId, ...page }) {
      const request = { userId: parseUserId(userId), filters: [], page: pageRequest(page) };
      const { rows, total } = await listMetadata(app, caller, request);
      return {
        total,
        rows: rows.map(({ key, value, createdAt, changedAt }) => ({
          key,
          ...valueRow(value),
          creationDate: timeText(createdAt),
          changeDate: timeText(changedAt),
        })),
      };
    },
    async setMetadata({ userId, values }) {
      for (const [key, value] of values) requireRules(key, value);
      const user = await setMetadata(app, caller, { userId: parseUserId(userId), values });
      return { userId, changeDate: timeText(user.changedAt) };
    },
    async removeMetadata({ userId, keys }) {
      const user = await removeMetadata(app, caller, { userId: parseUserId(userId), keys });
      return { userId, changeDate: timeText(user.changedAt) };
    },
  };
}

// What the protos demand of a caller.
function requireRules(key: string, value: Buffer): void {
  checkLengths({ key: [parseText(key, 'key'), 1, 200] });
  if (value.length === 0) throw new DomainError('fieldInvalid', { text: `${key}: value is required` });
}
