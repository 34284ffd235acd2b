import { readCsv } from './csv.ts';
import { readJsonLines } from './json-lines.ts';
import { readKeycloak } from './keycloak.ts';
import type { PersonRow, ReadOptions } from './person.ts';
import { readZitadel } from './zitadel.ts';

/** Each form that people are brought in: how its rows are read, each time from the start. */
export const sources = {
  csv: readCsv,
  jsonl: readJsonLines,
  keycloak: readKeycloak,
  zitadel: readZitadel,
} as const satisfies Record<string, (file: string, options: ReadOptions) => AsyncIterable<PersonRow>>;

export type SourceName = keyof typeof sources;
export const sourceNames: readonly SourceName[] = ['csv', 'jsonl', 'keycloak', 'zitadel'];

export function isSourceName(name: string): name is SourceName {
  return Object.hasOwn(sources, name);
}
