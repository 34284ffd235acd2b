import type { MessageInitShape } from '@bufbuild/protobuf';
import type { TimestampSchema } from '@bufbuild/protobuf/wkt';
import type { DetailsSchema } from '../../../gen/es/zitadel/object/v2/object_pb.js';
import type { User } from '../../domain/user.ts';

/** Where something stands in its own history. Times are milliseconds since 1970. */
export type Standing = Pick<User, 'sequence' | 'changedAt' | 'organizationId' | 'createdAt'>;

/** All four fields: sequence and time of the newest event, the organization, the time of the first event. */
export function detailsOf(user: Standing): MessageInitShape<typeof DetailsSchema> {
  return {
    sequence: BigInt(user.sequence),
    changeDate: timestampOf(user.changedAt),
    resourceOwner: user.organizationId,
    creationDate: timestampOf(user.createdAt),
  };
}

/** Milliseconds since 1970 → google.protobuf.Timestamp. */
export function timestampOf(milliseconds: number): MessageInitShape<typeof TimestampSchema> {
  const seconds = Math.floor(milliseconds / 1_000);
  return { seconds: BigInt(seconds), nanos: (milliseconds - seconds * 1_000) * 1_000_000 };
}
