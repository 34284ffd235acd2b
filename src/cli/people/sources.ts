import { readCsv } from './csv.ts';
import { readJsonLines } from './json-lines.ts';
import { readKeycloak } from './keycloak.ts';
import type { SourceName } from './options.ts';
import type { PersonRow, ReadOptions } from './person.ts';
import { readZitadel } from './zitadel.ts';

type Source = (file: string, options: ReadOptions) => AsyncIterable<PersonRow>;

/** How the rows of each form are read, each time from the start. */
export const sources: Readonly<Record<SourceName, Source>> = {
  csv: readCsv,
  jsonl: readJsonLines,
  keycloak: readKeycloak,
  zitadel: readZitadel,
};
