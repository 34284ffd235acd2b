import type { ImportedUser } from '../../commands/import-users.ts';
import type { Gender } from '../../domain/user.ts';
import { timeOf } from '../expiry.ts';
import { type ReadPerson, RowFault } from './person.ts';

/** What a row of CSV or JSON Lines may name, in the order of the docs. */
export const columns = [
  'id',
  'external_id',
  'user_name',
  'given_name',
  'family_name',
  'nick_name',
  'display_name',
  'email',
  'email_verified',
  'phone',
  'phone_verified',
  'language',
  'gender',
  'state',
  'locked_until',
  'lock_reason',
  'password_hash',
  'change_required',
] as const;

export type Column = (typeof columns)[number];
/** Absent and empty are one. */
export type Cells = Readonly<Partial<Record<Column, string>>>;

export function isColumn(name: string): name is Column {
  return columns.some((column) => column === name);
}

/** What the API calls otherwise than the file does. */
const columnOfField: ReadonlyMap<string, Column> = new Map([
  ['user_id', 'id'],
  ['username', 'user_name'],
  ['preferred_language', 'language'],
  ['password', 'password_hash'],
]);

/** The fault of a row, with the field that it begins with called as its column is. */
export function byColumn(message: string): string {
  return message.replace(/^[a-z_]+(?=: )/, (field) => columnOfField.get(field) ?? field);
}

/** Whoever has one of these is a person, and needs a name and an address. */
const personal = [
  ...(['given_name', 'family_name', 'nick_name', 'display_name', 'email', 'phone'] as const),
  ...(['language', 'gender', 'password_hash'] as const),
] satisfies readonly Column[];

/** The person whom the cells describe, or what an application calls somebody, and nothing personal. Throws RowFault. */
export function readCells(cells: Cells): ReadPerson {
  const text = (column: Column): string | undefined => cells[column]?.trim() || undefined;
  const [externalId, lockedUntil, lockReason] = [
    text('external_id'),
    text('locked_until'),
    text('lock_reason'),
  ];
  const isExternal = externalId !== undefined && personal.every((column) => text(column) === undefined);
  return {
    user: {
      userId: text('id'),
      userName: text('user_name'),
      state: oneOf(states, 'state', text('state') ?? 'active'),
      ...(lockedUntil !== undefined && { lockedUntil: timeIn('locked_until', lockedUntil) }),
      ...(lockReason !== undefined && { lockReason }),
      ...(isExternal ? { profile: { kind: 'external', externalId } } : readHuman(text, externalId)),
    },
  };
}

function readHuman(
  text: (column: Column) => string | undefined,
  externalId: string | undefined,
): Pick<ImportedUser, 'profile' | 'password'> {
  const needed = (column: Column): string => {
    const value = text(column);
    if (value === undefined) throw new RowFault(`${column}: is missing`);
    return value;
  };
  const [nickName, displayName, preferredLanguage] = [
    text('nick_name'),
    text('display_name'),
    text('language'),
  ];
  const [gender, phone, hash] = [text('gender'), text('phone'), text('password_hash')];
  return {
    profile: {
      kind: 'human',
      givenName: needed('given_name'),
      familyName: needed('family_name'),
      ...(nickName !== undefined && { nickName }),
      ...(displayName !== undefined && { displayName }),
      ...(preferredLanguage !== undefined && { preferredLanguage }),
      ...(gender !== undefined && { gender: oneOf(genders, 'gender', gender) }),
      email: needed('email'),
      emailVerified: flagOf('email_verified', text('email_verified')),
      ...(externalId !== undefined && { externalId }),
      ...(phone !== undefined && { phone, phoneVerified: flagOf('phone_verified', text('phone_verified')) }),
    },
    ...(hash !== undefined && {
      password: { hash, changeRequired: flagOf('change_required', text('change_required')) },
    }),
  };
}

const yes = ['true', '1', 'yes'];
const no = ['false', '0', 'no'];

function flagOf(column: Column, text = 'false'): boolean {
  const word = text.toLowerCase();
  if (yes.includes(word)) return true;
  if (no.includes(word)) return false;
  throw new RowFault(`${column}: must be true or false`);
}

const states = [
  'active',
  'inactive',
  'locked',
  'initial',
] as const satisfies readonly ImportedUser['state'][];

const genders = ['female', 'male', 'diverse'] as const satisfies readonly Gender[];

function oneOf<Word extends string>(words: readonly Word[], column: Column, text: string): Word {
  const found = words.find((one) => one === text.toLowerCase());
  if (found === undefined) throw new RowFault(`${column}: must be one of ${words.join(', ')}`);
  return found;
}

const rfc3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;

function timeIn(column: Column, text: string): number {
  const time = rfc3339.test(text) ? timeOf(text.replace(' ', 'T')) : Number.NaN;
  if (Number.isNaN(time)) throw new RowFault(`${column}: must be a time such as 2026-12-31T23:59:59Z`);
  return time;
}
