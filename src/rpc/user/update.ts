import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import type { SetHumanEmail } from '../../../gen/es/zitadel/user/v2/email_pb.js';
import type { SetPassword } from '../../../gen/es/zitadel/user/v2/password_pb.js';
import type { SetHumanPhone } from '../../../gen/es/zitadel/user/v2/phone_pb.js';
import type {
  SetEmailRequest,
  SetPhoneRequest,
  UpdateUserRequest,
  UpdateUserRequest_Human_Profile,
} from '../../../gen/es/zitadel/user/v2/update_pb.js';
import type { SetHumanProfile } from '../../../gen/es/zitadel/user/v2/user_pb.js';
import type { UserService } from '../../../gen/es/zitadel/user/v2/user_service_pb.js';
import type { ProfileChange } from '../../commands/profile-change.ts';
import type { SignInApp } from '../../commands/sign-in-facts.ts';
import { removePhone, type UpdatedUser, type UserUpdate, updateUser } from '../../commands/update-user.ts';
import { DomainError } from '../../domain/errors.ts';
import { parseUserId } from '../../domain/ids.ts';
import type { ProfileTexts } from '../../domain/profile-events.ts';
import { detailsOf, timestampOf } from '../convert/details.ts';
import { genders, parsePassword, proofOf, refuseUnserved } from '../human-request.ts';
import { callerKey } from '../limits/caller-key.ts';

type UserUpdateHandlers = Pick<
  ServiceImpl<typeof UserService>,
  'updateUser' | 'updateHumanUser' | 'setEmail' | 'setPhone' | 'removePhone'
>;

/** The calls that keep a user current. */
export function userUpdateHandlers(app: SignInApp): UserUpdateHandlers {
  const update = (userId: string, change: Omit<UserUpdate, 'userId' | 'signal'>, context: HandlerContext) =>
    updateUser(app, context.values.get(callerKey), {
      userId: parseUserId(userId),
      ...change,
      signal: context.signal,
    });
  return {
    async updateUser(req, context) {
      const { username: userName } = req;
      const change = { ...(userName !== undefined && { userName }), ...typedChange(req.userType) };
      const { user, codes } = await update(req.userId, change, context);
      return { changeDate: timestampOf(user.changedAt), ...codesOf(codes) };
    },
    async updateHumanUser(req, context) {
      const { username: userName } = req;
      const change = { ...(userName !== undefined && { userName }), ...humanChange('', req) };
      const { user, codes } = await update(req.userId, change, context);
      return { details: detailsOf(user), ...codesOf(codes) };
    },
    async setEmail(req, context) {
      requireTrue(req.verification);
      const human = { email: emailChange('', req) };
      const { user, codes } = await update(req.userId, { human }, context);
      return { details: detailsOf(user), ...(codes.email && { verificationCode: codes.email }) };
    },
    async setPhone(req, context) {
      requireTrue(req.verification);
      const human = { phone: phoneChange('', req) };
      const { user, codes } = await update(req.userId, { human }, context);
      return { details: detailsOf(user), ...(codes.phone && { verificationCode: codes.phone }) };
    },
    async removePhone(req, context) {
      const caller = context.values.get(callerKey);
      return { details: detailsOf(await removePhone(app, caller, parseUserId(req.userId))) };
    },
  };
}

function codesOf({ email, phone }: UpdatedUser['codes']) {
  return { ...(email && { emailCode: email }), ...(phone && { phoneCode: phone }) };
}

type Change = Omit<UserUpdate, 'userId' | 'signal' | 'userName'>;

function typedChange({ case: kind, value }: UpdateUserRequest['userType']): Change {
  if (kind === undefined) return {};
  if (kind === 'human') return humanChange('human.', value);
  const { name, description } = value;
  return {
    machine: { ...(name !== undefined && { name }), ...(description !== undefined && { description }) },
  };
}

interface HumanChange {
  readonly profile?: UpdateUserRequest_Human_Profile | SetHumanProfile | undefined;
  readonly email?: SetHumanEmail | undefined;
  readonly phone?: SetHumanPhone | undefined;
  readonly password?: SetPassword | undefined;
}

function humanChange(path: string, { profile, email, phone, password }: HumanChange): Change {
  return {
    human: {
      ...(profile !== undefined && { texts: textsOf(profile) }),
      ...(email !== undefined && { email: emailChange(`${path}email.`, email) }),
      ...(phone !== undefined && { phone: phoneChange(`${path}phone.`, phone) }),
    },
    ...(password !== undefined && passwordChange(`${path}password.`, password)),
  };
}

function textsOf({ gender, ...profile }: UpdateUserRequest_Human_Profile | SetHumanProfile): ProfileTexts {
  const { givenName, familyName, nickName, displayName, preferredLanguage } = profile;
  return {
    ...(givenName !== undefined && { givenName }),
    ...(familyName !== undefined && { familyName }),
    ...(nickName !== undefined && { nickName }),
    ...(displayName !== undefined && { displayName }),
    ...(preferredLanguage !== undefined && { preferredLanguage }),
    ...(gender !== undefined && { gender: genders[gender] }),
  };
}

type EmailChange = NonNullable<NonNullable<ProfileChange['human']>['email']>;
type PhoneChange = NonNullable<NonNullable<ProfileChange['human']>['phone']>;

function emailChange(path: string, { email, verification }: SetHumanEmail | SetEmailRequest): EmailChange {
  return { email, ...parseVerification(path, verification) };
}

function phoneChange(path: string, { phone, verification }: SetHumanPhone | SetPhoneRequest): PhoneChange {
  return { phone, ...parseVerification(path, verification) };
}

function parseVerification(
  path: string,
  verification: { readonly case: string | undefined; readonly value?: unknown },
): Pick<EmailChange, 'isVerified' | 'wantsCode'> {
  refuseUnserved({
    [`${path}send_code`]: verification.case === 'sendCode',
  });
  const isVerified = verification.case === 'isVerified' && verification.value === true;
  return { isVerified, wantsCode: verification.case === 'returnCode' };
}

// What is not verified says so by saying nothing.
function requireTrue({
  case: kind,
  value,
}: {
  readonly case: string | undefined;
  readonly value?: unknown;
}): void {
  if (kind !== 'isVerified' || value === true) return;
  throw new DomainError('fieldInvalid', { text: 'is_verified: must be true' });
}

function passwordChange(path: string, { passwordType, verification }: SetPassword): Pick<Change, 'password'> {
  const { password: newPassword } = parsePassword(passwordType);
  if (newPassword === undefined) {
    throw new DomainError('fieldInvalid', { text: `${path}password: value is required` });
  }
  return { password: { newPassword, proof: proofOf(verification) } };
}
