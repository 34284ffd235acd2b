import { sentenceParts } from '../../domain/words/lock-sentence.ts';
import type { TimeShown } from '../output.ts';

/** What is told otherwise than the server says it. */
export interface Reading {
  readonly time: TimeShown;
  /** Whoever locked, and what people call them. */
  readonly by?: { readonly id: string; readonly name: string } | undefined;
}

/** A sentence of the server about a lock: its times as the output shows them, and a name in the place of the id. */
export function readable(sentence: string, { time, by }: Reading): string {
  const shown = { words: (text: string) => text, time, who: (id: string) => by?.name ?? id };
  return sentenceParts(sentence, by?.id)
    .map(({ kind, text }) => shown[kind](text) ?? text)
    .join('');
}
