import { foldText } from '../../domain/filter.ts';
import type { Lockout } from '../../domain/lock.ts';
import type { Row } from '../sql/rows.ts';
import { type ArchiveKind, type ArchiveRow, RowRefused } from '../store.ts';

/** A table as both stores have it and as the archive names its columns. */
export interface ArchiveTable {
  readonly name: string;
  /** Columns that its rows are ordered by. */
  readonly key: readonly string[];
  readonly columns: readonly ArchiveColumn[];
  /** Columns that follow from the others: in the table, not in the archive. */
  readonly derived?: readonly string[];
  /** Where rows may be long: how many of them are read at once. */
  readonly rowsPerPage?: number;
}

export interface ArchiveColumn {
  readonly member: string;
  readonly column: string;
  readonly shape: Shape;
  readonly isOptional: boolean;
}

type Shape = 'text' | 'number' | 'time' | 'boolean' | 'json' | 'bytes' | 'sha256';

/** A value as both databases take it. */
export type ColumnValue = string | number | null | Uint8Array;

/** The columns that a row is inserted with; parseColumnValues answers values in this order. */
export function writtenColumns({ columns, derived = [] }: ArchiveTable): readonly string[] {
  return [...columns.map(({ column }) => column), ...derived];
}

const column = (name: string, shape: Shape, isOptional = false): ArchiveColumn => ({
  member: name.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase()),
  column: name,
  shape,
  isOptional,
});
const text = (name: string) => column(name, 'text');
const number = (name: string) => column(name, 'number');
/** Milliseconds since 1970. */
const time = (name: string) => column(name, 'time');
const optionalText = (name: string) => column(name, 'text', true);

/**
 * Every table, and every column that does not follow from others: the one list that export and import go by, for
 * either store.
 */
export const archiveTables: Readonly<Record<ArchiveKind, ArchiveTable>> = {
  organization: {
    name: 'organizations',
    key: ['organization_id'],
    columns: [text('organization_id'), text('name'), text('domain'), time('created_at')],
  },
  policy: {
    name: 'lockout_policies',
    key: ['organization_id'],
    columns: [
      text('organization_id'),
      column('policy', 'json', true),
      number('sequence'),
      time('created_at'),
      time('changed_at'),
    ],
  },
  event: {
    name: 'events',
    key: ['position'],
    columns: [
      number('position'),
      text('user_id'),
      number('sequence'),
      text('event_id'),
      text('type'),
      time('created_at'),
      column('payload', 'json'),
      optionalText('actor_user_id'),
      optionalText('actor_os_user'),
      optionalText('actor_subject'),
      optionalText('ip'),
      optionalText('user_agent'),
      optionalText('request_id'),
      optionalText('traceparent'),
      optionalText('reason'),
    ],
  },
  user: {
    name: 'users',
    key: ['user_id'],
    columns: [
      text('user_id'),
      text('organization_id'),
      text('kind'),
      text('state'),
      number('sequence'),
      time('created_at'),
      time('changed_at'),
      number('failed_password_attempts'),
      number('tokens_ended_sequence'),
      column('grants', 'json'),
      column('lockout', 'json'),
    ],
    derived: ['lock_until'],
  },
  profile: {
    name: 'profiles',
    key: ['user_id'],
    columns: [
      text('user_id'),
      text('organization_id'),
      column('profile', 'json'),
      optionalText('password_hash'),
      column('password_change_required', 'boolean', true),
      column('password_changed_at', 'time', true),
    ],
    derived: ['user_name', 'user_name_folded', 'email_folded', 'external_id'],
  },
  token: {
    name: 'tokens',
    key: ['token_id'],
    columns: [
      text('token_id'),
      text('user_id'),
      number('sequence'),
      column('secret_hash', 'sha256'),
      time('created_at'),
      time('expires_at'),
    ],
  },
  metadata: {
    name: 'user_metadata',
    key: ['user_id', 'key'],
    columns: [text('user_id'), text('key'), column('value', 'bytes'), time('created_at'), time('changed_at')],
    rowsPerPage: 100,
  },
};

/** A row of the database → a row of the archive; what is not known is absent. */
export function toArchiveRow({ columns }: ArchiveTable, row: Row): ArchiveRow {
  const members: Record<string, unknown> = {};
  for (const { member, column, shape } of columns) {
    const value = row[column];
    if (value !== null && value !== undefined) members[member] = fromColumn(shape, value);
  }
  return members;
}

