import type { SetHumanEmail } from '../../gen/es/zitadel/user/v2/email_pb.js';
import type { HashedPassword, Password } from '../../gen/es/zitadel/user/v2/password_pb.js';
import type { SetHumanPhone } from '../../gen/es/zitadel/user/v2/phone_pb.js';
import { Gender as GenderProto, type SetHumanProfile } from '../../gen/es/zitadel/user/v2/user_pb.js';
import type { NewPassword } from '../commands/create-user.ts';
import type { Guess } from '../commands/credential.ts';
import { DomainError } from '../domain/errors.ts';
import type { Gender, HumanProfile } from '../domain/user.ts';

/** Throws fieldNotServed for the first field that is asked for: what we do not do is refused by name, never ignored. */
export function refuseUnserved(asked: Readonly<Record<string, boolean>>): void {
  for (const [field, isAsked] of Object.entries(asked)) {
    if (!isAsked) continue;
    throw new DomainError('fieldNotServed', { text: `Field is not served: ${field}`, metadata: { field } });
  }
}

interface HumanRequest {
  readonly profile: SetHumanProfile | undefined;
  readonly email: SetHumanEmail | undefined;
  readonly phone: SetHumanPhone | undefined;
}

/** A gender of the wire → ours. */
export const genders = {
  [GenderProto.UNSPECIFIED]: 'unspecified',
  [GenderProto.FEMALE]: 'female',
  [GenderProto.MALE]: 'male',
  [GenderProto.DIVERSE]: 'diverse',
} as const satisfies Record<GenderProto, Gender>;

/** The fields of a human user; `path` stands before a field's name in an error. Throws fieldInvalid, fieldNotServed. */
export function parseHuman(path: string, request: HumanRequest): Omit<HumanProfile, 'userName'> {
  const { profile, email, phone } = request;
  if (profile === undefined)
    throw new DomainError('fieldInvalid', { text: `${path}profile: value is required` });
  if (email === undefined) throw new DomainError('fieldInvalid', { text: `${path}email: value is required` });
  refuseUnserved({
    [`${path}email.send_code`]: email.verification.case === 'sendCode',
    [`${path}email.return_code`]: email.verification.case === 'returnCode',
    [`${path}phone.send_code`]: phone?.verification.case === 'sendCode',
    [`${path}phone.return_code`]: phone?.verification.case === 'returnCode',
  });
  const { givenName, familyName, nickName, displayName, preferredLanguage, gender } = profile;
  return {
    kind: 'human',
    givenName,
    familyName,
    ...(nickName !== undefined && { nickName }),
    ...(displayName !== undefined && { displayName }),
    ...(preferredLanguage !== undefined && { preferredLanguage }),
    ...(gender !== undefined && { gender: genders[gender] }),
    email: email.email,
    emailVerified: isVerified(email),
    ...(phone !== undefined &&
      phone.phone !== '' && { phone: phone.phone, phoneVerified: isVerified(phone) }),
  };
}

function isVerified(address: SetHumanEmail | SetHumanPhone): boolean {
  return address.verification.case === 'isVerified' && address.verification.value;
}

type PasswordType =
  | { readonly case: 'password'; readonly value: Password }
  | { readonly case: 'hashedPassword'; readonly value: HashedPassword }
  | { readonly case: undefined; readonly value?: undefined };

/** The password of a new user, where one is given. */
export function parsePassword(passwordType: PasswordType): { password?: NewPassword } {
  if (passwordType.case === undefined) return {};
  const { changeRequired } = passwordType.value;
  return passwordType.case === 'password'
    ? { password: { changeRequired, password: passwordType.value.password } }
    : { password: { changeRequired, hash: passwordType.value.hash } };
}

type Verification =
  | { readonly case: 'currentPassword' | 'verificationCode'; readonly value: string }
  | { readonly case: undefined };

/** What proves that the person themselves wants another password, where anything does. */
export function proofOf(verification: Verification): Guess | undefined {
  switch (verification.case) {
    case 'currentPassword':
      return { password: verification.value };
    case 'verificationCode':
      return { password: verification.value, code: 'password' };
    default:
      return verification.case satisfies undefined;
  }
}
