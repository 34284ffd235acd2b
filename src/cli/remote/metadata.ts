import { UserServiceService as users } from '../../../gen/grpc-js/zitadel/user/v2/user_service.ts';
import { type MetadataBackend, valueRow } from '../metadata-backend.ts';
import type { Connection } from './call.ts';
import { listQuery } from './request.ts';
import { timeText } from './rows.ts';

/** The commands about metadata, through a server. */
export function remoteMetadata({ call }: Connection): MetadataBackend {
  return {
    async listMetadata({ userId, ...page }) {
      const request = { userId, pagination: listQuery(page), filters: [] };
      const { metadata, pagination } = await call(users.listUserMetadata, request);
      const rows = metadata.map(({ key, value, creationDate, changeDate }) => ({
        key,
        ...valueRow(value),
        creationDate: timeText(creationDate),
        changeDate: timeText(changeDate),
      }));
      return { rows, total: Number(pagination?.totalResult ?? rows.length) };
    },
    async setMetadata({ userId, values }) {
      const metadata = [...values].map(([key, value]) => ({ key, value }));
      const { setDate } = await call(users.setUserMetadata, { userId, metadata });
      return { userId, changeDate: timeText(setDate) };
    },
    async removeMetadata({ userId, keys }) {
      const request = { userId, keys: [...keys] };
      const { deletionDate } = await call(users.deleteUserMetadata, request);
      return { userId, changeDate: timeText(deletionDate) };
    },
  };
}
