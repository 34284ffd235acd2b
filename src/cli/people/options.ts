import type { OptionSpecs } from '../arguments.ts';

/** Each form that people are brought in. */
export const sourceNames = ['csv', 'jsonl', 'keycloak', 'zitadel'] as const;

export type SourceName = (typeof sourceNames)[number];

export function isSourceName(name: string): name is SourceName {
  return sourceNames.some((one) => one === name);
}

/** Options of `latchkey import --from`. */
export const peopleOptions = {
  from: { value: 'FORM', choices: sourceNames, help: 'people of another system, and how FILE holds them' },
  org: { value: 'ORG_ID', help: 'the organization', fallback: 'that of the file, else the only one' },
  'states-url': {
    value: 'URL',
    help: 'with --from zitadel: the instance that the file is from, to ask who is locked or inactive',
  },
  'states-token-file': { value: 'FILE', help: 'with --states-url: a token that may read all users there' },
  'dry-run': { help: 'write nothing, and find the same faults' },
  report: { value: 'OUT.jsonl', help: 'a line for each row that is refused: which, and why' },
  update: {
    help: 'who is there gets names, address, number and external id of the file; never another state or password',
  },
  'without-passwords': { help: 'who has a password hash that is refused comes without a password' },
} as const satisfies OptionSpecs;
