import type { ImportedUser } from '../../commands/import-users.ts';
import type { ProfileChange } from '../../commands/profile-change.ts';
import { DomainError } from '../../domain/errors.ts';
import type { UserToCreate } from '../backend.ts';

type Lengths = Readonly<Record<string, readonly [value: string | undefined, min: number, max: number]>>;

/**
 * The lengths that the protos demand of a caller, in code points: whoever works on the database itself passes no
 * validator, and must leave no row that a server would not have made. Throws fieldInvalid.
 */
export function checkLengths(lengths: Lengths): void {
  for (const [field, [value, min, max]] of Object.entries(lengths)) {
    if (value === undefined) continue;
    const length = [...value].length;
    if (length >= min && length <= max) continue;
    throw new DomainError('fieldInvalid', { text: `${field}: must be ${min} to ${max} characters long` });
  }
}

/** The text fields of a new user, by the names of the wire. */
export function lengthsOfUser({
  userName,
  profile,
  password,
}: Pick<ImportedUser, 'userName' | 'profile'> & Pick<UserToCreate, 'password'>): Lengths {
  const secret = password !== undefined && 'hash' in password ? password.hash : password?.password;
  const common: Lengths = { username: [userName, 1, 200], password: [secret, 1, 200] };
  if (profile.kind === 'machine') {
    return { ...common, name: [profile.name, 1, 200], description: [profile.description, 1, 500] };
  }
  if (profile.kind === 'external') return { ...common, external_id: [profile.externalId, 1, 200] };
  return {
    ...common,
    given_name: [profile.givenName, 1, 200],
    family_name: [profile.familyName, 1, 200],
    nick_name: [profile.nickName, 0, 200],
    display_name: [profile.displayName, 0, 200],
    preferred_language: [profile.preferredLanguage, 0, 10],
    email: [profile.email, 1, 200],
    phone: [profile.phone, 0, 200],
    external_id: [profile.externalId, 1, 200],
  };
}

/** The text fields of a change, by the names of the wire. */
export function lengthsOfChange({ userName, human, machine }: ProfileChange): Lengths {
  return {
    username: [userName, 1, 200],
    given_name: [human?.texts?.givenName, 1, 200],
    family_name: [human?.texts?.familyName, 1, 200],
    nick_name: [human?.texts?.nickName, 1, 200],
    display_name: [human?.texts?.displayName, 1, 200],
    preferred_language: [human?.texts?.preferredLanguage, 1, 10],
    email: [human?.email?.email, 1, 200],
    phone: [human?.phone?.phone, 0, 200],
    name: [machine?.name, 0, 200],
    description: [machine?.description, 0, 500],
  };
}
