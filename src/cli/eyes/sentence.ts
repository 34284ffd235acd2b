import type { TimeShown } from '../output.ts';

/** What is told otherwise than the server says it. */
export interface Reading {
  readonly time: TimeShown;
  /** Whoever locked, and what people call them. */
  readonly by?: { readonly id: string; readonly name: string } | undefined;
}

const times = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;
/** From here on it is what somebody has typed. */
const reason = ' Reason: ';

/** A sentence of the server about a lock: its times as the output shows them, and a name in the place of the id. */
export function readable(sentence: string, { time, by }: Reading): string {
  const end = sentence.indexOf(reason);
  const [told, typed] = end === -1 ? [sentence, ''] : [sentence.slice(0, end), sentence.slice(end)];
  const named = by === undefined ? told : told.replace(`, ${by.id}, since `, () => `, ${by.name}, since `);
  return `${named.replace(times, (text) => time(text) ?? text)}${typed}`;
}
