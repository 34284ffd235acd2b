/** What broken-server.ts can do wrong. */
export type Bug = (typeof bugs)[number];

export const bugs = [
  'a lost race is answered OK',
  'an acknowledged change is never written',
  'a change that was made is decided on again',
  'decisions are made on a row of before',
] as const;
