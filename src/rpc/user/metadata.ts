import type { ServiceImpl } from '@connectrpc/connect';
import { TextFilterMethod, TextFilterMethodSchema } from '../../../gen/es/zitadel/filter/v2/filter_pb.js';
import type { MetadataSearchFilter } from '../../../gen/es/zitadel/metadata/v2/metadata_pb.js';
import type { Metadata } from '../../../gen/es/zitadel/user/v2/attachment_pb.js';
import type { UserService } from '../../../gen/es/zitadel/user/v2/user_service_pb.js';
import { type MetadataValues, removeMetadata, setMetadata } from '../../commands/metadata.ts';
import type { SignInApp } from '../../commands/sign-in-facts.ts';
import type { TextMethod } from '../../domain/filter.ts';
import { parseText, parseUserId } from '../../domain/ids.ts';
import { type KeyFilter, listMetadata } from '../../queries/metadata.ts';
import { parseLimit } from '../../queries/page.ts';
import { timestampOf } from '../convert/details.ts';
import { type EnumOf, invalidField, meaningOf, pageOf } from '../convert/list.ts';
import { callerKey } from '../limits/caller-key.ts';

type UserMetadataHandlers = Pick<
  ServiceImpl<typeof UserService>,
  'setUserMetadata' | 'listUserMetadata' | 'deleteUserMetadata'
>;

/** The calls about what other systems keep with a user. */
export function userMetadataHandlers(app: SignInApp): UserMetadataHandlers {
  return {
    async setUserMetadata(req, context) {
      const change = { userId: parseUserId(req.userId), values: parseValues(req.metadata) };
      const user = await setMetadata(app, context.values.get(callerKey), change);
      return { setDate: timestampOf(user.changedAt) };
    },
    async listUserMetadata(req, context) {
      const page = pageOf(req.pagination);
      const request = { userId: parseUserId(req.userId), filters: req.filters.map(parseFilter), page };
      const { rows, total } = await listMetadata(app, context.values.get(callerKey), request);
      return {
        pagination: { totalResult: BigInt(total), appliedLimit: BigInt(parseLimit(page.limit)) },
        metadata: rows.map(({ key, value, createdAt, changedAt }) => ({
          key,
          value: new Uint8Array(value),
          creationDate: timestampOf(createdAt),
          changeDate: timestampOf(changedAt),
        })),
      };
    },
    async deleteUserMetadata(req, context) {
      const keys = req.keys.map((key, index) => parseText(key, `keys[${index}]`));
      const change = { userId: parseUserId(req.userId), keys };
      const user = await removeMetadata(app, context.values.get(callerKey), change);
      return { deletionDate: timestampOf(user.changedAt) };
    },
  };
}

function parseValues(metadata: readonly Metadata[]): MetadataValues {
  return new Map(metadata.map(({ key, value }, index) => [parseText(key, `metadata[${index}].key`), value]));
}

const methods: EnumOf<TextMethod> = {
  desc: TextFilterMethodSchema,
  values: {
    [TextFilterMethod.EQUALS]: 'equals',
    [TextFilterMethod.EQUALS_IGNORE_CASE]: 'equals_ignore_case',
    [TextFilterMethod.STARTS_WITH]: 'starts_with',
    [TextFilterMethod.STARTS_WITH_IGNORE_CASE]: 'starts_with_ignore_case',
    [TextFilterMethod.CONTAINS]: 'contains',
    [TextFilterMethod.CONTAINS_IGNORE_CASE]: 'contains_ignore_case',
    [TextFilterMethod.ENDS_WITH]: 'ends_with',
    [TextFilterMethod.ENDS_WITH_IGNORE_CASE]: 'ends_with_ignore_case',
  },
};

function parseFilter({ filter }: MetadataSearchFilter, index: number): KeyFilter {
  const path = `filters[${index}]`;
  if (filter.value === undefined) throw invalidField(`${path}.filter`, 'value is required');
  const method = meaningOf(filter.value.method, methods, `${path}.key_filter.method`);
  return { key: parseText(filter.value.key, `${path}.key_filter.key`), method };
}
