import { snakeCase } from '../../commands/create-user.ts';
import type { ImportedUser } from '../../commands/import-users.ts';
import { DomainError } from '../../domain/errors.ts';
import { checkLengths, lengthsOfUser } from '../local/lengths.ts';

/** One row of the file that people are brought from: somebody, or what is wrong with it. */
export interface PersonRow {
  /** Where it begins, from 1. */
  readonly line: number;
  /** Which one of all it is, from 1, where that was counted: a document may be one line. */
  readonly place?: number;
  /** What the person is called there, as far as it can be read. */
  readonly name: string;
  /** That the file names. */
  readonly organizationId?: string;
  readonly user?: ImportedUser;
  readonly fault?: string;
}

/** The file as a whole cannot be read; the message says why, and what to do. */
export class FileUnreadable extends Error {
  override readonly name = 'FileUnreadable';
}

/** One row cannot be read; the message says why, and never repeats a value. */
export class RowFault extends Error {
  override readonly name = 'RowFault';
}

/** What a reader makes of one row. */
export interface ReadPerson {
  readonly organizationId?: string;
  readonly user: ImportedUser;
  /** There is a password, and it is none that can be taken. */
  readonly passwordFault?: string;
}

export interface ReadOptions {
  /** Who has a password that cannot be taken comes without it. */
  readonly withoutPasswords: boolean;
  /** By user id, where a living instance was asked for them. */
  readonly states?: ReadonlyMap<string, ImportedUser['state']>;
}

/** The row that `read` makes, or why it makes none: also of texts too long, and of what is no UTF-8. */
export function personRow(
  { line, name: nameOf }: { readonly line: number; readonly name: () => string },
  { withoutPasswords }: ReadOptions,
  read: () => ReadPerson,
): PersonRow {
  try {
    const { user, organizationId, passwordFault } = read();
    if (passwordFault !== undefined && !withoutPasswords) throw new RowFault(passwordFault);
    checkLengths(lengthsOfUser(user));
    checkLengths({ user_id: [user.userId, 1, 200], lock_reason: [user.lockReason, 1, 500] });
    requireDecoded(user);
    return { line, name: nameOf(), user, ...(organizationId !== undefined && { organizationId }) };
  } catch (error) {
    if (error instanceof RowFault) return { line, name: nameOf(), fault: error.message };
    if (error instanceof DomainError) return { line, name: nameOf(), fault: error.text };
    throw error;
  }
}

// What a decoder puts where bytes are no UTF-8: a file in another encoding would bring names that nobody can type.
function requireDecoded({ profile, ...texts }: ImportedUser): void {
  for (const [field, value] of Object.entries({ ...texts, ...profile })) {
    if (typeof value !== 'string') continue;
    if (value.includes('\ufffd')) {
      throw new RowFault(`${snakeCase(field)}: is not UTF-8: save the file as UTF-8`);
    }
    // Half of a character, which JSON can say: on its way it would become that very sign.
    if (!value.isWellFormed()) throw new RowFault(`${snakeCase(field)}: holds half of a character`);
  }
}
