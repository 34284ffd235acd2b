import { UsageError } from '../../../app/usage.ts';
import type { Gender } from '../../../domain/user.ts';
import type { Arguments, OptionSpecs } from '../../arguments.ts';
import type { Backend, CreatedUserRow, UserToCreate } from '../../backend.ts';
import { type Command, type CommandContext, changeOptions, userOptions } from '../../command.ts';
import { readSecret } from '../../secret-input.ts';
import type { ExternalToCreate } from './external.ts';
import { userIdOf } from './name.ts';

const genders = ['female', 'male', 'diverse'] as const satisfies readonly Gender[];

const profileOptions = {
  org: { value: 'ORG_ID', help: 'the organization', fallback: 'the only one, where there is one' },
  id: { value: 'USER_ID', help: 'the user id', fallback: 'made up' },
  'user-name': {
    value: 'NAME',
    help: 'unique in the organization',
    fallback: "a human's e-mail address, a machine's id",
  },
  'external-id': {
    value: 'ID',
    help: 'what an application calls them; alone, it makes a user of whom nothing else is known',
  },
  'given-name': { value: 'NAME', help: 'a human needs one' },
  'family-name': { value: 'NAME', help: 'a human needs one' },
  email: { value: 'ADDRESS', help: 'a human needs one' },
  'email-verified': { help: 'the address is known to be theirs' },
  'display-name': { value: 'NAME', help: 'a human only' },
  'nick-name': { value: 'NAME', help: 'a human only' },
  language: { value: 'TAG', help: 'a human only; such as en' },
  gender: { value: 'GENDER', choices: genders, help: 'a human only' },
  phone: { value: 'NUMBER', help: 'a human only' },
  'phone-verified': { help: 'the number is known to be theirs' },
  password: { help: 'give a password: asked for, or the line on stdin' },
  'password-hash': {
    help: 'the same, but what is read is a hash made elsewhere: argon2, bcrypt, PBKDF2, scrypt, SHA-crypt',
  },
  'change-required': { help: 'the password must be changed at the next sign-in' },
  machine: { help: 'a machine user, for tokens' },
  name: { value: 'NAME', help: 'a machine needs one' },
  description: { value: 'TEXT', help: 'a machine only' },
} as const satisfies OptionSpecs;

/** `latchkey user create`, `set-password`, `reset-password`. */
export const userPasswordCommands: readonly Command[] = [
  {
    path: 'user create',
    operands: '(--given-name … --family-name … --email … | --external-id … | --machine --name …)',
    operandsMax: 0,
    summary: 'Make a user',
    notes: [
      'A human with a password and a verified address is active at once, else initial.',
      'Ids, names and addresses: 200 characters at most; a description: 500.',
    ],
    options: { ...profileOptions, ...changeOptions },
    json: 'document',
    examples: [
      'latchkey user create --given-name Ada --family-name Moreau --email ada@acme.example --email-verified',
      'latchkey user create --machine --name "Nightly import" --user-name import',
      'latchkey user create --external-id customer-42',
      'pass show ada | latchkey user create --given-name Ada --family-name Moreau --email ada@acme.example --password',
    ],
    readsSecret: true,
    run: create,
  },
  {
    path: 'user set-password',
    operands: '(USER_ID | --login NAME)',
    operandsMax: 1,
    summary: "Set a human user's password: asked for, or the line on stdin",
    options: {
      'change-required': { help: 'the password must be changed at the next sign-in' },
      ...userOptions,
      ...changeOptions,
    },
    json: 'document',
    examples: [
      'latchkey user set-password --login ada@acme.example',
      'pass show ada | latchkey user set-password 69629023906488334 --change-required',
    ],
    readsSecret: true,
    run: setPassword,
  },
  {
    path: 'user reset-password',
    operands: '(USER_ID | --login NAME)',
    operandsMax: 1,
    summary: 'Make a code by which a person can set a new password, for an hour',
    notes: ['The password that holds stays until then, and so does a lock.'],
    options: { ...userOptions, ...changeOptions },
    json: 'document',
    examples: ['latchkey user reset-password --login ada@acme.example'],
    run: reset,
  },
];

async function create(context: CommandContext): Promise<void> {
  const { args, output } = context;
  const externalId = args.text('external-id');
  const profile = profileOf(args);
  const password = await passwordOf(context);
  const backend = await context.backend();
  const organizationId = args.text('org') ?? (await onlyOrganization(backend));
  const [userId, userName] = [args.text('id'), args.text('user-name')];
  const user = { organizationId, userId, userName, ...password };
  const made =
    profile !== undefined && externalId === undefined
      ? await backend.createUser({ ...user, profile })
      : await makeExternal(backend, { ...user, profile: withExternal(profile, externalId) });
  await output.document({ ...made, organizationId }, [
    `User ${made.userId} made in organization ${organizationId} at ${made.creationDate}`,
  ]);
}

