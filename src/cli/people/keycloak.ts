import { createReadStream } from 'node:fs';
import type { ImportedUser } from '../../commands/import-users.ts';
import { readJsonElements } from './json-elements.ts';
import { keycloakPassword } from './keycloak-password.ts';
import { type Members, parseMembers } from './members.ts';
import {
  FileUnreadable,
  type PersonRow,
  personRow,
  type ReadOptions,
  type ReadPerson,
  RowFault,
} from './person.ts';

/** Of one realm, and of an export of all of them. */
const paths: ReadonlySet<string> = new Set(['users.*', '*.users.*']);

/** The users of `kc.sh export`: inside the realm's file, or in files of their own. Throws FileUnreadable. */
export async function* readKeycloak(file: string, options: ReadOptions): AsyncGenerator<PersonRow> {
  let isEmpty = true;
  for await (const { line, text } of readJsonElements(createReadStream(file), paths)) {
    isEmpty = false;
    let name = '';
    yield personRow({ line, name: () => name }, options, () => {
      const members = parseMembers(text);
      name = members.text('username', 'email', 'id') ?? '';
      return readUser(members);
    });
  }
  if (isEmpty) {
    throw new FileUnreadable(
      'it holds no users: export them with kc.sh export --users realm_file, or give the realm’s *-users-N.json',
    );
  }
}

function readUser(members: Members): ReadPerson {
  const userName = members.text('username');
  if (userName === undefined) throw new RowFault('username: is missing');
  const common = { userId: members.text('id'), userName, state: stateOf(members) };
  // The user behind a client that calls for itself.
  if (members.text('serviceAccountClientId') !== undefined) {
    return { user: { ...common, profile: { kind: 'machine', name: userName } } };
  }
  const email = members.text('email');
  if (email === undefined) throw new RowFault('email: is missing');
  const attributes = members.inner('attributes');
  const preferredLanguage = firstOf(attributes, 'locale');
  const phone = firstOf(attributes, 'phoneNumber');
  const { hash, fault } = keycloakPassword(members.list('credentials'));
  return {
    user: {
      ...common,
      profile: {
        kind: 'human',
        // Keycloak asks for neither name.
        givenName: members.text('firstName') ?? userName,
        familyName: members.text('lastName') ?? userName,
        ...(preferredLanguage !== undefined && { preferredLanguage }),
        email,
        emailVerified: members.flag('emailVerified') ?? false,
        ...(phone !== undefined && { phone, phoneVerified: false }),
      },
      ...(hash !== undefined && { password: { hash, changeRequired: mustChange(members) } }),
    },
    ...(fault !== undefined && { passwordFault: fault }),
  };
}

// Being shut out for a while by its brute force detection is in no export.
function stateOf(members: Members): ImportedUser['state'] {
  return members.flag('enabled') === false ? 'inactive' : 'active';
}

function mustChange(members: Members): boolean {
  return members.texts('requiredActions').includes('UPDATE_PASSWORD');
}

function firstOf(attributes: Members, name: string): string | undefined {
  return attributes.texts(name).find((value) => value !== '');
}
