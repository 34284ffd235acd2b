/** A part of a sentence about a lock: plain words, a time as RFC 3339 writes it, or the id of whoever locked. */
export interface SentencePart {
  readonly kind: 'words' | 'time' | 'who';
  readonly text: string;
}

const times = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/;
/** From here on it is what somebody has typed. */
const reason = ' Reason: ';

/**
 * What readers see otherwise than `explainLock` says it, apart from the rest, in order; together they are the sentence.
 * `lockedBy`: whose id may stand in it. What was typed as the reason is words, whatever it looks like.
 */
export function sentenceParts(sentence: string, lockedBy = ''): readonly SentencePart[] {
  const end = sentence.indexOf(reason);
  const [told, typed] = end === -1 ? [sentence, ''] : [sentence.slice(0, end), sentence.slice(end)];
  const at = lockedBy === '' ? -1 : told.indexOf(`, ${lockedBy}, since `);
  const whoAt = at === -1 ? told.length : at + ', '.length;
  const afterAt = at === -1 ? told.length : whoAt + lockedBy.length;
  const parts: readonly SentencePart[] = [
    ...timedParts(told.slice(0, whoAt)),
    { kind: 'who', text: told.slice(whoAt, afterAt) },
    ...timedParts(told.slice(afterAt)),
    { kind: 'words', text: typed },
  ];
  return parts.filter(({ text }) => text !== '');
}

// Split by a group, every second piece is what the group matched.
function timedParts(text: string): SentencePart[] {
  return text.split(times).map((piece, nth) => ({ kind: nth % 2 === 0 ? 'words' : 'time', text: piece }));
}
