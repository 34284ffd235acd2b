import type {
  UpdateUserRequest,
  UpdateUserRequest_Human,
} from '../../../gen/grpc-js/zitadel/user/v2/update.ts';
import type { ProfileChange } from '../../commands/profile-change.ts';
import type { UserToUpdate } from '../backend.ts';
import { genderNumbers } from './request.ts';

/** What is to change of a user. */
export function updateUserRequest({
  userId,
  userName: username,
  human,
  machine,
}: UserToUpdate): UpdateUserRequest {
  if (human !== undefined) {
    return { userId, username, userType: { $case: 'human', value: humanOf(human) } };
  }
  if (machine !== undefined) {
    const { name, description } = machine;
    return { userId, username, userType: { $case: 'machine', value: { name, description } } };
  }
  return { userId, username, userType: undefined };
}

const verified = { $case: 'isVerified', value: true } as const;

function humanOf({ texts, email, phone }: NonNullable<ProfileChange['human']>): UpdateUserRequest_Human {
  const { gender, givenName, familyName, nickName, displayName, preferredLanguage } = texts ?? {};
  return {
    profile: texts && {
      givenName,
      familyName,
      nickName,
      displayName,
      preferredLanguage,
      gender: gender === undefined ? undefined : genderNumbers[gender],
    },
    email: email && { email: email.email, verification: email.isVerified ? verified : undefined },
    phone: phone && { phone: phone.phone, verification: phone.isVerified ? verified : undefined },
    password: undefined,
  };
}