function fromColumn(shape: Shape, value: NonNullable<Row[string]>): unknown {
  switch (shape) {
    case 'text':
    case 'number':
    case 'time':
      return value;
    case 'boolean':
      return value === 1;
    case 'json':
      return JSON.parse(value as string);
    case 'bytes':
    case 'sha256':
      return Buffer.from(value as Uint8Array).toString('base64');
    default:
      return shape satisfies never;
  }
}

/** A row of the archive, whatever it claims to be → values of writtenColumns. Throws RowRefused. */
export function parseColumnValues(kind: ArchiveKind, row: ArchiveRow): ColumnValue[] {
  const { columns } = archiveTables[kind];
  const values: ColumnValue[] = [];
  let known = 0;
  for (const { member, shape, isOptional } of columns) {
    const value = row[member];
    if (value !== undefined) known += 1;
    else if (!isOptional) throw new RowRefused(`${kind} without ${member}`);
    values.push(value === undefined ? null : parseValue(shape, value, member));
  }
  if (known < Object.keys(row).length) {
    const odd = Object.keys(row).find((name) => columns.every(({ member }) => member !== name));
    throw new RowRefused(`${kind} with ${JSON.stringify(odd)}, which is not known here`);
  }
  if (kind === 'profile') values.push(...userNames(row.profile));
  if (kind === 'user') values.push(lockUntil(row.lockout));
  return values;
}

function parseValue(shape: Shape, value: unknown, member: string): ColumnValue {
  switch (shape) {
    case 'text':
      if (typeof value === 'string' && value.isWellFormed() && !value.includes('\0')) return value;
      throw new RowRefused(`${member} must be text`);
    case 'number':
      if (Number.isSafeInteger(value)) return value as number;
      throw new RowRefused(`${member} must be a whole number`);
    case 'time':
      return parseTime(value, member);
    case 'boolean':
      if (typeof value === 'boolean') return Number(value);
      throw new RowRefused(`${member} must be true or false`);
    case 'json':
      if (typeof value === 'object' && value !== null) return JSON.stringify(value);
      throw new RowRefused(`${member} must be an object or a list`);
    case 'bytes':
      return parseBytes(value, member);
    case 'sha256':
      return parseSha256(value, member);
    default:
      return shape satisfies never;
  }
}

/** What google.protobuf.Timestamp can say: a list with another in it could be told to nobody. */
const [timeMin, timeMax] = [-62_135_596_800_000, 253_402_300_799_999];

function parseTime(value: unknown, member: string): number {
  const isTime = Number.isSafeInteger(value) && Number(value) >= timeMin && Number(value) <= timeMax;
  if (isTime) return Number(value);
  throw new RowRefused(`${member} must be a time: whole milliseconds, of the years 1 to 9999`);
}

const sha256Bytes = 32;

function parseBytes(value: unknown, member: string): Uint8Array {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'base64') : undefined;
  if (bytes !== undefined && bytes.toString('base64') === value) return bytes;
  throw new RowRefused(`${member} must be bytes in base64`);
}

function parseSha256(value: unknown, member: string): Uint8Array {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'base64') : undefined;
  if (bytes?.length === sha256Bytes && bytes.toString('base64') === value) return bytes;
  throw new RowRefused(`${member} must be ${sha256Bytes} bytes in base64`);
}

// The derived column of a user.
function lockUntil(lockout: unknown): number | null {
  const until = (lockout as Lockout).lock?.until ?? null;
  return until === null ? null : parseTime(until, 'lockout.lock.until');
}

// The derived columns of a profile; uniqueness is judged by the last three. Each client is told all of it, in whatever form.
function userNames(profile: unknown): readonly (string | null)[] {
  const { emailVerified, phoneVerified, userNameLocal, emailLocal, ...texts } = profile as Members;
  for (const [member, value] of Object.entries({ emailVerified, phoneVerified, userNameLocal, emailLocal })) {
    if (value !== undefined) parseValue('boolean', value, `profile.${member}`);
  }
  for (const [member, value] of Object.entries(texts)) parseValue('text', value, `profile.${member}`);
  const { userName, email, externalId } = texts;
  if (typeof userName !== 'string') throw new RowRefused('a profile without userName');
  const folded = typeof email === 'string' ? foldText(email) : null;
  return [userName, foldText(userName), folded, typeof externalId === 'string' ? externalId : null];
}

type Members = Readonly<Record<string, unknown>>;
