import { readCsv } from './csv.ts';
import { readJsonLines } from './json-lines.ts';
import type { PersonRow, ReadOptions } from './person.ts';

/** Each form that people are brought in: how its rows are read, each time from the start. */
export const sources = {
  csv: readCsv,
  jsonl: readJsonLines,
} as const satisfies Record<string, (file: string, options: ReadOptions) => AsyncIterable<PersonRow>>;

export type SourceName = keyof typeof sources;
export const sourceNames: readonly SourceName[] = ['csv', 'jsonl'];

export function isSourceName(name: string): name is SourceName {
  return Object.hasOwn(sources, name);
}
