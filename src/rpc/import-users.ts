import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import {
  type AdminService,
  type ImportedHuman,
  type ImportedUser as ImportedUserMessage,
  type ImportedUserResultSchema,
  ImportOutcome as OutcomeNumber,
} from '../../gen/es/latchkey/v1/admin_pb.js';
import { Gender, UserState } from '../../gen/es/zitadel/user/v2/user_pb.js';
import { type ImportedUser, type ImportOutcome, importUsers } from '../commands/import-users.ts';
import type { SignInApp } from '../commands/sign-in-facts.ts';
import { DomainError, errors } from '../domain/errors.ts';
import { parseOrganizationId } from '../domain/ids.ts';
import { parseTimestamp } from './convert/token.ts';
import { genders } from './human-request.ts';
import { callerKey } from './limits/caller-key.ts';

/** Users of another system. */
export function importHandlers(app: SignInApp): Pick<ServiceImpl<typeof AdminService>, 'importUsers'> {
  return {
    async importUsers(req, context) {
      const { validateOnly, updateExisting, existingOnly, withoutPasswords } = req;
      const outcomes = await importUsers(app, context.values.get(callerKey), {
        organizationId: parseOrganizationId(req.organizationId),
        users: req.users.map(parseImported),
        validateOnly,
        updateExisting,
        existingOnly,
        withoutPasswords,
      });
      return { results: outcomes.map(resultOf) };
    },
  };
}

const states: Readonly<Record<number, ImportedUser['state']>> = {
  [UserState.UNSPECIFIED]: 'active',
  [UserState.ACTIVE]: 'active',
  [UserState.INACTIVE]: 'inactive',
  [UserState.LOCKED]: 'locked',
  [UserState.INITIAL]: 'initial',
};

function parseImported(message: ImportedUserMessage, at: number): ImportedUser {
  const { userId, externalId, username, profile, lockedUntil, lockReason, removeExternalId } = message;
  const state = states[message.state];
  if (state === undefined) {
    throw new DomainError('fieldInvalid', { text: `users[${at}].state: nobody is imported deleted` });
  }
  if (profile.case === undefined) {
    throw new DomainError('fieldInvalid', { text: `users[${at}].profile: value is required` });
  }
  if (profile.case === 'machine' && externalId !== '') {
    throw new DomainError('fieldInvalid', { text: `users[${at}].external_id: a machine user has none` });
  }
  if (removeExternalId) requireRemoval(message, at);
  if (profile.case === 'external' && externalId === '' && !removeExternalId) {
    throw new DomainError('fieldInvalid', { text: `users[${at}].external_id: value is required` });
  }
  return {
    state,
    userId: given(userId),
    userName: given(username),
    ...parseProfile(profile, externalId),
    ...(lockedUntil && { lockedUntil: Math.floor(parseTimestamp(lockedUntil, `users[${at}].locked_until`)) }),
    ...(lockReason !== '' && { lockReason }),
    ...(removeExternalId && { removeExternalId }),
  };
}

// By their id alone is it sure whose it is, and of nobody else is anything said beside it.
function requireRemoval({ userId, externalId, profile }: ImportedUserMessage, at: number): void {
  const fault =
    (userId === '' && 'user_id: value is required to remove an external id') ||
    (externalId !== '' && 'external_id: must be empty where it is removed') ||
    (profile.case !== 'external' && 'profile: must be external where an external id is removed');
  if (fault) throw new DomainError('fieldInvalid', { text: `users[${at}].${fault}` });
}

function parseProfile(
  profile: Exclude<ImportedUserMessage['profile'], { case: undefined }>,
  externalId: string,
): Pick<ImportedUser, 'profile' | 'password'> {
  switch (profile.case) {
    case 'human':
      return parseHuman(profile.value, externalId);
    case 'machine':
      return { profile: parseMachine(profile.value) };
    case 'external':
      return { profile: { kind: 'external', externalId } };
    default:
      return profile satisfies never;
  }
}

const given = (text: string): string | undefined => (text === '' ? undefined : text);

function parseHuman(human: ImportedHuman, externalId: string): Pick<ImportedUser, 'profile' | 'password'> {
  const { givenName, familyName, nickName, displayName, preferredLanguage, email, emailVerified } = human;
  const { phone, phoneVerified, passwordHash, changeRequired, gender } = human;
  return {
    profile: {
      kind: 'human',
      givenName,
      familyName,
      ...(nickName !== '' && { nickName }),
      ...(displayName !== '' && { displayName }),
      ...(preferredLanguage !== '' && { preferredLanguage }),
      ...(gender !== Gender.UNSPECIFIED && { gender: genders[gender] }),
      email,
      emailVerified,
      ...(phone !== '' && { phone, phoneVerified }),
      ...(externalId !== '' && { externalId }),
    },
    ...(passwordHash !== '' && { password: { hash: passwordHash, changeRequired } }),
  };
}

function parseMachine({ name, description }: { readonly name: string; readonly description: string }) {
  return { kind: 'machine', name, ...(description !== '' && { description }) } as const;
}

const outcomeNumbers = {
  created: OutcomeNumber.CREATED,
  updated: OutcomeNumber.UPDATED,
  unchanged: OutcomeNumber.UNCHANGED,
  refused: OutcomeNumber.REFUSED,
} as const satisfies Record<ImportOutcome['outcome'], OutcomeNumber>;

function resultOf(became: ImportOutcome): MessageInitShape<typeof ImportedUserResultSchema> {
  const outcome = outcomeNumbers[became.outcome];
  if (became.outcome !== 'refused') {
    const { userId = '', passwordLeftOut = false } = became;
    return { outcome, userId, passwordLeftOut };
  }
  const { error, text } = became.error;
  const { reason, id } = errors[error];
  return { outcome, reason, errorId: id, message: text };
}
