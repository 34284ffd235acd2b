import { createReadStream } from 'node:fs';
import type { ImportedUser } from '../../commands/import-users.ts';
import type { Gender } from '../../domain/user.ts';
import { type JsonElement, readJsonElements } from './json-elements.ts';
import { type Members, parseMembers } from './members.ts';
import {
  FileUnreadable,
  type PersonRow,
  personRow,
  type ReadOptions,
  type ReadPerson,
  RowFault,
} from './person.ts';

/** The export, and the same as an import takes it. */
const roots = ['orgs.*', 'dataOrgs.orgs.*', 'data_orgs.orgs.*'];
const organizationIds = pathsOf(['orgId', 'org_id']);
const humans = pathsOf(['humanUsers.*', 'human_users.*']);
const machines = pathsOf(['machineUsers.*', 'machine_users.*']);
const paths = new Set([...organizationIds, ...humans, ...machines]);

function pathsOf(members: readonly string[]): ReadonlySet<string> {
  return new Set(roots.flatMap((root) => members.map((member) => `${root}.${member}`)));
}

/** The users of an export by ZITADEL's admin API, with their ids, and their organizations'. Throws FileUnreadable. */
export async function* readZitadel(file: string, options: ReadOptions): AsyncGenerator<PersonRow> {
  let organizationId: string | undefined;
  let isEmpty = true;
  for await (const element of readJsonElements(createReadStream(file), paths)) {
    if (organizationIds.has(element.path)) {
      organizationId = organizationOf(element);
      continue;
    }
    isEmpty = false;
    yield rowOf(element, organizationId, options);
  }
  if (isEmpty) throw new FileUnreadable('it holds no users: export with_passwords, and orgs with humanUsers');
}

function organizationOf({ line, text = '' }: JsonElement): string {
  try {
    return String(JSON.parse(text));
  } catch (error) {
    throw new FileUnreadable(`line ${line}: the organization’s id is no JSON`, { cause: error });
  }
}

function rowOf(
  { path, line, text }: JsonElement,
  organizationId: string | undefined,
  options: ReadOptions,
): PersonRow {
  let name = '';
  return personRow({ line, name: () => name }, options, () => {
    const members = parseMembers(text);
    const user = members.inner('user');
    name = user.text('userName', 'user_name') ?? members.text('userId', 'user_id') ?? '';
    const userId = members.text('userId', 'user_id');
    const common = {
      userId,
      userName: user.text('userName', 'user_name'),
      state: options.states?.get(userId ?? '') ?? 'active',
    };
    const read = humans.has(path) ? readHuman(common, user) : readMachine(common, user);
    return { ...read, ...(organizationId !== undefined && { organizationId }) };
  });
}

type Common = Pick<ImportedUser, 'userId' | 'userName' | 'state'>;

function readHuman(common: Common, user: Members): ReadPerson {
  const profile = user.inner('profile');
  const email = user.inner('email');
  const number = user.inner('phone');
  const needed = (value: string | undefined, field: string): string => {
    if (value === undefined) throw new RowFault(`${field}: is missing`);
    return value;
  };
  const nickName = profile.text('nickName', 'nick_name');
  const displayName = profile.text('displayName', 'display_name');
  const preferredLanguage = profile.text('preferredLanguage', 'preferred_language');
  const gender = genderOf(profile);
  const phone = number.text('phone');
  const phoneVerified = number.flag('isPhoneVerified', 'is_phone_verified') ?? false;
  const hash = user.inner('hashedPassword', 'hashed_password').text('value');
  const changeRequired = user.flag('passwordChangeRequired', 'password_change_required') ?? false;
  const isPlain = hash === undefined && user.text('password') !== undefined;
  return {
    user: {
      ...common,
      profile: {
        kind: 'human',
        givenName: needed(profile.text('firstName', 'first_name'), 'profile.firstName'),
        familyName: needed(profile.text('lastName', 'last_name'), 'profile.lastName'),
        ...(nickName !== undefined && { nickName }),
        ...(displayName !== undefined && { displayName }),
        ...(preferredLanguage !== undefined && { preferredLanguage }),
        ...(gender !== undefined && { gender }),
        email: needed(email.text('email'), 'email.email'),
        emailVerified: email.flag('isEmailVerified', 'is_email_verified') ?? false,
        ...(phone !== undefined && { phone, phoneVerified }),
      },
      ...(hash !== undefined && { password: { hash, changeRequired } }),
    },
    ...(isPlain && { passwordFault: 'password: stands there as it is, not as a hash' }),
  };
}

// By its name, or its number in an export that another tool wrote.
const genders: Readonly<Record<string, Gender | undefined>> = {
  ...{
    GENDER_UNSPECIFIED: undefined,
    GENDER_FEMALE: 'female',
    GENDER_MALE: 'male',
    GENDER_DIVERSE: 'diverse',
  },
  ...{ 0: undefined, 1: 'female', 2: 'male', 3: 'diverse' },
};

function genderOf(profile: Members): Gender | undefined {
  const text = profile.text('gender');
  if (text !== undefined && !Object.hasOwn(genders, text))
    throw new RowFault('profile.gender: is none that is known');
  return text === undefined ? undefined : genders[text];
}

function readMachine(common: Common, user: Members): ReadPerson {
  const name = user.text('name') ?? common.userName;
  if (name === undefined) throw new RowFault('name: is missing');
  const description = user.text('description');
  return {
    user: {
      ...common,
      profile: { kind: 'machine', name, ...(description !== undefined && { description }) },
    },
  };
}