// Loaded when needed: it hashes passwords.
async function makeExternal(backend: Backend, user: ExternalToCreate): Promise<CreatedUserRow> {
  const { createExternal } = await import('./external.ts');
  return createExternal(backend, user);
}

/** undefined: nothing is known but the external id. */
function profileOf(args: Arguments): UserToCreate['profile'] | undefined {
  if (args.flag('machine')) return machineProfile(args);
  const isExternal = args.flag('external-id') && !humanOnly.some((name) => args.flag(name));
  return isExternal && !args.flag('name') ? undefined : humanProfile(args);
}

function withExternal(
  profile: UserToCreate['profile'] | undefined,
  externalId = '',
): ExternalToCreate['profile'] {
  if (profile === undefined) return { kind: 'external', externalId };
  return profile.kind === 'human' ? { ...profile, externalId } : profile;
}

const humanOnly = [
  'given-name',
  'family-name',
  'email',
  'email-verified',
  'display-name',
  'nick-name',
  'language',
  'gender',
  'phone',
  'phone-verified',
  'password',
  'password-hash',
  'change-required',
] as const;

function machineProfile(args: Arguments): UserToCreate['profile'] {
  const odd = (['external-id', ...humanOnly] as const).find((name) => args.flag(name));
  if (odd !== undefined) throw new UsageError(`--${odd} is for human users, not with --machine`);
  const description = args.text('description');
  return {
    kind: 'machine',
    name: needed(args, 'name'),
    ...(description !== undefined && { description }),
  };
}

function humanProfile(args: Arguments): UserToCreate['profile'] {
  const odd = ['name', 'description'].find((name) => args.flag(name));
  if (odd !== undefined) throw new UsageError(`--${odd} is for machine users, only with --machine`);
  const nickName = args.text('nick-name');
  const displayName = args.text('display-name');
  const preferredLanguage = args.text('language');
  const gender = genders.find((one) => one === args.text('gender'));
  const phone = args.text('phone');
  return {
    kind: 'human',
    givenName: needed(args, 'given-name'),
    familyName: needed(args, 'family-name'),
    email: needed(args, 'email'),
    emailVerified: args.flag('email-verified'),
    ...(nickName !== undefined && { nickName }),
    ...(displayName !== undefined && { displayName }),
    ...(preferredLanguage !== undefined && { preferredLanguage }),
    ...(gender !== undefined && { gender }),
    ...(phone !== undefined && { phone, phoneVerified: args.flag('phone-verified') }),
  };
}

function needed(args: Arguments, name: string): string {
  const value = args.text(name);
  if (value === undefined) throw new UsageError(`--${name} is missing`);
  return value;
}

async function passwordOf({ args, terminal }: CommandContext): Promise<Pick<UserToCreate, 'password'>> {
  const changeRequired = args.flag('change-required');
  if (args.flag('password-hash')) {
    if (args.flag('password')) throw new UsageError('give --password or --password-hash, not both');
    return { password: { changeRequired, hash: await readSecret(terminal, 'Password hash') } };
  }
  if (args.flag('password')) {
    return { password: { changeRequired, password: await readSecret(terminal, 'Password') } };
  }
  if (changeRequired) throw new UsageError('--change-required goes with --password or --password-hash');
  return {};
}

/** The id of the organization, where there is but one. Throws UsageError. */
export async function onlyOrganization(backend: Backend): Promise<string> {
  const { rows } = await backend.listOrganizations({ offset: 0, limit: 2 });
  const [only, other] = rows;
  if (only !== undefined && other === undefined) return only.organizationId;
  if (only === undefined) {
    throw new UsageError(
      'there is no organization that you may read: make one with latchkey org create NAME',
    );
  }
  throw new UsageError('there is not one organization alone: name one with --org (latchkey org list)');
}

async function reset(context: CommandContext): Promise<void> {
  const userId = await userIdOf(context);
  const backend = await context.backend();
  const handed = await backend.resetPassword(userId);
  await context.output.document(handed, [handed.code]);
}

async function setPassword(context: CommandContext): Promise<void> {
  const { args, output, terminal } = context;
  const userId = await userIdOf(context);
  const password = await readSecret(terminal, 'New password');
  const backend = await context.backend();
  const changed = await backend.setPassword({
    userId,
    password,
    changeRequired: args.flag('change-required'),
  });
  await output.document(changed, [
    `Password of user ${userId} set at ${changed.changeDate} (event ${changed.sequence})`,
  ]);
}
