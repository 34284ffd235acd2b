import {
  AdminServiceService as admin,
  type ImportedUser as ImportedUserMessage,
  type ImportedUserResult,
  ImportOutcome,
} from '../../../gen/grpc-js/latchkey/v1/admin.ts';
import type { ImportedUser } from '../../commands/import-users.ts';
import type { Backend, ImportRow } from '../backend.ts';
import type { Connection } from './call.ts';
import { genderNumbers } from './request.ts';
import { promised, stateNumbers } from './rows.ts';

/** Users of another system, through a server. */
export function remoteImport({ call }: Connection): Pick<Backend, 'importUsers'> {
  return {
    async importUsers({ users, ...batch }) {
      const request = { ...batch, users: users.map(messageOf) };
      return (await call(admin.importUsers, request)).results.map(importRow);
    },
  };
}

function messageOf(user: ImportedUser): ImportedUserMessage {
  const { userId = '', userName = '', profile, state, lockedUntil, lockReason = '' } = user;
  const { removeExternalId = false } = user;
  return {
    userId,
    externalId: profile.kind === 'machine' ? '' : (profile.externalId ?? ''),
    username: userName,
    profile: profileOf(user),
    state: stateNumbers[state],
    lockedUntil: lockedUntil === undefined ? undefined : new Date(lockedUntil),
    lockReason,
    removeExternalId,
  };
}

function profileOf({ profile, password }: ImportedUser): ImportedUserMessage['profile'] {
  if (profile.kind === 'external') return { $case: 'external', value: {} };
  if (profile.kind === 'machine') {
    const { name, description = '' } = profile;
    return { $case: 'machine', value: { name, description } };
  }
  const { givenName, familyName, nickName = '', displayName = '', preferredLanguage = '' } = profile;
  const { email, emailVerified, phone = '', phoneVerified = false, gender = 'unspecified' } = profile;
  return {
    $case: 'human',
    value: {
      ...{ givenName, familyName, nickName, displayName, preferredLanguage },
      ...{ email, emailVerified, phone, phoneVerified, gender: genderNumbers[gender] },
      passwordHash: password?.hash ?? '',
      changeRequired: password?.changeRequired ?? false,
    },
  };
}

const outcomes: Readonly<Partial<Record<ImportOutcome, ImportRow['outcome']>>> = {
  [ImportOutcome.IMPORT_OUTCOME_CREATED]: 'created',
  [ImportOutcome.IMPORT_OUTCOME_UPDATED]: 'updated',
  [ImportOutcome.IMPORT_OUTCOME_UNCHANGED]: 'unchanged',
  [ImportOutcome.IMPORT_OUTCOME_REFUSED]: 'refused',
};

// The wire says empty where there is nothing to say.
function importRow({ outcome, ...told }: ImportedUserResult): ImportRow {
  const { userId, reason, errorId, message, passwordLeftOut } = told;
  return {
    outcome: promised(outcomes[outcome], 'known outcome'),
    ...(userId !== '' && { userId }),
    ...(passwordLeftOut && { passwordLeftOut }),
    ...(reason !== '' && { reason }),
    ...(errorId !== '' && { errorId }),
    ...(message !== '' && { message }),
  };
}
