import { UsageError } from '../../../app/usage.ts';
import type { ProfileChange } from '../../../commands/profile-change.ts';
import type { Gender } from '../../../domain/user.ts';
import type { Arguments, OptionSpecs } from '../../arguments.ts';
import { type Command, type CommandContext, changeOptions, userOptions } from '../../command.ts';
import { userIdOf } from './name.ts';

const genders = ['unspecified', 'female', 'male', 'diverse'] as const satisfies readonly Gender[];

const updateOptions = {
  'user-name': { value: 'NAME', help: 'unique in the organization' },
  'external-id': { value: 'ID', help: 'what an application calls them; by itself, and no machine has one' },
  'no-external-id': { help: 'take that id from a human; by itself' },
  'given-name': { value: 'NAME', help: 'a human only, like all that follow but the last two' },
  'family-name': { value: 'NAME', help: 'the family name' },
  'display-name': { value: 'NAME', help: 'the name that is shown' },
  'nick-name': { value: 'NAME', help: 'the nick name' },
  language: { value: 'TAG', help: 'such as en' },
  gender: { value: 'GENDER', choices: genders, help: 'the gender' },
  email: { value: 'ADDRESS', help: 'the address; a new one is unverified' },
  'email-verified': { help: 'with --email: the address is known to be theirs' },
  phone: { value: 'NUMBER', help: 'the number; a new one is unverified' },
  'phone-verified': { help: 'with --phone: the number is known to be theirs' },
  'no-phone': { help: 'take the number away' },
  name: { value: 'NAME', help: 'a machine only' },
  description: { value: 'TEXT', help: 'a machine only' },
} as const satisfies OptionSpecs;

/** `latchkey user update`. */
export const userUpdateCommands: readonly Command[] = [
  {
    path: 'user update',
    operands: '(USER_ID | --login NAME)',
    operandsMax: 1,
    summary: 'Change names and addresses of a user: what is given, and nothing else',
    notes: ["The user's state stays: no change lifts a lock or gives fresh attempts."],
    options: { ...updateOptions, ...userOptions, ...changeOptions },
    json: 'document',
    examples: [
      'latchkey user update --login ada@acme.example --family-name Moreau-Lenz',
      'latchkey user update 69629023906488334 --email ada@lenz.example --email-verified',
      'latchkey user update --login ada@acme.example --external-id customer-42',
      'latchkey user update customer-42 --no-external-id',
    ],
    run: update,
  },
];

async function update(context: CommandContext): Promise<void> {
  const { args, output } = context;
  const only = (['external-id', 'no-external-id'] as const).find((name) => args.flag(name));
  const change = only === undefined ? changeOf(args) : undefined;
  if (only !== undefined) requireAlone(args, only);
  const userId = await userIdOf(context);
  const backend = await context.backend();
  const updated =
    only === undefined
      ? await backend.updateUser({ userId, ...change })
      : await (await import('./external.ts')).setExternalId(backend, userId, args.text('external-id'));
  await output.document(updated, [`User ${userId} is up to date as of ${updated.changeDate}`]);
}

// It is a call of its own: with another, one of two could be refused, and the other be done.
function requireAlone(args: Arguments, only: keyof typeof updateOptions): void {
  const odd = Object.keys(updateOptions).find((name) => name !== only && args.flag(name));
  if (odd !== undefined) throw new UsageError(`--${only} is given by itself, without --${odd}`);
}

function changeOf(args: Arguments): ProfileChange {
  for (const name of ['email', 'phone'] as const) {
    if (args.flag(`${name}-verified`) && args.text(name) === undefined) {
      throw new UsageError(`--${name}-verified goes with --${name}`);
    }
  }
  if (args.flag('no-phone') && args.text('phone') !== undefined) {
    throw new UsageError('give --phone or --no-phone, not both');
  }
  const userName = args.text('user-name');
  const human = humanChange(args);
  const machine = given({ name: args.text('name'), description: args.text('description') });
  if (human !== undefined && machine !== undefined) {
    throw new UsageError('--name and --description are for machine users, the others for human ones');
  }
  if (userName === undefined && human === undefined && machine === undefined) {
    throw new UsageError('nothing to change: give what is to be another');
  }
  return {
    ...(userName !== undefined && { userName }),
    ...(human !== undefined && { human }),
    ...(machine !== undefined && { machine }),
  };
}

function humanChange(args: Arguments): ProfileChange['human'] {
  const texts = given({
    givenName: args.text('given-name'),
    familyName: args.text('family-name'),
    nickName: args.text('nick-name'),
    displayName: args.text('display-name'),
    preferredLanguage: args.text('language'),
    gender: genders.find((one) => one === args.text('gender')),
  });
  const email = args.text('email');
  const phone = args.flag('no-phone') ? '' : args.text('phone');
  return given({
    texts,
    email: email === undefined ? undefined : { email, isVerified: args.flag('email-verified') },
    phone: phone === undefined ? undefined : { phone, isVerified: args.flag('phone-verified') },
  });
}

type Given<Values> = { readonly [Name in keyof Values]?: Exclude<Values[Name], undefined> };

/** Those that are there; undefined where none is. */
function given<Values extends object>(values: Values): Given<Values> | undefined {
  const there = Object.entries(values).filter(([, value]) => value !== undefined);
  return there.length === 0 ? undefined : (Object.fromEntries(there) as Given<Values>);
}
