import { schemaVersion } from './schema-version.ts';

/**
 * What a server says that finds the schema raised above what it knows. It would write rows as its own version has them,
 * which the newer one takes for damage: so the very transaction that writes asks, and nothing is written.
 */
export class Fenced extends Error {
  override readonly name = 'Fenced';
  /** SQLite's code for what may not be written. */
  readonly errcode = 8; /* READONLY */

  constructor(version?: number) {
    const found = version === undefined ? 'a newer schema' : `schema version ${version}`;
    super(
      `the database has ${found}, this Latchkey knows version ${schemaVersion}: it was raised by a newer Latchkey, so this server writes nothing more; upgrade it`,
    );
  }
}

/** Throws Fenced where this code may not write to a schema of this version. */
export function requireKnown(version: number): void {
  if (version > schemaVersion) throw new Fenced(version);
}
