import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  AccessTokenType,
  Gender,
  type HumanUserSchema,
  type MachineUserSchema,
  type UserSchema,
  UserState,
} from '../../../gen/es/zitadel/user/v2/user_pb.js';
import {
  type Gender as DomainGender,
  type UserState as DomainState,
  displayNameOf,
  externalIdOf,
  type HumanProfile,
  loginNameOf,
  type MachineProfile,
} from '../../domain/user.ts';
import type { UserRecord } from '../../queries/users.ts';
import { detailsOf, timestampOf } from './details.ts';

/** The wire's number of each state. */
export const states = {
  initial: UserState.INITIAL,
  active: UserState.ACTIVE,
  inactive: UserState.INACTIVE,
  locked: UserState.LOCKED,
  deleted: UserState.DELETED,
} as const satisfies Record<DomainState, UserState>;

const genders = {
  unspecified: Gender.UNSPECIFIED,
  female: Gender.FEMALE,
  male: Gender.MALE,
  diverse: Gender.DIVERSE,
} as const satisfies Record<DomainGender, Gender>;

/** The user with all that a reader is shown. */
export function userOf(record: UserRecord): MessageInitShape<typeof UserSchema> {
  const { user, profile } = record;
  const named = namesOf(record);
  return {
    ...named,
    details: detailsOf(user),
    ...(profile.kind === 'human' && {
      type: { case: 'human', value: { ...named, ...humanOf(profile, record) } },
    }),
    ...(profile.kind === 'machine' && { type: { case: 'machine', value: machineOf(profile) } }),
    externalId: externalIdOf(profile) ?? '',
  };
}

// What User and HumanUser both say.
function namesOf(record: UserRecord) {
  const { user, profile } = record;
  const loginName = loginNameOf(record);
  return {
    userId: user.userId,
    state: states[user.state],
    username: profile.userName,
    loginNames: [loginName],
    preferredLoginName: loginName,
  };
}

function humanOf(profile: HumanProfile, record: UserRecord): MessageInitShape<typeof HumanUserSchema> {
  const { givenName, familyName, nickName, preferredLanguage, gender, phone } = profile;
  return {
    profile: {
      givenName,
      familyName,
      displayName: displayNameOf(profile),
      ...(nickName !== undefined && { nickName }),
      ...(preferredLanguage !== undefined && { preferredLanguage }),
      ...(gender !== undefined && { gender: genders[gender] }),
    },
    email: { email: profile.email, isVerified: profile.emailVerified },
    ...(phone !== undefined && { phone: { phone, isVerified: profile.phoneVerified ?? false } }),
    ...(record.password !== undefined && {
      passwordChangeRequired: record.password.changeRequired,
      passwordChanged: timestampOf(record.password.changedAt),
    }),
  };
}

function machineOf(profile: MachineProfile): MessageInitShape<typeof MachineUserSchema> {
  return {
    name: profile.name,
    description: profile.description ?? '',
    accessTokenType: AccessTokenType.BEARER,
  };
}
