// Controls, line ends, and what has no shape of its own but moves or hides that of others: all of Bidi_Control, soft hyphens,
// spaces without width, tags. Two joiners are not among them, which Persian names and family emoji are written with.
const unseen = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * Text of strangers as it may reach a terminal: what would steer it, turn the direction of what stands beside it or stay
 * unseen is shown as an escape of JSON, in JSON text as well.
 */
export function visible(text: string): string {
  return text.replace(unseen, escaped);
}

/** The same of several lines, which stay lines. */
export function visibleLines(text: string): string {
  return text.split('\n').map(visible).join('\n');
}

// Beyond the basic plane a character is two units, and JSON escapes each.
function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}
